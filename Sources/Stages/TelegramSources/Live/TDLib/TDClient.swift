import FileSupport
import JSONSupport

/// A client of TDLib: sends requests, receives answers and updates as they come.
///
/// There must be only one client at a time in the process, and one thread that uses it: a client
/// also receives what is meant for others.
package final class TDClient {
  /// What TDLib sends.
  package enum Event {
    /// The answer to the request with this id.
    case answer(Int, JSONValue)
    /// Something that was not requested.
    case update(JSONValue)
  }

  let library: TDLibrary
  private let id: Int
  private var lastRequest = 0

  /// Makes a client; it sends nothing before its first request.
  package init(_ library: TDLibrary) {
    self.library = library
    id = Int(library.createClientID())
  }

  /// Sends `request` and returns the id that its answer will have.
  package func send(_ request: TDRequest) -> Int {
    lastRequest += 1
    // An integer is safe: TDLib aborts the process over an "@extra" that is not UTF-8.
    library.send(request.text(extra: lastRequest), to: Int32(truncatingIfNeeded: id))
    return lastRequest
  }

  /// The next answer or update; `nil` if none comes in `timeout` seconds.
  ///
  /// - Throws: ``SourceFault`` if what comes is not JSON.
  package func receive(timeout: Double) throws -> Event? {
    guard let text = library.receive(timeout: timeout) else { return nil }
    let object = try Self.parse(text)
    // What is left over from a client closed earlier is dropped.
    guard object.whole("@client_id") ?? id == id else { return nil }
    guard let request = object.whole("@extra") else { return .update(object) }
    return .answer(request, object)
  }

  /// The answer to a request that needs no client; `nil` if TDLib returns none.
  package static func execute(_ request: TDRequest, in library: TDLibrary) throws -> JSONValue? {
    try library.execute(request.text()).map(parse)
  }

  private static func parse(_ text: String) throws -> JSONValue {
    var text = text
    do {
      return try text.withUTF8 { bytes in
        var reader = JSONReader(
          bytes: UnsafeRawBufferPointer(bytes), path: "TDLib", leniency: .loneSurrogates)
        return try JSONValue(&reader)
      }
    } catch let error as InputError {
      throw SourceFault(
        .protocolViolation, "TDLib", "its answer is not JSON: \(error.problem)")
    }
  }
}
