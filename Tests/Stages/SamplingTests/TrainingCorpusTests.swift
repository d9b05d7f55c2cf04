import BytePairEncoding
import FileSupport
import Sampling
import TextGeneration
import TestSupport
import Testing

@Suite("TrainingCorpus")
struct TrainingCorpusTests {
  private let folder: TemporaryFolder
  private let tokenizer: Tokenizer

  init() throws {
    folder = try TemporaryFolder()
    tokenizer = try SmallTokenizer.make()
  }

  private func words(_ corpus: TrainingCorpus, seed: UInt64 = 1, count: Int = 60) throws
    -> [String?]
  {
    try (0..<count).map { try corpus.firstWord(seed: seed, index: $0) }
  }

  @Test("first words are those of posts, drawn by seed and index", arguments: [true, false])
  func firstWords(hasEnds: Bool) throws {
    try SmallTokenizer.writeShards(
      ["КОТ @ ДОМ", "@ ДОМ", "ЁЖ, @ КОТ", "ДОМ"], tokenizer, to: folder, hasEnds: hasEnds)
    let corpus = try TrainingCorpus(folder: folder.path)
    let drawn = try words(corpus)
    #expect(Set(drawn) == ["КОТ", "ЁЖ,", "ДОМ"])
    #expect(try words(corpus) == drawn)
    #expect(try words(corpus, seed: 2) != drawn)
    #expect(try corpus.firstWord(seed: 1, index: 7) == drawn[7])
  }

  @Test("a corpus of one post, and of many that are longer than what is read at a time")
  func lengths() throws {
    try SmallTokenizer.writeShards(["КОТ @ ДОМ"], tokenizer, to: folder)
    #expect(try Set(words(try TrainingCorpus(folder: folder.path))) == ["КОТ"])
    let long = try TemporaryFolder()
    let rest = String(repeating: " ЖЖЖЖЖЖЖЖ", count: 300)
    try SmallTokenizer.writeShards(["А" + rest, "Б" + rest, "В" + rest], tokenizer, to: long)
    #expect(try Set(words(try TrainingCorpus(folder: long.path))) == ["А", "Б", "В"])
  }

  @Test("without words there is none", arguments: [[], ["@"], ["", ""], ["К\u{FFFD}Т @ ДОМ"]])
  func noWords(_ posts: [String]) throws {
    try SmallTokenizer.writeShards(posts, tokenizer, to: folder)
    #expect(try TrainingCorpus(folder: folder.path).firstWord(seed: 1, index: 0) == nil)
  }

  @Test("all posts are known again, also across shards", arguments: [true, false])
  func fingerprints(hasEnds: Bool) throws {
    let posts = (0..<40).map { "ПОСТ НОМЕР \($0) @ КОТ" }
    try SmallTokenizer.writeShards(posts, tokenizer, to: folder, hasEnds: hasEnds)
    let corpus = try TrainingCorpus(folder: folder.path)
    var read = 0
    let fingerprints = try corpus.fingerprints { read = $0 }
    #expect(read == corpus.tokenCount)
    #expect(fingerprints.count == 40)
    #expect(posts.allSatisfy(fingerprints.contains))
    #expect(!fingerprints.contains("ПОСТ НОМЕР 40 @ КОТ"))
  }

  @Test("is found beside a model as the pipeline lays them out")
  func beside() throws {
    let shards = try TemporaryFolder()
    try SmallTokenizer.writeShards(["КОТ"], tokenizer, to: shards)
    let manifest = try shards.text(of: "manifest.json")
    try folder.write(manifest, to: "data/tokens/mine/manifest.json")
    let expected = folder.path("data/tokens/mine")
    for name in ["final", "checkpoint-5", "final/"] {
      #expect(
        try TrainingCorpus.folder(besideModel: folder.path("checkpoints/mine/\(name)")) == expected)
    }
    for path in ["checkpoints/other/final", "models/mine/final", "mine"] {
      #expect(try TrainingCorpus.folder(besideModel: folder.path(path)) == nil)
    }
  }

  @Test("a folder that holds none is refused")
  func missing() {
    #expect(throws: InputError.self) { try TrainingCorpus(folder: folder.path) }
  }
}
