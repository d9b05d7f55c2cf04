import Foundation

/// The path of `name` in the checkout of the project that the tests were built from.
public func checkoutPath(_ name: String = "") -> String {
  var root = URL(filePath: #filePath)
  for _ in 0..<4 { root.deleteLastPathComponent() }
  return root.appending(path: name).path
}
