import FileSupport

/// A token with a text of its own, which no merges lead to: a mark of the end of a text and the like.
public struct AddedToken: Equatable, Sendable {
  /// The text of the token.
  public var content: String
  /// The id of the token.
  public var id: UInt32
  /// Whether the token is control, left out of the text that people read.
  public var isSpecial: Bool
  /// Whether it takes the white space before it with it.
  public var stripsLeft = false
  /// Whether it takes the white space behind it with it.
  public var stripsRight = false
  /// Whether it is no token within a word.
  public var isSingleWord = false
  /// Whether it is looked for after normalisation; there is none here, but those that are not
  /// normalised are looked for first.
  public var isNormalized: Bool

  /// A token with the flags that `tokenizers` gives it where none are named.
  public init(_ content: String, id: UInt32, isSpecial: Bool = true) {
    self.content = content
    self.id = id
    self.isSpecial = isSpecial
    isNormalized = !isSpecial
  }
}

/// What a token is for; the raw values are the keys in the files of a tokenizer.
public enum TokenRole: String, CaseIterable, Sendable {
  case beginning = "bos_token"
  case end = "eos_token"
  case unknown = "unk_token"
  case separator = "sep_token"
  case padding = "pad_token"
  case classification = "cls_token"
  case mask = "mask_token"
}

/// A byte-level vocabulary with its merges and special tokens.
///
/// The ids run from 0 without a gap. ``init(folder:)`` reads the files of a Hugging Face folder,
/// ``Trainer`` makes a new one, ``Encoder`` and ``TextStream`` use it.
public struct Tokenizer: Sendable {
  /// Two tokens that become one.
  public struct Merge: Equatable, Sendable {
    public let left: UInt32
    public let right: UInt32
    public let result: UInt32

    public init(left: UInt32, right: UInt32, result: UInt32) {
      self.left = left
      self.right = right
      self.result = result
    }
  }

  /// The merges, the first to be done first.
  public let merges: [Merge]
  /// The tokens that stand outside of the merges, by their ids.
  public internal(set) var addedTokens: [AddedToken]
  /// What the files say tokens are for; a text here need not be a token of the vocabulary.
  public internal(set) var roles: [TokenRole: String]
  /// Whether a space is put before a text that does not begin with one.
  ///
  /// Each part of a text that stands between added tokens gets it. Decoding leaves it where it is.
  public let addsPrefixSpace: Bool

  /// A CRC-32 of the vocabulary and the merges, the same for the same tokenizer in other files.
  ///
  /// It is taken of the tokens by their ids, each as it is written in the files and with a newline
  /// behind it, and then of the merges, each as its line in `merges.txt` with its newline.
  public let digest: UInt32

  /// How each token is written in the files: bytes as symbols, added tokens as they are.
  let texts: TokenTexts
  /// The lines of `merges.txt` behind its first.
  let mergeLines: [UInt8]
  /// How many tokens `vocab.json` has; those behind them are added tokens only.
  let modelCount: Int
  /// The id of each byte.
  let byteIDs: [UInt32]
  /// The ids of ``texts``.
  private let index: TokenIndex
  /// The bytes of all tokens, one after another, and where those of each begin.
  private let bytes: [UInt8]
  private let offsets: [Int]
  /// Whether text can lead to the token: bytes and the results of merges.
  private let isOrdinaryToken: [Bool]
  private var isSpecialToken: [Bool]

  /// Puts a tokenizer together from parts that agree with each other.
  ///
  /// `texts` are the tokens by id, the first `modelCount` of them in symbols; `index` is theirs.
  /// `mergeLines` are the merges as lines of `merges.txt`.
  init(
    texts: TokenTexts, index: TokenIndex, modelCount: Int, merges: [Merge], mergeLines: [UInt8],
    byteIDs: [UInt32], addedTokens: [AddedToken], roles: [TokenRole: String],
    addsPrefixSpace: Bool = false
  ) {
    self.texts = texts
    self.index = index
    self.modelCount = modelCount
    self.merges = merges
    self.mergeLines = mergeLines
    self.addedTokens = addedTokens.sorted { $0.id < $1.id }
    self.roles = roles
    self.addsPrefixSpace = addsPrefixSpace
    self.byteIDs = byteIDs
    var isOrdinary = [Bool](repeating: false, count: texts.count)
    for id in byteIDs { isOrdinary[Int(id)] = true }
    for merge in merges { isOrdinary[Int(merge.result)] = true }
    isOrdinaryToken = isOrdinary
    var isVerbatim = [Bool](repeating: false, count: texts.count)
    // An ordinary token stands for its bytes even if the files add it once more.
    for token in addedTokens { isVerbatim[Int(token.id)] = !isOrdinary[Int(token.id)] }
    (bytes, offsets) = Self.bytes(of: texts, isVerbatim)
    var checksum = CRC32()
    texts.lines.withUnsafeBytes { checksum.update($0) }
    mergeLines.withUnsafeBytes { checksum.update($0) }
    digest = checksum.value
    isSpecialToken = []
    noteSpecialTokens()
  }

  /// The bytes of all tokens and where those of each begin; those marked in `isVerbatim` and those
  /// with characters that are no symbols of bytes stand for themselves.
  private static func bytes(
    of texts: TokenTexts, _ isVerbatim: [Bool]
  ) -> (bytes: [UInt8], offsets: [Int]) {
    var offsets: [Int] = []
    offsets.reserveCapacity(texts.count + 1)
    offsets.append(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: texts.lines.count) { buffer, count in
      let output = UnsafeMutableRawBufferPointer(buffer)
      texts.lines.withUnsafeBytes { lines in
        for id in 0..<texts.count {
          let text = UnsafeRawBufferPointer(rebasing: lines[texts.range(id)])
          let rest = UnsafeMutableRawBufferPointer(rebasing: output[count...])
          if !isVerbatim[id], let decoded = ByteSymbols.decode(text, into: rest) {
            count += decoded
          } else {
            rest.copyMemory(from: text)
            count += text.count
          }
          offsets.append(count)
        }
      }
    }
    return (bytes, offsets)
  }

  /// How many tokens there are, all added ones with them.
  public var count: Int { texts.count }

  /// The id of the token written `text` in the files; `nil` if there is none.
  public func id(of text: String) -> UInt32? {
    index.number(of: text, in: texts).map { UInt32($0) }
  }

  /// How the token `id` is written in the files; `nil` if there is none.
  public func text(of id: UInt32) -> String? { id < texts.count ? texts.string(Int(id)) : nil }

  /// The bytes of the token `id`; none for an id outside of the vocabulary.
  public func bytes(of id: UInt32) -> ArraySlice<UInt8> {
    guard id < texts.count else { return [] }
    return bytes[offsets[Int(id)]..<offsets[Int(id) + 1]]
  }

  /// The bytes of the tokens `ids` together; bytes that are no whole characters among them.
  public func decode(_ ids: some Sequence<UInt32>, skippingSpecialTokens: Bool = false) -> [UInt8] {
    var output: [UInt8] = []
    for id in ids where !(skippingSpecialTokens && isSpecial(id)) { output += bytes(of: id) }
    return output
  }

  /// Whether the token `id` is control, left out of the text that people read.
  public func isSpecial(_ id: UInt32) -> Bool { id < texts.count && isSpecialToken[Int(id)] }

  /// Whether ordinary text can lead to the token `id`: it is a byte or the result of a merge.
  public func isOrdinary(_ id: UInt32) -> Bool { id < texts.count && isOrdinaryToken[Int(id)] }

  /// The id of the token that `role` names; `nil` if it names none or one that is not there.
  public func id(of role: TokenRole) -> UInt32? { roles[role].flatMap(id(of:)) }

  /// Brings the flags of special tokens in line with the added tokens.
  mutating func noteSpecialTokens() {
    isSpecialToken = Array(repeating: false, count: texts.count)
    for token in addedTokens where token.isSpecial { isSpecialToken[Int(token.id)] = true }
  }
}
