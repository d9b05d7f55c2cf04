import CCurl
import FileSupport
import TextSupport

/// Sends requests to web servers with libcurl, one at a time, over connections that are kept.
///
/// Redirections are not followed. Proxies are those of the environment (`https_proxy` and so on).
public final class HTTPClient {
  /// How requests are sent.
  public struct Settings: Equatable, Sendable {
    /// The name by which servers know the program.
    public var userAgent: String
    /// Whether answers may be compressed on their way.
    public var acceptsCompression = true
    /// How long a connection may take, in seconds.
    public var connectTimeout = 15.0
    /// How long to wait for the next byte of an answer, in seconds.
    public var stallTimeout = 30.0
    /// How long an answer may take, in seconds; `nil` if that does not matter as long as bytes come.
    public var answerTimeout: Double?

    public init(userAgent: String) {
      self.userAgent = userAgent
    }
  }

  /// How long to wait for the next byte of an answer, in seconds.
  public var stallTimeout: Double

  private let curl: ccurl_functions
  private let easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  private let errorText: UnsafeMutablePointer<CChar>
  private let receiver = Receiver()

  /// libcurl, loaded and set up for the first client.
  private static let library = Result { () throws(SharedLibrary.LoadError) in
    let curl = try SharedLibrary.load(
      "libcurl.so.4", package: "libcurl4-openssl-dev", ccurl_functions(), find: ccurl_find)
    guard curl.curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
      throw SharedLibrary.LoadError("libcurl cannot be set up")
    }
    return curl
  }

  /// A client that has sent nothing yet.
  ///
  /// - Throws: ``SharedLibrary/LoadError``; `MemoryError`.
  public init(_ settings: Settings) throws {
    curl = try Self.library.get()
    guard let easy = curl.curl_easy_init() else { throw Self.noMemory }
    guard let multi = curl.curl_multi_init() else {
      curl.curl_easy_cleanup(easy)
      throw Self.noMemory
    }
    self.easy = easy
    self.multi = multi
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    stallTimeout = settings.stallTimeout
    setOptions(settings)
  }

  private static let noMemory = MemoryError(byteCount: 100_000, for: "a connection")

  deinit {
    _ = curl.curl_multi_cleanup(multi)
    curl.curl_easy_cleanup(easy)
    errorText.deallocate()
  }

  private func setOptions(_ settings: Settings) {
    ccurl_set_string(curl, easy, CURLOPT_PROTOCOLS_STR, "http,https")
    ccurl_set_string(curl, easy, CURLOPT_USERAGENT, settings.userAgent)
    // All compressions that libcurl knows.
    if settings.acceptsCompression { ccurl_set_string(curl, easy, CURLOPT_ACCEPT_ENCODING, "") }
    ccurl_set_long(curl, easy, CURLOPT_FOLLOWLOCATION, 0)
    ccurl_set_long(curl, easy, CURLOPT_NOSIGNAL, 1)
    // An interrupted name lookup is left to finish on its own thread.
    ccurl_set_long(curl, easy, CURLOPT_QUICK_EXIT, 1)
    ccurl_set_long(curl, easy, CURLOPT_CONNECTTIMEOUT_MS, Int(settings.connectTimeout * 1000))
    ccurl_set_long(curl, easy, CURLOPT_TIMEOUT_MS, Int((settings.answerTimeout ?? 0) * 1000))
    ccurl_set_pointer(curl, easy, CURLOPT_ERRORBUFFER, errorText)
    ccurl_set_pointer(curl, easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(receiver).toOpaque())
    ccurl_set_write_function(curl, easy) { bytes, size, count, receiver in
      guard let bytes, let receiver else { return 0 }
      return Unmanaged<Receiver>.fromOpaque(receiver).takeUnretainedValue()
        .take(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
  }

  /// The answer to a GET of `address`, with its body of at most `limit` bytes, unpacked.
  ///
  /// `fields` are lines of the request's head. `check` is called at least every tenth of a second.
  ///
  /// - Throws: ``HTTPFailure``; what `check` throws, which ends the request.
  public func get(
    _ address: String, fields: [String], limit: Int, check: () throws -> Void
  ) throws -> HTTPAnswer {
    var body: [UInt8] = []
    var answer = try get(address, fields: fields, limit: limit, check: check) { body += $1 }
    answer.body = body
    return answer
  }

  /// The head of the answer to a GET of `address`, whose body of at most `limit` bytes goes to
  /// `receive` as it comes, together with the head.
  ///
  /// - Throws: ``HTTPFailure``; what `check` and `receive` throw, which ends the request.
  public func get(
    _ address: String, fields: [String], limit: Int, check: () throws -> Void,
    receive: (HTTPAnswer, [UInt8]) throws -> Void
  ) throws -> HTTPAnswer {
    let list = fields.reduce(nil) { curl.curl_slist_append($0, $1) }
    defer {
      ccurl_set_headers(curl, easy, nil)
      curl.curl_slist_free_all(list)
    }
    receiver.begin(limit: limit)
    errorText[0] = 0
    ccurl_set_string(curl, easy, CURLOPT_URL, address)
    ccurl_set_headers(curl, easy, list)
    _ = curl.curl_multi_add_handle(multi, easy)
    defer { _ = curl.curl_multi_remove_handle(multi, easy) }
    var head: HTTPAnswer?
    while true {
      try check()
      let code = try perform()
      if !receiver.isEmpty {
        let current = head ?? answer
        head = current
        try receive(current, receiver.removeAll())
      }
      if let code {
        guard !receiver.isFull else { throw HTTPFailure.tooLarge(limit) }
        guard code == CURLE_OK else { throw failure(code) }
        return answer
      }
      if ContinuousClock.now - receiver.lastBytes > .seconds(stallTimeout) {
        throw HTTPFailure.network(
          "no answer for \(NumberText.shortest(stallTimeout)) s", .transfer)
      }
      _ = curl.curl_multi_poll(multi, nil, 0, 50, nil)
    }
  }

  /// Sends and receives what is possible without waiting; returns the code with which the request
  /// ended, or `nil` if it has not.
  private func perform() throws(HTTPFailure) -> CURLcode? {
    var running: Int32 = 0
    let code = curl.curl_multi_perform(multi, &running)
    guard code == CURLM_OK else {
      throw .network(Self.text(curl.curl_multi_strerror(code)) ?? "", .transfer)
    }
    guard running == 0 else { return nil }
    var left: Int32 = 0
    while let message = curl.curl_multi_info_read(multi, &left) {
      if message.pointee.msg == CURLMSG_DONE { return message.pointee.data.result }
    }
    return CURLE_GOT_NOTHING
  }

  private func failure(_ code: CURLcode) -> HTTPFailure {
    let detail = String(cString: errorText)
    let cause: HTTPFailure.Cause =
      switch code {
      case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: .connection
      case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: .proxy
      case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
        .certificate
      // A proxy that refuses to connect to the server.
      case CURLE_RECV_ERROR where detail.contains("CONNECT"): .proxy
      default: .transfer
      }
    let problem = detail.isEmpty ? Self.text(curl.curl_easy_strerror(code)) : detail
    return .network(problem ?? "", cause)
  }

  /// The answer so far, without its body.
  private var answer: HTTPAnswer {
    var status = 0
    ccurl_get_long(curl, easy, CURLINFO_RESPONSE_CODE, &status)
    var retryAfter: curl_off_t = 0
    ccurl_get_offset(curl, easy, CURLINFO_RETRY_AFTER, &retryAfter)
    var fields: [String: String] = [:]
    var field: UnsafeMutablePointer<curl_header>?
    while let next = curl.curl_easy_nextheader(easy, UInt32(CURLH_HEADER), -1, field) {
      fields[String(cString: next.pointee.name).lowercased()] = String(cString: next.pointee.value)
      field = next
    }
    return HTTPAnswer(
      status: status, fields: fields, location: text(CURLINFO_REDIRECT_URL),
      retryAfter: retryAfter > 0 ? Int(retryAfter) : nil)
  }

  private func text(_ info: CURLINFO) -> String? {
    var text: UnsafePointer<CChar>?
    ccurl_get_string(curl, easy, info, &text)
    return Self.text(text)
  }

  private static func text(_ text: UnsafePointer<CChar>?) -> String? {
    text.map { String(cString: $0) }
  }

  /// Receives the bytes of an answer as they come.
  private final class Receiver {
    private var bytes: [UInt8] = []
    private var count = 0
    private var limit = 0
    private(set) var lastBytes = ContinuousClock.now
    /// Whether the answer is too large.
    private(set) var isFull = false

    var isEmpty: Bool { bytes.isEmpty }

    func begin(limit: Int) {
      bytes.removeAll()
      (count, self.limit) = (0, limit)
      lastBytes = .now
      isFull = false
    }

    /// The bytes since the last call.
    func removeAll() -> [UInt8] {
      defer { bytes.removeAll(keepingCapacity: true) }
      return bytes
    }

    /// Appends `bytes` and returns how many were accepted; fewer end the request.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
      lastBytes = .now
      count += bytes.count
      isFull = count > limit
      guard !isFull else { return 0 }
      self.bytes.append(contentsOf: bytes)
      return bytes.count
    }
  }
}
