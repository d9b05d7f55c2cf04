import Foundation
import Synchronization

/// Two servers that play the Hugging Face Hub and the store of its large files, with faults on demand.
///
/// The store refuses requests with a token, as the real one does.
public final class HubServer: Sendable {
  /// What a request is about.
  public enum Place: Hashable, Sendable {
    /// The files of a repository.
    case listing
    /// Where the content of the file is.
    case resolve(String)
    /// The content of the file: at the hub for small ones, in the store for large ones.
    case content(String)
  }

  /// A request with the answer that it would get.
  public struct Exchange: Sendable {
    public let request: HTTPRequest
    public let place: Place
    /// How many requests have been about the place, this one included.
    public let count: Int
    public let reply: HTTPReply
  }

  /// A repository.
  public struct Repository: Sendable {
    /// The contents of its files by their paths.
    public var files: [String: [UInt8]]
    /// Whether only requests with ``token`` see it.
    public var isPrivate = false
    /// Whether only requests with ``admittedToken`` see its files.
    public var isGated = false

    public init(_ files: [String: [UInt8]]) { self.files = files }
  }

  /// A token of somebody who has not been admitted anywhere.
  public static let token = "hf_valid"
  /// A token of somebody who has accepted the terms of all repositories.
  public static let admittedToken = "hf_admitted"

  private let hub: HTTPServer
  private let store: HTTPServer
  private let state: State

  /// The address to give as `HF_ENDPOINT`.
  public var address: String { hub.address }
  /// The requests to the hub so far.
  public var hubRequests: [HTTPRequest] { hub.requests }
  /// The requests to the store so far.
  public var storeRequests: [HTTPRequest] { store.requests }
  /// How many requests have been about `place`.
  public func count(_ place: Place) -> Int { state.count(place) }
  /// The commit of `repository`.
  public func commit(of repository: String) -> String { state.commits[repository] ?? "" }
  /// The hash that is the name of the file's blob.
  public func hash(of path: String, in repository: String) -> String {
    state.hashes[repository]?[path] ?? ""
  }

  /// Serves `repositories` by their names, and redirects requests for the keys of `renamed`.
  ///
  /// `fault` gets each request with the usual reply, and returns the reply to send.
  public init(
    _ repositories: [String: Repository], renamed: [String: String] = [:],
    fault: @escaping @Sendable (Exchange) -> HTTPReply = { $0.reply }
  ) throws {
    let state = try State(repositories, renamed: renamed, fault: fault)
    self.state = state
    let store = try HTTPServer { state.storeReply($0) }
    self.store = store
    let storeAddress = store.address
    hub = try HTTPServer { state.hubReply($0, storeAddress: storeAddress) }
  }

  /// Whether a file is kept in the store.
  public static func isLarge(_ path: String) -> Bool {
    path.hasSuffix(".safetensors") || path.hasSuffix(".bin")
  }
}

/// What both servers know.
private final class State: Sendable {
  let repositories: [String: HubServer.Repository]
  let commits: [String: String]
  let hashes: [String: [String: String]]
  private let renamed: [String: String]
  private let fault: @Sendable (HubServer.Exchange) -> HTTPReply
  private let counts = Mutex<[HubServer.Place: Int]>([:])

  init(
    _ repositories: [String: HubServer.Repository], renamed: [String: String],
    fault: @escaping @Sendable (HubServer.Exchange) -> HTTPReply
  ) throws {
    self.repositories = repositories
    self.renamed = renamed
    self.fault = fault
    hashes = try repositories.mapValues { repository in
      try Dictionary(
        uniqueKeysWithValues: repository.files.map { path, bytes in
          try HubServer.isLarge(path)
            ? (path, checksum("sha256sum", of: bytes))
            : (path, checksum("sha1sum", of: Array("blob \(bytes.count)\0".utf8) + bytes))
        })
    }
    commits = try hashes.mapValues { files in
      let text = files.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
      return try checksum("sha1sum", of: Array(text.utf8))
    }
  }

  func count(_ place: HubServer.Place) -> Int { counts.withLock { $0[place] ?? 0 } }

  private func answer(
    _ request: HTTPRequest, _ place: HubServer.Place, _ reply: HTTPReply
  ) -> HTTPReply {
    let count = counts.withLock { counts in
      counts[place, default: 0] += 1
      return counts[place] ?? 0
    }
    return fault(.init(request: request, place: place, count: count, reply: reply))
  }

  // MARK: - The hub

  func hubReply(_ request: HTTPRequest, storeAddress: String) -> HTTPReply {
    let parts = request.path.split(separator: "/").map { $0.removingPercentEncoding ?? "" }
    if parts.starts(with: ["api", "resolve-cache", "models"]), let path = parts.last {
      let name = parts.dropFirst(3).dropLast(2).joined(separator: "/")
      return answer(request, .content(path), content(request, path, of: name))
    }
    let isListing = parts.starts(with: ["api", "models"])
    guard let split = parts.lastIndex(of: isListing ? "revision" : "resolve"),
      parts.count > split + 1
    else { return Self.error(404, nil, "Sorry, we can't find the page you are looking for.") }
    let name = parts[(isListing ? 2 : 0)..<split].joined(separator: "/")
    let rest = parts[(split + 1)...]
    let path = rest.dropFirst().joined(separator: "/")
    let place: HubServer.Place = isListing ? .listing : .resolve(path)
    if let new = renamed[name] {
      let target = request.target.replacing(name + "/", with: new + "/", maxReplacements: 1)
      return answer(request, place, Self.redirect(307, to: target, []))
    }
    let reply =
      refusal(request, name, forFiles: !isListing)
      ?? (isListing
        ? listing(name, revision: rest.joined(separator: "/"))
        : resolved(name, rest.first ?? "", path, storeAddress))
    return answer(request, place, reply)
  }

  /// Why the request may not see the repository; `nil` if it may.
  private func refusal(_ request: HTTPRequest, _ name: String, forFiles: Bool) -> HTTPReply? {
    let token = request.fields["authorization"].map { $0.replacing("Bearer ", with: "") }
    if let token, token != HubServer.token, token != HubServer.admittedToken {
      return Self.error(401, nil, "Invalid credentials in Authorization header")
    }
    guard let repository = repositories[name], !repository.isPrivate || token != nil else {
      return token == nil
        ? Self.error(401, "RepoNotFound", "Invalid username or password.")
        : Self.error(404, "RepoNotFound", "Repository not found")
    }
    guard repository.isGated, forFiles, token != HubServer.admittedToken else { return nil }
    return Self.error(
      token == nil ? 401 : 403, "GatedRepo", "Access to model \(name) is restricted.")
  }

  private func listing(_ name: String, revision: String) -> HTTPReply {
    let commit = commits[name] ?? ""
    guard ["main", "refs/pr/1", commit, String(commit.prefix(7))].contains(revision) else {
      return Self.error(404, "RevisionNotFound", "Invalid rev id: \(revision)")
    }
    let siblings = (repositories[name]?.files ?? [:]).sorted { $0.key < $1.key }.map {
      path, bytes in
      let hash = hashes[name]?[path] ?? ""
      return HubServer.isLarge(path)
        ? #"{"rfilename":"\#(path)","size":\#(bytes.count),"blobId":"\#(String(repeating: "0", count: 40))","lfs":{"sha256":"\#(hash)","size":\#(bytes.count),"pointerSize":130}}"#
        : #"{"rfilename":"\#(path)","size":\#(bytes.count),"blobId":"\#(hash)"}"#
    }
    return HTTPReply(
      200,
      #"{"id":"\#(name)","sha":"\#(commit)","siblings":[\#(siblings.joined(separator: ","))]}"#,
      type: "application/json; charset=utf-8")
  }

  private func resolved(
    _ name: String, _ revision: String, _ path: String, _ storeAddress: String
  ) -> HTTPReply {
    guard repositories[name]?.files[path] != nil else {
      return Self.error(404, "EntryNotFound", "Entry not found")
    }
    let fields = ["X-Repo-Commit: \(revision)"]
    guard HubServer.isLarge(path) else {
      return Self.redirect(307, to: "/api/resolve-cache/models/\(name)/\(revision)/\(path)", fields)
    }
    return Self.redirect(
      302, to: "\(storeAddress)/\(name)/\(path)?Signature=SECRET\(revision)", fields)
  }

  // MARK: - The store

  func storeReply(_ request: HTTPRequest) -> HTTPReply {
    let parts = request.path.split(separator: "/").map(String.init)
    let path = parts.last ?? ""
    guard request.fields["authorization"] == nil else {
      return answer(
        request, .content(path), Self.error(400, nil, "Only one auth mechanism allowed"))
    }
    return answer(
      request, .content(path), content(request, path, of: parts.dropLast().joined(separator: "/")))
  }

  private func content(_ request: HTTPRequest, _ path: String, of name: String) -> HTTPReply {
    guard let bytes = repositories[name]?.files[path] else {
      return Self.error(404, nil, "no such file")
    }
    let range = request.fields["range"]?.wholeMatch(of: /bytes=(\d+)-/)
    guard let start = range.flatMap({ Int($0.1) }) else {
      var reply = HTTPReply(200, bytes, type: "application/octet-stream")
      if !HubServer.isLarge(path) {
        reply.fields.append("X-Repo-Commit: \(commits[name] ?? "")")
      }
      return reply
    }
    guard start < bytes.count else {
      var reply = HTTPReply(416, "")
      reply.fields.append("Content-Range: bytes */\(bytes.count)")
      return reply
    }
    var reply = HTTPReply(206, Array(bytes[start...]), type: "application/octet-stream")
    reply.fields.append("Content-Range: bytes \(start)-\(bytes.count - 1)/\(bytes.count)")
    return reply
  }

  // MARK: - Answers

  private static func redirect(_ status: Int, to target: String, _ fields: [String]) -> HTTPReply {
    var reply = HTTPReply(status, "Redirecting to \(target)", type: "text/plain")
    reply.fields += ["Location: \(target)"] + fields
    return reply
  }

  private static func error(_ status: Int, _ code: String?, _ message: String) -> HTTPReply {
    var reply = HTTPReply(status, #"{"error":"\#(message)"}"#, type: "application/json")
    reply.fields.append("X-Error-Message: \(message)")
    if let code { reply.fields.append("X-Error-Code: \(code)") }
    return reply
  }
}

/// The first word that the `program`, such as `sha256sum`, prints for `bytes`.
private func checksum(_ program: String, of bytes: [UInt8]) throws -> String {
  let folder = try TemporaryFolder()
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/\(program)")
  process.arguments = [try folder.write(bytes, to: "bytes")]
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return String(text.prefix { $0 != " " })
}
