import Foundation

/// The path of `name` in the checkout from which the tests were built.
public func checkoutPath(_ name: String = "") -> String {
  var root = URL(filePath: #filePath)
  for _ in 0..<4 { root.deleteLastPathComponent() }
  return root.appending(path: name).path
}
