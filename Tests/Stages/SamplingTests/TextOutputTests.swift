import BytePairEncoding
import FileSupport
import JSONSupport
import Sampling
import TestSupport
import Testing
import TextGeneration

@Suite("TextOutput")
struct TextOutputTests {
  private let folder: TemporaryFolder
  private let tokenizer: Tokenizer
  private let end: Int32
  /// Stands for standard output.
  private let screen: OutputFile

  init() throws {
    folder = try TemporaryFolder()
    tokenizer = try SmallTokenizer.make()
    end = Int32(try #require(tokenizer.endOfText))
    screen = try OutputFile(path: folder.path("screen"))
  }

  private func output(
    to file: OutputFile? = nil, _ change: (inout TextOutput.Settings) -> Void = { _ in }
  ) -> TextOutput {
    var settings = TextOutput.Settings(seed: 7)
    change(&settings)
    return TextOutput(settings, tokenizer, to: file, standardOutput: screen)
  }

  private func shown() throws -> String {
    try screen.commit()
    return try folder.text(of: "screen")
  }

  /// A finished text that begins with `prompt` and goes on with `rest`.
  private func text(_ prompt: String, _ rest: String) throws -> GeneratedText {
    let tokens = try SmallTokenizer.tokens(prompt, tokenizer)
    var text = GeneratedText(
      request: TextRequest(prompt: Prompt(text: prompt, tokens: tokens), index: 0))
    text.tokens = try SmallTokenizer.tokens(rest, tokenizer)
    (text.finishReason, text.endToken) = (.endOfText, end)
    return text
  }

  private func give(_ text: GeneratedText, to output: TextOutput) throws {
    try output.take(.began(text.request.prompt))
    for token in text.tokens { try output.take(.token(token)) }
    try output.take(.finished(text))
  }

  @Test("texts are separated by an empty line, unless there is to be none")
  func separation() throws {
    let output = output()
    for _ in 0..<2 { try give(text("КОТ", " @ ДОМ"), to: output) }
    #expect(output.count == 2)
    let plain = self.output {
      $0.format = .plain
      $0.separatesTexts = false
    }
    for _ in 0..<2 { try give(text("КОТ", " @ ДОМ"), to: plain) }
    #expect(try shown() == "КОТ\n@\nДОМ\n\nКОТ\n@\nДОМ\nКОТ @ ДОМ\nКОТ @ ДОМ\n")
  }

  @Test("the texts of each adapter are under its name, which in JSON each object has")
  func adapters() throws {
    let output = output()
    for name in ["a", "b"] {
      output.begin(adapter: name)
      for _ in 0..<2 { try give(text("КОТ", ""), to: output) }
    }
    let plain = self.output {
      $0.format = .plain
      $0.separatesTexts = false
    }
    plain.begin(adapter: "c")
    try give(text("ДОМ", ""), to: plain)
    let json = self.output { $0.isJSON = true }
    json.begin(adapter: "d")
    try give(text("ДОМ", ""), to: json)
    let shown = try shown()
    #expect(shown.hasPrefix("# a\n\nКОТ\n\nКОТ\n\n# b\n\nКОТ\n\nКОТ\n# c\nДОМ\n{"))
    #expect(shown.hasSuffix(#","adapter":"d"}"# + "\n"))
  }

  @Test("raw shows the token that ends a text; JSON is an object a line in the same format")
  func rawAndJSON() throws {
    try give(text("КОТ", " ДОМ"), to: output { $0.format = .raw })
    let json = output {
      $0.format = .raw
      $0.isJSON = true
    }
    let finished = try text("КОТ", " ДОМ")
    for _ in 0..<2 { try give(finished, to: json) }
    let object = finished.json(text: "КОТ ДОМ</s>", seed: 7).text() + "\n"
    #expect(try shown() == "КОТ ДОМ</s>\n" + object + object)
  }

  @Test("a text is shown as it is written only where it is to be", arguments: [true, false])
  func streaming(streams: Bool) throws {
    let output = output { $0.streams = streams }
    let text = try text("КОТ", " ДОМ")
    #expect(!output.isMidText)
    try output.take(.began(text.request.prompt))
    try output.take(.progress)
    #expect(output.isMidText == streams)
    #expect(screen.byteCount == (streams ? "КОТ".utf8.count : 0))
    for token in text.tokens { try output.take(.token(token)) }
    #expect(screen.byteCount == (streams ? "КОТ ДОМ".utf8.count : 0))
    try output.take(.finished(text))
    #expect(!output.isMidText)
    #expect(try shown() == "КОТ ДОМ\n")
  }

  @Test("the file gets every text, standard output as many as are to be shown")
  func file() throws {
    let file = try OutputFile(path: folder.path("texts"))
    let output = output(to: file) {
      $0.showLimit = 1
      $0.streams = true
    }
    for rest in [" ДОМ", " КОТ"] { try give(text("КОТ", rest), to: output) }
    try output.finish()
    #expect(try folder.text(of: "texts") == "КОТ ДОМ\n\nКОТ КОТ\n")
    #expect(try shown() == "КОТ ДОМ\n")
  }

  @Test("broken off, a text ends with its line")
  func breakingOff() throws {
    let output = output { $0.streams = true }
    try output.breakOff()
    try output.take(.began(text("КОТ", "").request.prompt))
    try output.breakOff()
    #expect(output.count == 1)
    #expect(try shown() == "КОТ\n")
  }

  @Test("interrupted, the file gets the finished texts, and none of the one in progress")
  func keeping() throws {
    let file = try OutputFile(path: folder.path("texts"))
    let output = output(to: file) {
      $0.showLimit = 9
      $0.streams = true
    }
    try give(text("КОТ", " ДОМ"), to: output)
    try output.take(.began(text("ДОМ", "").request.prompt))
    try output.keep([text("КОТ", " КОТ")])
    #expect(output.count == 2)
    #expect(try folder.text(of: "texts") == "КОТ ДОМ\n\nКОТ КОТ\n")
    #expect(try shown() == "КОТ ДОМ\n\nДОМ\n")
  }

  @Test("interrupted without a file, finished texts follow, but not where texts are watched")
  func keepingOnStandardOutput() throws {
    for streams in [true, false] {
      let output = output { $0.streams = streams }
      try output.keep([text("КОТ", " ДОМ")])
      #expect(output.count == (streams ? 0 : 1))
    }
    #expect(try shown() == "КОТ ДОМ\n")
  }

  @Test("interrupted before the first text, the file is not written")
  func nothingToKeep() throws {
    do {
      let output = output(to: try OutputFile(path: folder.path("texts")))
      try output.keep([])
    }
    #expect(try !folder.names().contains("texts"))
  }
}
