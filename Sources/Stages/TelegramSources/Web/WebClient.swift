import CCurl
import Foundation

/// An HTTP answer.
struct WebAnswer {
  /// The status, such as 200.
  var status: Int
  /// The `Content-Type`; empty if there is none.
  var type: String
  /// The target of a redirection, which was not followed.
  var location: String?
  /// How long the server asks to wait, in seconds.
  var retryAfter: Int?
  /// The body, unpacked.
  var body: [UInt8]
}

/// Why there is no ``WebAnswer``.
enum WebFailure: Error, Equatable {
  /// The network or the server failed, perhaps for a moment.
  case network(String)
  /// The answer is larger than this many bytes.
  case tooLarge(Int)
}

/// Sends requests to a web server with libcurl, one at a time, over a connection that is kept.
///
/// Proxies are those of the environment (`https_proxy` and so on).
final class WebClient {
  /// The size of the largest answer that is accepted, unpacked, in bytes.
  static let largestAnswer = 20_000_000

  private let easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  private let headers: UnsafeMutablePointer<curl_slist>?
  private let errorText: UnsafeMutablePointer<CChar>
  private let receiver = Receiver()
  private let stallTimeout: Duration

  /// Whether libcurl is set up, which is done once per process.
  private static let isSetUp = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// A client with the settings of the preview; `nil` if there is no memory for one.
  init?(_ settings: WebPreview.Settings) {
    guard Self.isSetUp, let easy = curl_easy_init() else { return nil }
    guard let multi = curl_multi_init() else {
      curl_easy_cleanup(easy)
      return nil
    }
    self.easy = easy
    self.multi = multi
    headers = curl_slist_append(curl_slist_append(nil, "Accept: text/html"), "Accept-Language: en")
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    stallTimeout = .seconds(settings.stallTimeout)
    setOptions(settings)
  }

  deinit {
    curl_multi_cleanup(multi)
    curl_easy_cleanup(easy)
    curl_slist_free_all(headers)
    errorText.deallocate()
  }

  private func setOptions(_ settings: WebPreview.Settings) {
    ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    ccurl_set_string(easy, CURLOPT_USERAGENT, settings.userAgent)
    // All compressions that libcurl knows.
    ccurl_set_string(easy, CURLOPT_ACCEPT_ENCODING, "")
    ccurl_set_headers(easy, headers)
    ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
    ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    // An interrupted name lookup is left to finish on its own thread.
    ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
    ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Int(settings.connectTimeout * 1000))
    ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, Int(settings.answerTimeout * 1000))
    ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    ccurl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(receiver).toOpaque())
    ccurl_set_write_function(easy) { bytes, size, count, receiver in
      guard let bytes, let receiver else { return 0 }
      return Unmanaged<Receiver>.fromOpaque(receiver).takeUnretainedValue()
        .take(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
  }

  /// The answer to a GET of `address`.
  ///
  /// `check` is called at least every tenth of a second.
  ///
  /// - Throws: ``WebFailure``; what `check` throws, which ends the request.
  func get(_ address: String, check: () throws -> Void) throws -> WebAnswer {
    receiver.reset()
    errorText[0] = 0
    ccurl_set_string(easy, CURLOPT_URL, address)
    curl_multi_add_handle(multi, easy)
    defer { curl_multi_remove_handle(multi, easy) }
    try checked(waitForEnd(check: check))
    return answer
  }

  /// Runs the request and returns the code that it ended with.
  private func waitForEnd(check: () throws -> Void) throws -> CURLcode {
    while true {
      try check()
      var running: Int32 = 0
      let code = curl_multi_perform(multi, &running)
      guard code == CURLM_OK else {
        throw WebFailure.network(String(cString: curl_multi_strerror(code)))
      }
      if running == 0 {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
          if message.pointee.msg == CURLMSG_DONE { return message.pointee.data.result }
        }
        return CURLE_GOT_NOTHING
      }
      if ContinuousClock.now - receiver.lastBytes > stallTimeout {
        let seconds = String(format: "%g", stallTimeout / .seconds(1))
        throw WebFailure.network("no answer for \(seconds) s")
      }
      curl_multi_poll(multi, nil, 0, 50, nil)
    }
  }

  private func checked(_ code: CURLcode) throws(WebFailure) {
    guard !receiver.isFull else { throw .tooLarge(Self.largestAnswer) }
    guard code != CURLE_OK else { return }
    let detail = String(cString: errorText)
    throw .network(detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail)
  }

  private var answer: WebAnswer {
    var status = 0
    ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    var retryAfter: curl_off_t = 0
    ccurl_get_offset(easy, CURLINFO_RETRY_AFTER, &retryAfter)
    return WebAnswer(
      status: status, type: text(CURLINFO_CONTENT_TYPE) ?? "",
      location: text(CURLINFO_REDIRECT_URL), retryAfter: retryAfter > 0 ? Int(retryAfter) : nil,
      body: receiver.body)
  }

  private func text(_ info: CURLINFO) -> String? {
    var text: UnsafePointer<CChar>?
    ccurl_get_string(easy, info, &text)
    return text.map { String(cString: $0) }
  }

  /// Receives the bytes of an answer as they come.
  private final class Receiver {
    private(set) var body: [UInt8] = []
    private(set) var lastBytes = ContinuousClock.now
    /// Whether the answer is too large.
    private(set) var isFull = false

    func reset() {
      body.removeAll()
      lastBytes = .now
      isFull = false
    }

    /// Appends `bytes` and returns how many were accepted; fewer end the request.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
      lastBytes = .now
      isFull = body.count + bytes.count > WebClient.largestAnswer
      guard !isFull else { return 0 }
      body.append(contentsOf: bytes)
      return bytes.count
    }
  }
}

/// The address of a web server, such as `https://t.me` or `http://127.0.0.1:8080`.
public struct WebAddress: Equatable, Sendable, CustomStringConvertible {
  /// The address without a trailing slash.
  public let text: String

  /// The server on which Telegram shows channels to people without an account.
  public static let telegram = WebAddress(verified: "https://t.me")

  /// The address `text`: `http` or `https`, a host, perhaps a port and a path; `nil` if it is not one.
  public init?(_ text: String) {
    guard
      let scheme = ["https://", "http://"].first(where: text.lowercased().hasPrefix),
      let host = text.utf8.dropFirst(scheme.utf8.count).first,
      Self.isNameByte(host) || host == 0x5B,
      text.utf8.allSatisfy({ Self.isNameByte($0) || Self.marks.contains($0) })
    else { return nil }
    self.text = String(text.reversed().drop { $0 == "/" }.reversed())
  }

  private init(verified text: String) {
    self.text = text
  }

  private static let marks = Set("-._~:/[]%".utf8)

  private static func isNameByte(_ byte: UInt8) -> Bool {
    0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte
  }

  public var description: String { text }
}
