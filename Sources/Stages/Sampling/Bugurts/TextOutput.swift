import BytePairEncoding
import CommandLineSupport
import FileSupport
import JSONSupport

/// Gives bugurts out while they are written.
public final class TextOutput {
  private let format: TextFormat
  private let isJSON: Bool
  private let seed: UInt64
  private let tokenizer: Tokenizer
  private let file: OutputFile?
  private let standardOutput: OutputFile
  /// How many are shown on standard output.
  private var shown: Int
  /// Whether standard output gets a text as it is written, not when it is finished.
  private let streams: Bool
  /// What was written of the text in work.
  private var text = ""
  private var isBegun = false
  private var display: TextDisplay
  private var prompt = Prompt(text: "", tokens: [])
  /// Whether an empty line parts texts.
  var partsTexts: Bool
  public private(set) var count = 0

  /// Texts go to `file`, or to standard output where there is none.
  ///
  /// - Throws: `FileError`.
  public init(
    _ format: TextFormat, isJSON: Bool, to file: OutputFile?, showing limit: Int,
    _ tokenizer: Tokenizer, seed: UInt64, isConversation: Bool
  ) throws {
    self.format = format
    self.isJSON = isJSON
    self.seed = seed
    self.tokenizer = tokenizer
    self.file = file
    standardOutput = try OutputFile(path: "-")
    shown = file == nil ? .max : limit
    streams = Terminal.showsOutput || isConversation
    display = TextDisplay(tokenizer, format)
    partsTexts = format != .plain
  }

  /// Whether the beginning of a text is on the screen, whose end will follow.
  public var isMidText: Bool {
    isBegun && streams && !isJSON && count < shown && Terminal.showsOutput
  }

  public func take(_ event: BugurtWriter.Event) throws {
    switch event {
    case .beginning(let prompt):
      self.prompt = prompt
      display = TextDisplay(tokenizer, format)
      text = ""
      isBegun = true
      guard !isJSON else { return }
      if count > 0, partsTexts { try add("\n") }
      try add(prompt.tokens.reduce(into: "") { $0 += display.append($1) })
    case .token(let token):
      if !isJSON { try add(display.append(token)) }
    case .end(let text):
      if isJSON {
        let tokens = prompt.tokens + text.tokens + shownEnd(of: text)
        let json = text.json(
          prompt: prompt.text, text: TextDisplay.text(of: tokens, tokenizer, format), seed: seed)
        try add(json.text() + "\n")
      } else {
        try add(
          shownEnd(of: text).reduce(into: "") { $0 += display.append($1) } + display.finish() + "\n"
        )
      }
      if !streams { try show(self.text) }
      try file?.write(self.text)
      isBegun = false
      count += 1
    case .work: break
    }
  }

  /// Ends the text that is being written where it is.
  func breakOff() throws {
    if !isJSON { try show(display.finish() + "\n") }
    count += 1
  }

  /// Brings the file to the disk.
  public func finish() throws {
    guard let file, try !file.commit() else { return }
    Log.info("\(file.path) is unchanged")
  }

  /// Keeps what is finished after an interruption: the texts given out, and `others`.
  public func keep(_ others: [(prompt: Prompt, text: GeneratedText)]) throws {
    // The terminal may be gone, which must not keep the file from being written.
    if isMidText { try? show(display.finish() + "\n") }
    if file != nil { shown = 0 }
    // A screen has enough by now.
    guard file != nil || !streams else { return }
    for (prompt, text) in others {
      try take(.beginning(prompt))
      for token in text.tokens { try take(.token(token)) }
      try take(.end(text))
    }
    if count > 0 { try finish() }
  }

  private func shownEnd(of text: GeneratedText) -> [Int32] {
    format == .raw ? text.endToken.map { [$0] } ?? [] : []
  }

  /// Adds to the text in work.
  private func add(_ part: String) throws {
    text += part
    if streams { try show(part) }
  }

  private func show(_ text: String) throws {
    guard count < shown, !text.isEmpty else { return }
    if Terminal.showsOutput { Progress.hide() }
    do {
      try standardOutput.write(text)
      try standardOutput.synchronize()
    } catch let error as FileError {
      throw FileError(path: "standard output", operation: error.operation, code: error.code)
    }
  }
}
