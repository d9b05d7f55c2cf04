import BytePairEncoding
import CheckpointFormat
import CommandLineSupport
import CorpusEncoding
import CorpusFormat
import FileSupport
import JSONSupport
import ModelHub
import TextSupport
import Threading
import TokenShardFormat

@main
struct BPEEncode: Program {
  static let name = "bpe-encode"
  static let abstract =
    "Turn cleaned text into token shards with GPT-2's byte-pair encoding."
  static let discussion = """
    The output folder has train-00000.bin and so on, validation-00000.bin and so on, tokenizer/
    with the files that Hugging Face's AutoTokenizer loads, and manifest.json. It appears only when
    it is complete; then it replaces an older one.

    With --pack posts (the default) every line of the corpus is a post, and the end-of-text token
    follows each. A post belongs to validation if the CRC-32 of its bytes, divided by 2^32, is less
    than --validation-fraction, so it stays on the same side when posts are added. With --pack
    continuous the whole file is one text, including its newlines, and nothing marks where a post
    ends; a --validation-fraction then holds back the last tokens.

    The end-of-text token is the folder's eos_token, or else </s>, or else <|endoftext|>; it must
    be one that no text contains. The id in rugpt3's configurations of 2020, 50256, is an ordinary
    word.

    --inspect, --decode and --verify examine tokens and write no folder; their results go to
    standard output. --inspect shows one token per line: its index, id, number of bytes, and text,
    in which ␣ is a space, \\n a newline, <D0> a byte of an incomplete character (such as half a
    Cyrillic letter) and <U+00A0> an invisible character. The output is a table on a terminal, and
    lines with tabs between the columns in a pipe. --decode prints the text itself, with a newline
    for each end-of-text token; a character cut at either end of the range is U+FFFD. --verify
    lists what is good; if it finds a fault, it reports where and ends with status 65.

    examples:
      bpe-encode data/clean/run.txt -o data/tokens/run \\
        --tokenizer sberbank-ai/rugpt3medium_based_on_gpt2
      bpe-encode data/clean/run.txt -o data/tokens/run --vocab-size 8192
      bpe-encode posts.txt more.txt.gz -o tokens --tokenizer gpt2 --invalid-utf8 replace
      bpe-encode --inspect 'ПРИШЁЛ ДОМОЙ @' --tokenizer data/tokens/run
      printf 'а\\nб' | bpe-encode --inspect - --tokenizer gpt2 | cut -f 2
      bpe-encode --decode data/tokens/run/train-00000.bin --range 0..200
      bpe-encode --verify data/tokens/run
    """

  static let files = [ModelHub.cacheEntry]
  static let memoryAdvice = "Fewer --threads need less"

  @Arguments(
    help: "cleaned text in UTF-8, one post per line, gzipped or not; - is standard input",
    valueName: "corpus.txt", completion: .file)
  var corpus: [String] = []

  @Option(help: "folder to write", short: "o", valueName: "folder", completion: .folder)
  var output: String?

  @Option(
    help:
      "folder with tokenizer.json, or vocab.json and merges.txt, or token shards; or a model as "
      + "a GGUF file; or the name of a model on the Hugging Face Hub, whose tokenizer is fetched once",
    valueName: "folder|file|name",
    defaultText: "a vocabulary is learned from the posts that are not held back",
    completion: .folder)
  var tokenizer: String?

  @Option(
    help: "maximum size of a learned vocabulary, in tokens", valueName: "count",
    defaultText: "\(VocabularyTraining.defaultVocabularySize)",
    accepting: .atLeast(BPETrainer.smallestVocabulary))
  var vocabSize: Int?

  @Option(
    help: "how often a pair must occur to be merged in a learned vocabulary",
    valueName: "count", defaultText: "\(VocabularyTraining.defaultMinimumFrequency)",
    accepting: .atLeast(1))
  var minFrequency: Int?

  @Option(
    help: "token that follows each post", valueName: "token",
    defaultText: "the tokenizer's eos_token, </s> or <|endoftext|>")
  var endOfText: String?

  @Option(
    help: "what is encoded as one text: each post, or the whole file", defaultText: "posts")
  var pack: Packing?

  @Option(
    help: "fraction of the corpus to hold back for validation", valueName: "fraction",
    defaultText: "\(CorpusEncoding.defaultValidationFraction); 0 with --pack continuous",
    accepting: Constraint("a number from 0 to below 1") { 0 <= $0 && $0 < 1 })
  var validationFraction: Double?

  @Option(
    help: "maximum number of tokens in a shard", valueName: "count",
    defaultText: "\(CorpusEncoding.defaultTokensPerShard)",
    accepting: .within(1...TokenShardHeader.largestCount))
  var shardTokens: Int?

  @Option(
    help: "number of threads; does not affect the result", valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  @Option(
    help: "what to do with bytes that are not UTF-8: stop, replace them with U+FFFD, or drop them",
    defaultText: "fail")
  var invalidUtf8: InvalidUTF8Policy?

  @Flag(help: "read the names of special tokens in the text as these tokens, not as text")
  var allowSpecial = false

  @Option(
    help: "block size of the training, for the statistics", valueName: "tokens",
    defaultText: "\(CorpusEncoding.defaultBlockSize), as in gpt-finetune",
    accepting: .within(1...1_000_000))
  var blockSize: Int?

  @OptionGroup("Instead of encoding") var inspection: InspectionOptions

  func validate() throws {
    guard inspection.given.isEmpty else { return try validateInspection() }
    if inspection.range != nil { throw UsageError("--range needs --decode <shard>") }
    guard !corpus.isEmpty else {
      throw UsageError("missing argument <corpus.txt>: cleaned text in UTF-8, one post per line")
    }
    guard let output else { throw UsageError("missing option --output: folder to write") }
    guard !output.isEmpty, output != "-" else { throw UsageError("--output: expected a folder") }
    if tokenizer != nil && (vocabSize != nil || minFrequency != nil) {
      throw UsageError(
        "--tokenizer is used unchanged; --vocab-size and --min-frequency apply only without it")
    }
    if corpus.contains("-") && (tokenizer == nil || corpus.count > 1) {
      throw UsageError(
        "standard input can be read only once: use it alone, and with --tokenizer")
    }
    if tokenizer == nil, let pipe = corpus.first(where: Folder.hasPipe) {
      throw UsageError("'\(pipe)' can be read only once: write it to a file, or use --tokenizer")
    }
  }

  /// Checks that the options given all apply to the inspection.
  private func validateInspection() throws {
    let mode = inspection.given[0]
    if inspection.given.count > 1 {
      throw UsageError("\(inspection.given.joined(separator: " and ")): give one at a time")
    }
    if let path = corpus.first {
      throw UsageError(
        "\(mode) does not encode a corpus: leave out '\(path)', or leave out \(mode) to encode it")
    }
    let inspects = inspection.inspect != nil
    let others = [
      ("--output", output != nil), ("--vocab-size", vocabSize != nil),
      ("--min-frequency", minFrequency != nil), ("--end-of-text", endOfText != nil),
      ("--pack", pack != nil), ("--validation-fraction", validationFraction != nil),
      ("--shard-tokens", shardTokens != nil), ("--block-size", blockSize != nil),
      ("--threads", threads != nil),
      ("--invalid-utf8", invalidUtf8 != nil && !inspects),
      ("--allow-special", allowSpecial && !inspects),
      ("--tokenizer", tokenizer != nil && inspection.verify != nil),
      ("--range", inspection.range != nil && inspection.decode == nil),
    ]
    if let (option, _) = others.first(where: \.1) {
      throw UsageError("\(option) cannot be used with \(mode): leave one of them out")
    }
    if inspects && tokenizer == nil {
      throw UsageError(
        "--inspect needs --tokenizer: the folder of a tokenizer, a model or token shards, or a "
          + "model's name")
    }
  }

  func run() throws {
    if let text = inspection.inspect, let tokenizer {
      try Inspection(
        text: text, tokenizer: try Tokenizer(model: folder(of: tokenizer)),
        allowsSpecialTokens: allowSpecial, invalidUTF8: invalidUtf8 ?? .fail
      ).run()
    } else if let shard = inspection.decode {
      try decode(shard)
    } else if let path = inspection.verify {
      try Verification(path: path).run()
    } else if let output {
      try encode(into: try outputFolder(output))
    }
  }

  /// The folder or GGUF file of the tokenizer that --tokenizer names.
  private func folder(of tokenizer: String) throws -> String {
    try tokenizerFolder(ModelHub.folder(for: tokenizer, .tokenizer))
  }

  private func decode(_ path: String) throws {
    let asked = try tokenizer.map(folder)
    let decoding = try ShardDecoding(path: path, asked: asked) { Log.warning("\($0)") }
    let count = decoding.shard.count
    var tokens = 0..<count
    if let range = inspection.range {
      guard let resolved = range.resolved(count: count) else {
        let lower = range.lowerBound.map(String.init) ?? ""
        let upper = range.upperBound.map(String.init) ?? ""
        throw UsageError(
          "--range: \(lower)..\(upper) is not within \(path), which has \(count) tokens")
      }
      tokens = resolved
    }
    let output = try OutputFile(path: "-")
    try decoding.decode(tokens) { text in
      try Interruption.check()
      try output.write(text)
    }
    try output.commit()
  }

  /// Starts writing the folder `path`, which must be one of token shards if it has files.
  private func outputFolder(_ path: String) throws -> OutputFolder {
    let names = Folder.exists(path) ? try Folder.list(path) : []
    if !names.isEmpty, try !TokenManifest.exists(in: path) {
      throw UsageError(
        "--output: \(path) has files but no \(TokenManifest.fileName) of token shards, "
          + "so it is not replaced; choose another folder or remove it")
    }
    let tokenizer = TokenManifest.tokenizerFolder
    let others =
      names.filter { !TokenManifest.isPart($0) }
      + (names.contains(tokenizer)
        ? try Folder.list("\(path)/\(tokenizer)").filter { !CheckpointFile.tokenizer.contains($0) }
          .map { "\(tokenizer)/\($0)" } : [])
    if let other = others.first {
      throw UsageError(
        "--output: \(path) would be replaced as a whole, but '\(other)' in it is not part of token "
          + "shards; choose another folder, or move the file")
    }
    if let input = corpus.first(where: { Folder.contains(path, $0) }) {
      throw UsageError("--output: \(path) would be replaced as a whole, but '\(input)' is in it")
    }
    return try OutputFolder(path: path)
  }

  /// The fraction of the posts that is held back; 0 if the corpus is not encoded post by post.
  private var heldFraction: Double {
    pack ?? .posts == .posts ? validationFraction ?? CorpusEncoding.defaultValidationFraction : 0
  }

  private func encode(into output: OutputFolder) throws {
    let input = CorpusInput(
      paths: corpus, invalidUTF8: invalidUtf8 ?? .fail,
      threads: threads ?? Processors.current.threadCount)
    let (tokenizer, source) = try preparedTokenizer(input)
    var encoding = CorpusEncoding(
      input, packing: pack ?? .posts, tokenizer: tokenizer, validationFraction: validationFraction)
    encoding.tokensPerShard = shardTokens ?? encoding.tokensPerShard
    encoding.allowsSpecialTokens = allowSpecial
    encoding.blockSize = blockSize ?? encoding.blockSize
    let (manifest, statistics) = try encoding.run(
      into: output.partialPath, program: "\(Self.name) \(packageVersion)", tokenizerSource: source,
      report: EncodingMessages("encoding").show)
    if encoding.packing == .posts, encoding.validationFraction > 0,
      manifest.splits[.validation] == nil
    {
      Log.warning("the corpus is so small that no post is held back for validation")
    }
    let isChanged = try output.commit()
    for line in statistics.table(files: corpus) { Log.raw(line) }
    Log.info("\(output.path): \(manifest.summary)")
    if !isChanged { Log.info("\(output.path) is unchanged") }
  }

  /// The tokenizer with its end of text set, and its origin for the manifest.
  private func preparedTokenizer(_ input: CorpusInput) throws -> (Tokenizer, JSONValue) {
    var tokenizer: Tokenizer
    let source: JSONValue
    if let folder = self.tokenizer {
      tokenizer = try Tokenizer(model: self.folder(of: folder))
      source = ["folder": .string(folder)]
    } else {
      var training = VocabularyTraining(input)
      training.vocabularySize = vocabSize ?? training.vocabularySize
      training.minimumFrequency = minFrequency ?? training.minimumFrequency
      training.validationFraction = heldFraction
      tokenizer = try training.run(report: EncodingMessages("counting words").show)
      source = training.settings
      if tokenizer.count < training.vocabularySize {
        Log.warning(
          "the vocabulary has \(tokenizer.count) tokens instead of \(training.vocabularySize): "
            + "no other pair occurs \(training.minimumFrequency) times")
      } else {
        Log.info("learned a vocabulary of \(tokenizer.count) tokens")
      }
    }
    let end = try EndOfTextChoice(
      asked: endOfText, in: tokenizer, folder: self.tokenizer ?? corpus[0])
    if let rejection = end.rejection { Log.warning(rejection) }
    tokenizer.setEndOfText(end.id)
    Log.info(
      "end of text: '\(excerpt(tokenizer.text(of: end.id) ?? ""))', id \(end.id) of "
        + "\(tokenizer.count)")
    return (tokenizer, source)
  }
}

extension Packing: ArgumentValue {}
