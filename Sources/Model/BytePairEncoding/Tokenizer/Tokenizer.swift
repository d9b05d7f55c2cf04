import FileSupport
import TextSupport

/// A token with its own text that no merges produce, such as an end-of-text mark.
public struct AddedToken: Equatable, Sendable {
  /// The text of the token.
  public var content: String
  /// The id of the token.
  public var id: UInt32
  /// Whether the token is omitted from the text that people read.
  public var isSpecial: Bool
  /// Whether it includes the white space before it.
  public var stripsLeft = false
  /// Whether it includes the white space after it.
  public var stripsRight = false
  /// Whether it is recognised only as a whole word.
  public var isSingleWord = false
  /// Whether it is searched for after normalization.
  ///
  /// There is no normalization here, but tokens that are not normalized are searched for first.
  public var isNormalized: Bool

  /// A token with the flags that `tokenizers` gives it by default.
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
/// ``BPETrainer`` creates a new tokenizer, and ``Encoder`` and ``TextStream`` use it.
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

  /// The merges, in the order in which they are applied.
  public let merges: [Merge]
  /// The tokens that no merges produce, in the order of their ids.
  public internal(set) var addedTokens: [AddedToken]
  /// The tokens that the files assign to roles; a text here need not be a token of the vocabulary.
  public internal(set) var roles: [TokenRole: String]
  /// Whether a space is put before a text that does not begin with one.
  ///
  /// Each part of a text between added tokens gets one. Decoding does not remove it.
  public let addsPrefixSpace: Bool

  /// A CRC-32 of the vocabulary and the merges, which is the same for the same tokenizer in other
  /// files.
  ///
  /// It covers the tokens in the order of their ids, each as it is written in the files and
  /// followed by a newline, and then the merges, each as its line in `merges.txt` with its newline.
  public let digest: UInt32

  /// How each token is written in the files: bytes as symbols, added tokens as they are.
  let texts: TokenTexts
  /// The number of tokens in `vocab.json`; those after them are added tokens only.
  let modelCount: Int
  /// The id of each byte.
  let byteIDs: [UInt32]
  /// The ids of ``texts``.
  private let index: TokenIndex
  /// The bytes of all tokens, stored consecutively, and the start of those of each.
  private let bytes: [UInt8]
  private let offsets: [Int]
  /// Whether a text can contain the token: it is a byte or the result of a merge.
  private let isOrdinaryToken: [Bool]
  private var isSpecialToken: [Bool]

  /// Creates a tokenizer from parts that agree with each other.
  ///
  /// `texts` are the tokens by id, the first `modelCount` of them in symbols; `index` is their
  /// index.
  init(
    texts: TokenTexts, index: TokenIndex, modelCount: Int, merges: [Merge],
    byteIDs: [UInt32], addedTokens: [AddedToken], roles: [TokenRole: String],
    addsPrefixSpace: Bool = false
  ) {
    self.texts = texts
    self.index = index
    self.modelCount = modelCount
    self.merges = merges
    self.addedTokens = addedTokens.sorted { $0.id < $1.id }
    self.roles = roles
    self.addsPrefixSpace = addsPrefixSpace
    self.byteIDs = byteIDs
    var isOrdinary = [Bool](repeating: false, count: texts.count)
    for id in byteIDs { isOrdinary[Int(id)] = true }
    for merge in merges { isOrdinary[Int(merge.result)] = true }
    isOrdinaryToken = isOrdinary
    var isVerbatim = [Bool](repeating: false, count: texts.count)
    // An ordinary token represents its bytes even if the files also add it.
    for token in addedTokens { isVerbatim[Int(token.id)] = !isOrdinary[Int(token.id)] }
    (bytes, offsets) = Self.bytes(of: texts, isVerbatim)
    var checksum = CRC32()
    texts.lines.withUnsafeBytes { checksum.update($0) }
    Self.lines(of: merges, texts).withUnsafeBytes { checksum.update($0) }
    digest = checksum.value
    isSpecialToken = []
    noteSpecialTokens()
  }

  /// The bytes of all tokens and the start of those of each.
  ///
  /// Tokens marked in `isVerbatim`, and those with characters that do not represent bytes,
  /// represent themselves.
  private static func bytes(
    of texts: TokenTexts, _ isVerbatim: [Bool]
  ) -> (bytes: [UInt8], offsets: [Int]) {
    var (bytes, offsets): ([UInt8], [Int]) = ([], [0])
    bytes.reserveCapacity(texts.lines.count)
    offsets.reserveCapacity(texts.count + 1)
    for id in 0..<texts.count {
      if isVerbatim[id] || !ByteSymbols.decode(texts[id], into: &bytes) { bytes += texts[id] }
      offsets.append(bytes.count)
    }
    return (bytes, offsets)
  }

  /// The lines of `merges.txt` after its first.
  var mergeLines: [UInt8] { Self.lines(of: merges, texts) }

  private static func lines(of merges: [Merge], _ texts: TokenTexts) -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(texts.lines.count * 2)
    for merge in merges {
      lines += texts[Int(merge.left)]
      lines.append(0x20)
      lines += texts[Int(merge.right)]
      lines.append(0x0A)
    }
    return lines
  }

  /// The number of tokens, including all added ones.
  public var count: Int { texts.count }

  /// The id of the token written `text` in the files; `nil` if there is none.
  public func id(of text: String) -> UInt32? {
    index.find(text, in: texts).map { UInt32($0) }
  }

  /// The token `id` as it is written in the files; `nil` if there is none.
  public func text(of id: UInt32) -> String? { id < texts.count ? texts.string(Int(id)) : nil }

  /// The bytes of the token `id`; empty for an id outside the vocabulary.
  public func bytes(of id: UInt32) -> ArraySlice<UInt8> {
    guard id < texts.count else { return [] }
    return bytes[offsets[Int(id)]..<offsets[Int(id) + 1]]
  }

  /// The bytes of the tokens `ids` together, which may include incomplete characters.
  public func decode(_ ids: some Sequence<UInt32>, skippingSpecialTokens: Bool = false) -> [UInt8] {
    var output: [UInt8] = []
    for id in ids where !(skippingSpecialTokens && isSpecial(id)) { output += bytes(of: id) }
    return output
  }

  /// Whether the token `id` is omitted from the text that people read.
  public func isSpecial(_ id: UInt32) -> Bool { id < texts.count && isSpecialToken[Int(id)] }

  /// Whether ordinary text can contain the token `id`: it is a byte or the result of a merge.
  public func isOrdinary(_ id: UInt32) -> Bool { id < texts.count && isOrdinaryToken[Int(id)] }

  /// The id of the token with the role `role`; `nil` if the files name none, or name one that is
  /// not in the vocabulary.
  public func id(of role: TokenRole) -> UInt32? { roles[role].flatMap(id(of:)) }

  /// Updates the flags of special tokens from the added tokens.
  mutating func noteSpecialTokens() {
    isSpecialToken = Array(repeating: false, count: texts.count)
    for token in addedTokens where token.isSpecial { isSpecialToken[Int(token.id)] = true }
  }
}

extension Tokenizer {
  /// How the ids that `other` gives to a text differ in meaning from those of this tokenizer: what
  /// this one has, and what the other has; `nil` if they mean the same.
  ///
  /// The tokens with their ids and the merges in their order are compared, not the files. Added
  /// tokens that only one of the two has, after all others, change no id.
  public func difference(from other: Tokenizer) -> String? {
    for id in 0..<min(texts.count, other.texts.count) where texts[id] != other.texts[id] {
      let id = UInt32(id)
      return "token \(id) is '\(notation(id))', but '\(other.notation(id))'"
    }
    guard merges != other.merges else { return nil }
    let rank = zip(merges, other.merges).prefix { $0 == $1 }.count
    func name(_ tokenizer: Tokenizer) -> String {
      guard rank < tokenizer.merges.count else { return "missing" }
      let merge = tokenizer.merges[rank]
      return "'\(tokenizer.notation(merge.left))' with '\(tokenizer.notation(merge.right))'"
    }
    return "merge \(rank + 1) is \(name(self)), but \(name(other))"
  }

  /// The token `id` for a message.
  private func notation(_ id: UInt32) -> String { excerpt(TokenNotation.text(of: bytes(of: id))) }
}
