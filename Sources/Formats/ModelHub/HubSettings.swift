import FileSupport
import Glibc
import HTTPSupport
import TextSupport

/// Where models are fetched from and kept: the environment variables of huggingface_hub.
public struct HubSettings: Sendable {
  /// The server: `HF_ENDPOINT`.
  public let endpoint: WebAddress
  /// The folder of the cache: `HF_HUB_CACHE`, or else `hub` in `HF_HOME`.
  public let cache: String
  /// The variable that forbids any request, if one does.
  public let offlineVariable: String?
  /// Whether no progress is to be shown: `HF_HUB_DISABLE_PROGRESS_BARS`.
  public let hidesProgress: Bool
  /// Whether files take the place of links: `HF_HUB_DISABLE_SYMLINKS`.
  let avoidsLinks: Bool
  /// What the user is known by, and where it is from; `nil` if there is none.
  let token: (text: String, source: String)?
  /// How long to wait for the next byte of a listing, in seconds: `HF_HUB_ETAG_TIMEOUT`.
  let listingTimeout: Double
  /// How long to wait for the next byte of a file, in seconds: `HF_HUB_DOWNLOAD_TIMEOUT`.
  let downloadTimeout: Double
  /// The variable that names a proxy, if one does.
  let proxyVariable: String?
  /// How often a request is sent.
  public var retries = RetrySchedule(attempts: 6, firstPause: 1, longestPause: 8)

  /// Reads the variables, whose values are `environment`; an empty one counts as missing.
  ///
  /// - Throws: ``HubError`` if a value cannot be used.
  public init(
    environment: @escaping (String) -> String? = { getenv($0).map { String(cString: $0) } }
  ) throws(HubError) {
    let variables = Variables(value: environment)
    let home =
      variables.path("HF_HOME")
      ?? (variables.path("XDG_CACHE_HOME") ?? variables.home + "/.cache") + "/huggingface"
    cache =
      variables.path("HF_HUB_CACHE") ?? variables.path("HUGGINGFACE_HUB_CACHE") ?? home + "/hub"
    let address = variables["HF_ENDPOINT"] ?? "https://huggingface.co"
    guard let endpoint = WebAddress(address) else {
      throw HubError(
        .usage, "HF_ENDPOINT",
        "expected an address such as https://huggingface.co, found '\(excerpt(address))'")
    }
    self.endpoint = endpoint
    offlineVariable = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first(where: variables.isTrue)
    hidesProgress = variables.isTrue("HF_HUB_DISABLE_PROGRESS_BARS")
    avoidsLinks = variables.isTrue("HF_HUB_DISABLE_SYMLINKS")
    listingTimeout = try variables.seconds("HF_HUB_ETAG_TIMEOUT") ?? 10
    downloadTimeout = try variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT") ?? 10
    proxyVariable = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"].first {
      variables[$0] != nil
    }
    token =
      variables.isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")
      ? nil : try variables.token(file: variables.path("HF_TOKEN_PATH") ?? home + "/token")
  }
}

/// Environment variables, read by the rules of huggingface_hub.
private struct Variables {
  /// The value of a variable.
  let value: (String) -> String?

  /// The value of `name`; `nil` if it is missing or empty.
  subscript(name: String) -> String? { value(name).flatMap { $0.isEmpty ? nil : $0 } }

  var home: String { self["HOME"] ?? "/" }

  func isTrue(_ name: String) -> Bool {
    ["1", "ON", "YES", "TRUE"].contains(self[name]?.uppercased())
  }

  func seconds(_ name: String) throws(HubError) -> Double? {
    guard let text = self[name] else { return nil }
    guard let seconds = Double(text), 0 < seconds, seconds < 1e6 else {
      throw HubError(
        .usage, name, "expected a number of seconds above 0, found '\(excerpt(text))'")
    }
    return seconds
  }

  /// The path in the variable `name`, in which `~`, `$NAME` and `${NAME}` stand for their values.
  func path(_ name: String) -> String? {
    guard var path = self[name] else { return nil }
    if path == "~" || path.hasPrefix("~/") { path = home + path.dropFirst() }
    return path.replacing(/\$(?:\{(\w+)\}|(\w+))/) { match in
      (match.1 ?? match.2).flatMap { value(String($0)) } ?? String(match.0)
    }
  }

  func token(file path: String) throws(HubError) -> (text: String, source: String)? {
    var found = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].lazy.compactMap { name in
      clean(value(name)).map { ($0, name) }
    }.first
    if found == nil, Folder.hasFile(path) {
      var lines = try? LineReader(path: path)
      found = clean(try? lines?.nextText()).map { ($0, path) }
    }
    guard let (text, source) = found else { return nil }
    // It becomes a line of a request's head.
    guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
      throw HubError(.usage, source, "expected a token such as hf_…: letters and digits, no blanks")
    }
    return (text, source)
  }

  private func clean(_ text: String?) -> String? {
    text.map(\.trimmed).flatMap { $0.isEmpty ? nil : $0 }
  }
}
