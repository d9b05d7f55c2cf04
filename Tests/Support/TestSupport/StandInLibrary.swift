import Foundation

/// A library that stands in for TDLib: a login and a channel, without a network.
///
/// Its sources are in `Tests/Stages/TelegramSourcesTests/StandIn`; `scenario.c` there documents the
/// scenarios. They are compiled once for all tests of a process. Each object is a copy in a folder of
/// its own, which is therefore loaded as a library of its own.
public final class StandInLibrary {
  private let folder: TemporaryFolder

  /// Prepares a library that plays `scenario`, with lines such as `posts 1000`.
  public init(_ scenario: String = "") throws {
    folder = try TemporaryFolder()
    try folder.write(Self.compiled.get(), to: "libtdjson.so")
    try play(scenario)
  }

  /// The path of the library.
  public var path: String { folder.path("libtdjson.so") }
  /// The path of a folder for a session, which does not exist yet.
  public var sessionFolder: String { folder.path("session") }

  /// Lets the next client play another scenario.
  public func play(_ scenario: String) throws {
    try folder.write(scenario, to: "scenario")
  }

  /// The requests so far, each as it was sent, the method first.
  public func requests() throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder.path("requests")) else { return [] }
    return try folder.text(of: "requests").split(separator: "\n").map(String.init)
  }

  /// How often `method` was called so far.
  public func calls(of method: String) throws -> Int {
    try requests().filter { $0.hasPrefix(#"{"@type":"\#(method)""#) }.count
  }

  // MARK: - Compiling

  private static let compiled = Result { try compile() }

  private static func compile() throws -> [UInt8] {
    let sources = checkoutPath("Tests/Stages/TelegramSourcesTests/StandIn")
    let files = try FileManager.default.contentsOfDirectory(atPath: sources)
      .filter { $0.hasSuffix(".c") }.sorted().map { sources + "/" + $0 }
    let folder = try TemporaryFolder()
    try CCompiler.makeLibrary(
      of: files, at: folder.path("libtdjson.so"), flags: ["-fvisibility=hidden", "-ldl"])
    return try folder.bytes(of: "libtdjson.so")
  }
}
