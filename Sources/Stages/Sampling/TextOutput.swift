import BytePairEncoding
import CommandLineSupport
import FileSupport
import JSONSupport
import TextGeneration

/// Outputs bugurts while they are written: as text or JSON, to standard output, a file or both.
public final class TextOutput {
  /// The form of the output.
  public struct Settings: Sendable {
    public var format = TextFormat.original
    public var isJSON = false
    /// How many texts are shown on standard output.
    public var showLimit = Int.max
    /// Whether a text is shown as it is written rather than when it is finished.
    public var streams = false
    /// Whether an empty line separates texts.
    public var separatesTexts = true
    /// The seed of the texts.
    public var seed: UInt64

    public init(seed: UInt64) {
      self.seed = seed
    }
  }

  /// How many texts have been output.
  public private(set) var count = 0
  private var settings: Settings
  private let tokenizer: Tokenizer
  private let file: OutputFile?
  private let standardOutput: OutputFile
  private var display: TextDisplay
  /// What has been written of the text in progress.
  private var text = ""
  private var isInText = false
  /// The adapter that writes, if several are compared.
  private var adapter: String?
  /// What is shown before the next text.
  private var heading = ""

  /// An output to `standardOutput`, and to `file` if there is one.
  public init(
    _ settings: Settings, _ tokenizer: Tokenizer, to file: OutputFile?, standardOutput: OutputFile
  ) {
    self.settings = settings
    self.tokenizer = tokenizer
    self.file = file
    self.standardOutput = standardOutput
    display = TextDisplay(tokenizer, settings.format)
  }

  /// Whether the beginning of a text has been shown and its end is still to follow.
  public var isMidText: Bool {
    isInText && settings.streams && !settings.isJSON && count < settings.showLimit
  }

  /// Begins the texts of a model with `adapter`, which are under its name.
  public func begin(adapter: String?) {
    self.adapter = adapter
    let isPlain = settings.format == .plain
    heading = adapter.map { "# \($0)\n" + (isPlain ? "" : "\n") } ?? ""
  }

  /// Outputs what `event` adds.
  ///
  /// - Throws: `FileError`.
  public func take(_ event: BugurtWriter.Event) throws {
    switch event {
    case .began(let prompt):
      display = TextDisplay(tokenizer, settings.format)
      (text, isInText) = ("", true)
      let gap = count > 0 && settings.separatesTexts ? "\n" : ""
      if !settings.isJSON { try add(gap + heading + display.append(prompt.tokens)) }
      heading = ""
    case .token(let token):
      if !settings.isJSON { try add(display.append([token])) }
    case .finished(let text):
      let end = settings.format == .raw ? [text.endToken].compactMap(\.self) : []
      if settings.isJSON {
        let tokens = text.request.prompt.tokens + text.tokens + end
        let shown = TextDisplay.text(of: tokens, tokenizer, settings.format)
        var members = text.json(text: shown, seed: settings.seed).members ?? []
        if let adapter { members.append(.init("adapter", .string(adapter))) }
        try add(JSONValue.object(members).text() + "\n")
      } else {
        try add(display.append(end) + display.finish() + "\n")
      }
      if !settings.streams { try show(self.text) }
      try file?.write(self.text)
      isInText = false
      count += 1
    case .progress: break
    }
  }

  /// Ends the text being written at its current point.
  public func breakOff() throws {
    guard isInText else { return }
    if !settings.isJSON { try show(display.finish() + "\n") }
    isInText = false
    count += 1
  }

  /// Gives the file its name.
  public func finish() throws {
    guard let file, try !file.commit() else { return }
    Log.info("\(file.path) is unchanged")
  }

  /// After an interruption, keeps what is finished: the texts already output, and `others`.
  public func keep(_ others: [GeneratedText]) throws {
    // The terminal may be gone, which must not prevent the file from being written.
    if isMidText { try? show(display.finish() + "\n") }
    if file != nil { settings.showLimit = 0 }
    // A user who watches texts being written does not want more of them now.
    guard file != nil || !settings.streams else { return }
    for text in others {
      try take(.began(text.request.prompt))
      for token in text.tokens { try take(.token(token)) }
      try take(.finished(text))
    }
    if count > 0 { try finish() }
  }

  /// Adds to the text in progress.
  private func add(_ part: String) throws {
    text += part
    if settings.streams { try show(part) }
  }

  private func show(_ text: String) throws {
    guard count < settings.showLimit, !text.isEmpty else { return }
    if settings.streams { Progress.hide() }
    do {
      try standardOutput.write(text)
      try standardOutput.synchronize()
    } catch let error as FileError {
      throw FileError(path: "standard output", operation: error.operation, code: error.code)
    }
  }
}
