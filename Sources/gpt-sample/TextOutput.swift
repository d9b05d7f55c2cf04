import BytePairEncoding
import CommandLineSupport
import FileSupport
import Sampling

/// Gives bugurts out while they are written.
final class TextOutput {
  private let format: TextFormat
  private let isJSON: Bool
  private let seed: UInt64
  private let tokenizer: Tokenizer
  private let file: OutputFile?
  private let standardOutput: OutputFile
  /// How many are shown on standard output.
  private let shown: Int
  private var display: TextDisplay
  private var prompt = Prompt(text: "", tokens: [])
  /// Whether an empty line parts texts.
  var partsTexts: Bool
  private(set) var count = 0

  /// Texts go to `file`, or to standard output where there is none.
  ///
  /// - Throws: `FileError`.
  init(
    _ options: OutputOptions, to file: OutputFile?, _ tokenizer: Tokenizer, seed: UInt64
  ) throws {
    format = options.format
    isJSON = options.json
    self.seed = seed
    self.tokenizer = tokenizer
    self.file = file
    standardOutput = try OutputFile(path: "-")
    shown = file == nil ? .max : options.show
    display = TextDisplay(tokenizer, format)
    partsTexts = format != .plain
  }

  /// Whether the user sees the texts come.
  var isWatched: Bool { shown > 0 && Terminal.showsOutput }

  func take(_ event: BugurtWriter.Event) throws {
    switch event {
    case .beginning(let prompt):
      self.prompt = prompt
      display = TextDisplay(tokenizer, format)
      guard !isJSON else { return }
      if count > 0, partsTexts { try write("\n") }
      try write(prompt.tokens.reduce(into: "") { $0 += display.append($1) })
    case .token(let token):
      if !isJSON { try write(display.append(token)) }
    case .end(let text):
      if isJSON {
        let tokens = prompt.tokens + text.tokens + shownEnd(of: text)
        let json = text.json(
          prompt: prompt.text, text: TextDisplay.text(of: tokens, tokenizer, format), seed: seed)
        try write(json.text() + "\n")
      } else {
        try write(
          shownEnd(of: text).reduce(into: "") { $0 += display.append($1) } + display.finish() + "\n"
        )
      }
      count += 1
    case .work: break
    }
  }

  /// Ends the text that is being written where it is.
  func breakOff() throws {
    if !isJSON { try write(display.finish() + "\n") }
    count += 1
  }

  /// Brings the file to the disk.
  func finish() throws {
    guard let file, try !file.commit() else { return }
    Log.info("\(file.path) is unchanged")
  }

  private func shownEnd(of text: GeneratedText) -> [Int32] {
    format == .raw ? text.endToken.map { [$0] } ?? [] : []
  }

  private func write(_ text: String) throws {
    guard !text.isEmpty else { return }
    try file?.write(text)
    guard count < shown else { return }
    do {
      try standardOutput.write(text)
      try standardOutput.synchronize()
    } catch let error as FileError {
      throw FileError(path: "standard output", operation: error.operation, code: error.code)
    }
  }
}
