import FileSupport
import Foundation
import Threading

/// TDLib's JSON interface (`libtdjson`), loaded at run time.
///
/// The library is never unloaded: TDLib keeps threads of its own running in it.
public final class TDLibrary {
  /// The library is missing, is not the right one, or cannot run here.
  public struct LoadError: Error, CustomStringConvertible {
    /// What is wrong, what was tried, and how to get the library.
    public let description: String
  }

  /// Where the library was found; a bare name if the system's loader found it.
  public let path: String

  private typealias CreateClientID = @convention(c) () -> Int32
  private typealias Send = @convention(c) (Int32, UnsafePointer<CChar>) -> Void
  private typealias Receive = @convention(c) (Double) -> UnsafePointer<CChar>?
  private typealias Execute = @convention(c) (UnsafePointer<CChar>) -> UnsafePointer<CChar>?

  private let createClientIDFunction: CreateClientID
  private let sendFunction: Send
  private let receiveFunction: Receive
  private let executeFunction: Execute

  /// The environment variable that names the library.
  public static let environmentVariable = "TDJSON_LIBRARY"

  /// The number of threads that TDLib starts for a client, and some to spare.
  private static let threadCount = 8

  /// How to get the library, for errors.
  static let howTo =
    "TDLib comes with the Python package tdjson: 'python3 -m pip download --no-deps tdjson', "
    + "unpack the .whl file (it is a zip archive), and name its tdjson.libs/libtdjson-….so… with "
    + "--tdlib or in \(environmentVariable)"

  /// Loads the library at `path`, which may be a folder that holds it.
  ///
  /// Without a path, the library is the one that `TDJSON_LIBRARY` names, or else the `libtdjson.so`
  /// that the system's loader finds, or else the first in the usual places, including the user's
  /// Python packages.
  ///
  /// - Throws: ``LoadError``, also if the system does not allow its threads.
  public init(
    path: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(LoadError) {
    // TDLib aborts the process if it cannot start a thread.
    guard HelperThread.areAllowed(Self.threadCount) else {
      throw LoadError(
        description: "TDLib starts \(Self.threadCount) threads, more than the system allows. "
          + ThreadShortage.remedy)
    }
    var failures: [String] = []
    for candidate in Self.candidates(path, environment) {
      guard let handle = dlopen(candidate, RTLD_NOW | RTLD_LOCAL) else {
        failures.append(Self.loaderMessage(candidate))
        continue
      }
      guard let create = dlsym(handle, "td_create_client_id"), let send = dlsym(handle, "td_send"),
        let receive = dlsym(handle, "td_receive"), let execute = dlsym(handle, "td_execute")
      else {
        dlclose(handle)
        failures.append("\(candidate): not TDLib's JSON interface of 1.7 (2020) or later")
        continue
      }
      self.path = candidate
      createClientIDFunction = unsafeBitCast(create, to: CreateClientID.self)
      sendFunction = unsafeBitCast(send, to: Send.self)
      receiveFunction = unsafeBitCast(receive, to: Receive.self)
      executeFunction = unsafeBitCast(execute, to: Execute.self)
      return
    }
    throw LoadError(
      description: "cannot load TDLib (libtdjson), which reads channels live; tried:\n"
        + failures.map { "  " + $0 }.joined(separator: "\n") + "\n" + Self.howTo)
  }

  /// Makes a client and returns its id; it becomes active with its first request.
  func createClientID() -> Int32 { createClientIDFunction() }

  /// Hands `request` to TDLib, which answers through ``receive(timeout:)``.
  func send(_ request: String, to client: Int32) { sendFunction(client, request) }

  /// The next answer or update of any client; `nil` if none comes in `timeout` seconds.
  ///
  /// TDLib aborts the process if two threads are in this function at once.
  func receive(timeout: Double) -> String? {
    // The text is valid only until the next call.
    receiveFunction(timeout).map { String(cString: $0) }
  }

  /// Answers `request` at once, without a client; only a few requests can be answered this way.
  func execute(_ request: String) -> String? {
    executeFunction(request).map { String(cString: $0) }
  }

  // MARK: - Finding the library

  private static func candidates(_ path: String?, _ environment: [String: String]) -> [String] {
    if let given = path ?? environment[environmentVariable].flatMap({ $0.isEmpty ? nil : $0 }) {
      guard Folder.exists(given) else {
        // The loader would look for a bare name elsewhere.
        return [given.contains("/") ? given : "./" + given]
      }
      let found = libraries(in: given)
      return found.isEmpty ? [given + "/libtdjson.so"] : found
    }
    let home = environment["HOME"].map { [$0 + "/.local"] } ?? []
    let prefixes = ["/usr/local", "/usr"] + home
    var paths = ["libtdjson.so"]
    for prefix in prefixes {
      paths += libraries(in: prefix + "/lib")
    }
    let environments = environment["VIRTUAL_ENV"].map { [$0] } ?? []
    for prefix in environments + home + prefixes {
      paths += pythonLibraries(below: prefix + "/lib")
    }
    return paths
  }

  /// The files `libtdjson*.so*` in a folder, the newest version first.
  private static func libraries(in folder: String) -> [String] {
    names(in: folder) { $0.hasPrefix("libtdjson") && $0.contains(".so") }
  }

  /// The libraries of the Python package tdjson in `lib`.
  private static func pythonLibraries(below lib: String) -> [String] {
    let pythons = names(in: lib) { $0.hasPrefix("python3") }
    return pythons.flatMap { python in
      ["site-packages", "dist-packages"].flatMap { packages in
        names(in: python + "/" + packages) { $0.hasPrefix("tdjson") }.flatMap(libraries(in:))
      }
    }
  }

  /// The paths of the items of `folder` whose names are wanted, in descending order.
  private static func names(in folder: String, _ isWanted: (String) -> Bool) -> [String] {
    let names = (try? Folder.list(folder)) ?? []
    return names.filter(isWanted).reversed().map { folder + "/" + $0 }
  }

  /// The loader's message about `candidate`, with its name.
  private static func loaderMessage(_ candidate: String) -> String {
    let message = dlerror().map { String(cString: $0) } ?? "cannot be loaded"
    return message.contains(candidate) ? message : candidate + ": " + message
  }
}
