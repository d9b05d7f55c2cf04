import Foundation
import Synchronization

/// A request to an ``HTTPServer``.
public struct HTTPRequest: Sendable {
  /// The place of the request in their order, from 1.
  public var number: Int
  /// The connection of the request, from 1.
  public var connection: Int
  /// The path and the query, such as `/s/name?before=20`.
  public var target: String
  /// The fields of the head by their names in lower case.
  public var fields: [String: String]

  /// The target without its query.
  public var path: String { String(target.prefix { $0 != "?" }) }

  /// The number after `key` in the query.
  public func number(_ key: String) -> Int? {
    let query = target.drop { $0 != "?" }.dropFirst()
    let values = query.split(separator: "&").map { $0.split(separator: "=", maxSplits: 1) }
    return values.first { $0.first == key[...] }.flatMap { $0.count > 1 ? Int($0[1]) : nil }
  }
}

/// What an ``HTTPServer`` answers, and with which faults.
public struct HTTPReply: Sendable {
  /// How the body is sent.
  public enum Course: Sendable {
    case whole
    /// The connection ends after this many bytes.
    case cut(after: Int)
    /// The connection is reset after this many bytes, which the client has received by then.
    case reset(after: Int)
    /// The connection ends without an answer.
    case dropped
    /// Nothing is sent for a while after this many bytes.
    case stalled(after: Int, seconds: Double)
    /// The body is sent in pieces, with pauses between them.
    case slow(bytes: Int, seconds: Double)
  }

  public var status: Int
  /// Lines of the head.
  public var fields: [String]
  public var body: [UInt8]
  public var course = Course.whole
  /// Whether the head states the length of the body; if not, the connection ends with the body.
  public var tellsLength = true

  public init(_ status: Int, _ body: String, type: String = "text/html; charset=utf-8") {
    self.init(status, Array(body.utf8), type: type)
  }

  public init(_ status: Int, _ body: [UInt8], type: String = "text/html; charset=utf-8") {
    self.status = status
    self.body = body
    fields = ["Content-Type: \(type)"]
  }

  /// The same, packed with gzip.
  public func packed() throws -> HTTPReply {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(filePath: "/bin/gzip")
    process.arguments = ["-c", try folder.write(body, to: "body")]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    var packed = self
    packed.body = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    packed.fields.append("Content-Encoding: gzip")
    return packed
  }
}

/// A small HTTP server on a free port of 127.0.0.1, with a thread for each connection.
///
/// It stops with the object.
public final class HTTPServer: Sendable {
  /// Why a server could not be started.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Its address, such as `http://127.0.0.1:40123`.
  public let address: String
  private let connections: Connections

  /// Starts a server that answers with what `reply` returns, which is called in several threads.
  public init(_ reply: @escaping @Sendable (HTTPRequest) -> HTTPReply) throws {
    let (listener, port) = try Self.listen()
    address = "http://127.0.0.1:\(port)"
    let connections = Connections(listener: listener, reply: reply)
    self.connections = connections
    Thread.detachNewThread { connections.accept() }
  }

  deinit { connections.stop() }

  /// The requests so far.
  public var requests: [HTTPRequest] { connections.requests }

  /// An address of this machine where nobody listens.
  public static func deafAddress() throws -> String {
    let (listener, port) = try listen()
    close(listener)
    return "http://127.0.0.1:\(port)"
  }

  private static func listen() throws -> (listener: Int32, port: UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && Glibc.listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard listener >= 0, isOpen else {
      throw Failure(description: "cannot listen: \(String(cString: strerror(errno)))")
    }
    return (listener, UInt16(bigEndian: address.sin_port))
  }
}

/// The connections of a server.
///
/// A socket is closed by the thread that serves it, and by no other.
private final class Connections: Sendable {
  private struct State {
    var open: Set<Int32> = []
    var requests: [HTTPRequest] = []
    var connections = 0
    var isStopped = false
  }

  private let listener: Int32
  private let reply: @Sendable (HTTPRequest) -> HTTPReply
  private let state = Mutex(State())

  init(listener: Int32, reply: @escaping @Sendable (HTTPRequest) -> HTTPReply) {
    self.listener = listener
    self.reply = reply
  }

  var requests: [HTTPRequest] { state.withLock { $0.requests } }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  func stop() {
    state.withLock { state in
      state.isStopped = true
      for socket in state.open { shutdown(socket, Int32(SHUT_RDWR)) }
    }
    shutdown(listener, Int32(SHUT_RDWR))
  }

  func accept() {
    while true {
      let socket = Glibc.accept(listener, nil, nil)
      guard socket >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        break
      }
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
      let number: Int? = state.withLock { state in
        guard !state.isStopped else { return nil }
        state.open.insert(socket)
        state.connections += 1
        return state.connections
      }
      guard let number else {
        close(socket)
        break
      }
      Thread.detachNewThread { [self] in
        while let request = receive(socket, connection: number), answer(request, socket) {}
        // A process that was started meanwhile may hold the socket, too: closing would not end the
        // connection.
        shutdown(socket, Int32(SHUT_RDWR))
        state.withLock { _ = $0.open.remove(socket) }
        close(socket)
      }
    }
    close(listener)
  }

  /// The next request; `nil` when the connection ends.
  private func receive(_ socket: Int32, connection: Int) -> HTTPRequest? {
    var head: [UInt8] = []
    while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      var byte: UInt8 = 0
      guard recv(socket, &byte, 1, 0) == 1 else { return nil }
      // A client that wants to encrypt begins with a byte that is not a letter.
      guard !head.isEmpty || byte >= 0x41 else { return nil }
      head.append(byte)
    }
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    guard let target = lines.first?.split(separator: " ").dropFirst().first else { return nil }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon].lowercased()] = String(line[colon...].dropFirst(2))
    }
    return state.withLock { state in
      let request = HTTPRequest(
        number: state.requests.count + 1, connection: connection, target: String(target),
        fields: fields)
      state.requests.append(request)
      return request
    }
  }

  /// Answers `request`; returns whether the connection stays open.
  private func answer(_ request: HTTPRequest, _ socket: Int32) -> Bool {
    let reply = reply(request)
    if case .dropped = reply.course { return false }
    var head = ["HTTP/1.1 \(reply.status) Reply"] + reply.fields
    head.append(reply.tellsLength ? "Content-Length: \(reply.body.count)" : "Connection: close")
    guard send(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8), socket) else {
      return false
    }
    switch reply.course {
    case .dropped: return false
    case .whole: return send(reply.body, socket) && reply.tellsLength
    case .cut(let count):
      _ = send(Array(reply.body.prefix(count)), socket)
      return false
    case .reset(let count):
      guard send(Array(reply.body.prefix(count)), socket), awaitReceipt(socket) else {
        return false
      }
      // Connecting to nothing resets the connection.
      var nothing = sockaddr()
      nothing.sa_family = sa_family_t(AF_UNSPEC)
      connect(socket, &nothing, socklen_t(MemoryLayout<sockaddr>.size))
      return false
    case .stalled(let count, let seconds):
      return send(Array(reply.body.prefix(count)), socket) && pause(seconds)
        && send(Array(reply.body.dropFirst(count)), socket) && reply.tellsLength
    case .slow(let count, let seconds):
      var rest = reply.body[...]
      while !rest.isEmpty {
        guard send(Array(rest.prefix(count)), socket), pause(seconds) else { return false }
        rest = rest.dropFirst(count)
      }
      return reply.tellsLength
    }
  }

  /// Pauses a reply; returns whether the server still runs.
  private func pause(_ seconds: Double) -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      guard !isStopped else { return false }
      usleep(2000)
    }
    return true
  }

  /// Waits until the client's system has received everything; returns whether the server still runs.
  private func awaitReceipt(_ socket: Int32) -> Bool {
    var unsent: Int32 = 1
    while unsent > 0 {
      guard !isStopped, ioctl(socket, UInt(TIOCOUTQ), &unsent) == 0 else { return false }
      usleep(1000)
    }
    return true
  }

  private func send(_ bytes: [UInt8], _ socket: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
