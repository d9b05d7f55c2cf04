import BytePairEncoding
import CorpusEncoding
import CorpusFormat
import FileSupport
import JSONSupport
import TestSupport
import TokenShardFormat

/// A folder with a corpus and what is made of it.
class CorpusFolderSuite {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// A tokenizer that has learned a few words.
  static let tokenizer: Tokenizer = {
    do {
      var words = WordCounts()
      try words.add(Array("КОТ КОТ ПЁС ПЁС БУГУРТ БУГУРТ @ @ it's it's 12 12 \n \n".utf8))
      return try BPETrainer(vocabularySize: 300).train(on: words)
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  /// Encodes the files `names` into the folder `tokens`.
  func encode(
    _ names: String..., packing: Packing = .posts, validationFraction: Double? = 0,
    invalidUTF8: InvalidUTF8Policy = .fail, threads: Int = 2, to output: String = "tokens",
    options: (inout CorpusEncoding) -> Void = { _ in },
    report: @escaping CorpusReport = { _ in }
  ) throws -> (manifest: TokenManifest, statistics: CorpusStatistics) {
    let input = CorpusInput(
      paths: names.map { folder.path($0) }, invalidUTF8: invalidUTF8, threads: threads)
    var encoding = CorpusEncoding(
      input, packing: packing, tokenizer: Self.tokenizer, validationFraction: validationFraction)
    options(&encoding)
    try Folder.create(folder.path(output))
    return try encoding.run(
      into: folder.path(output), program: "test 1", tokenizerSource: .null, report: report)
  }

  /// The text of the shard `name`.
  func decoded(_ name: String, in output: String = "tokens") throws -> String {
    let decoding = try ShardDecoding(path: folder.path("\(output)/\(name)"), asked: nil) { _ in }
    var text: [UInt8] = []
    try decoding.decode(0..<decoding.shard.count) { text += $0 }
    return String(decoding: text, as: UTF8.self)
  }

  /// The message of the error that `body` ends with, without the folder's path.
  func failure(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)".replacing(folder.path + "/", with: "")
    }
  }

  /// Posts of all lengths, one longer than several blocks, with characters and line ends of all kinds.
  func mixedText(lines: Int = 3000) -> String {
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(truncatingIfNeeded: state >> 33) % bound
    }
    let parts = ["КОТ", " ПЁС", " @ ", ",", "  ", "it's", "\u{A0}", "😀", "漢字", "12", "\t", "'ll"]
    var text = ""
    for line in 0..<lines {
      if line == lines / 2 { text += String(repeating: "БУГУРТ @ ", count: 70_000) }
      if line % 100 == 0 { text += String(repeating: "Ж", count: random(400)) }
      for _ in 0..<random(60) { text += parts[random(parts.count)] }
      text += ["\n", "\n", "\r\n", "\n\n"][random(4)]
    }
    return text
  }
}
