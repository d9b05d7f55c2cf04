import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport
import TextSupport

/// Shows the tokens of a text.
struct Inspection {
  /// The text; `-` is standard input.
  let text: String
  let tokenizer: Tokenizer
  let allowsSpecialTokens: Bool
  let invalidUTF8: InvalidUTF8Policy

  func run() throws {
    let text = text == "-" ? try standardInput() : text.withoutByteOrderMark
    var encoder = Encoder(tokenizer, specialTokens: allowsSpecialTokens ? .recognized : .asText)
    let ids = try encoder.encode(text)
    var table = TextTable(["token", "id", "bytes", "text"], rightAligned: [0, 1, 2])
    table.rows = ids.enumerated().map { index, id in
      let bytes = tokenizer.bytes(of: id)
      return ["\(index)", "\(id)", "\(bytes.count)", TokenNotation.text(of: bytes)]
    }
    let output = try OutputFile(path: "-")
    try output.write(
      table.text(isAligned: Terminal.showsOutput, hasColor: Terminal.hasOutputColor))
    try output.commit()
  }

  private func standardInput() throws -> String {
    let repair = UTF8Repair(path: "-", policy: invalidUTF8)
    let input = try InputFile(path: "-", filter: repair)
    var text: [UInt8] = []
    try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 64) { buffer in
      while case let count = try input.read(into: buffer), count > 0 { text += buffer[..<count] }
    }
    if repair.sequences > 0 { Log.warning(repair.summary) }
    return String(decoding: text, as: UTF8.self)
  }
}
