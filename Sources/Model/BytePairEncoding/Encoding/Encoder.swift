/// How the names of special tokens in a text are interpreted.
///
/// This applies to the added tokens that are special. Those that are not, such as a `<nl>` of
/// `added_tokens.json`, are part of the text's alphabet and are always found, as in Hugging Face's
/// `tokenizers` with `encode_special_tokens` on or off.
public enum SpecialTokens: String, CaseIterable, Sendable {
  /// As ordinary text: a typed `</s>` ends nothing. In transformers, `split_special_tokens=True`.
  case asText
  /// As the tokens they name, which is the default of `AutoTokenizer`.
  case recognized
}

/// Turns text into ids and remembers the pieces it has seen.
///
/// An encoder is a value: each thread works with its own copy, which remembers its own pieces.
///
///     var encoder = Encoder(tokenizer)
///     let ids = try encoder.encode("Привет, мир!")
public struct Encoder: Sendable {
  /// `nil` if no token is looked for in the text itself.
  private let splitter: AddedTokenSplitter?
  private let addsPrefixSpace: Bool
  private let preTokenizer = PreTokenizer()
  private let merger: PieceMerger
  private var pieces = PieceTable()

  /// An encoder with the vocabulary of `tokenizer`.
  ///
  /// The names of special tokens in texts are ordinary text unless they are to be `.recognized`.
  public init(_ tokenizer: Tokenizer, specialTokens: SpecialTokens = .asText) {
    merger = PieceMerger(tokenizer)
    splitter = AddedTokenSplitter(tokenizer.addedTokens, specialTokens: specialTokens)
    addsPrefixSpace = tokenizer.addsPrefixSpace
  }

  /// Whether a text may be cut between two of its pieces and encoded part by part.
  ///
  /// It may not if a cut could split an added token, or if each part would get a space.
  public var canCutTexts: Bool { splitter == nil && !addsPrefixSpace }

  /// The ids of `text`.
  ///
  /// - Throws: Only what ``encode(_:into:)`` throws; a string is always UTF-8.
  public mutating func encode(_ text: String) throws(InvalidUTF8) -> [UInt32] {
    var ids: [UInt32] = []
    try encode(Array(text.utf8), into: &ids)
    return ids
  }

  /// Appends the ids of `text` to `ids`.
  ///
  /// - Throws: ``InvalidUTF8``; the ids of the text before it may have been appended.
  public mutating func encode(_ text: [UInt8], into ids: inout [UInt32]) throws(InvalidUTF8) {
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try encode(0..<text.count, of: UnsafeRawBufferPointer(text), into: &ids)
    }
  }

  /// Appends the ids of the bytes `range` of `text`, which are a separate text, to `ids`.
  ///
  /// The bytes around `range` do not affect the ids, but those after it allow the last pieces to be
  /// read as quickly as the others.
  ///
  /// - Throws: ``InvalidUTF8`` with an offset in `text`; the ids of the text before it may have
  ///   been appended.
  public mutating func encode(
    _ range: Range<Int>, of text: UnsafeRawBufferPointer, into ids: inout [UInt32]
  ) throws(InvalidUTF8) {
    precondition(range.lowerBound >= 0 && range.upperBound <= text.count)
    let text = text.bindMemory(to: UInt8.self)
    guard splitter != nil || addsPrefixSpace else { return try append(range, of: text, to: &ids) }
    for part in splitter?.parts(of: text.span, in: range) ?? (range.isEmpty ? [] : [.text(range)]) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        guard addsPrefixSpace, text[range.lowerBound] != 0x20 else {
          try append(range, of: text, to: &ids)
          continue
        }
        do throws(InvalidUTF8) {
          try ([0x20] + text[range]).withUnsafeBufferPointer { spaced throws(InvalidUTF8) in
            try append(0..<spaced.count, of: spaced, to: &ids)
          }
        } catch {
          throw InvalidUTF8(offset: range.lowerBound + error.offset - 1)
        }
      }
    }
  }

  /// Appends the ids of the pieces of `text[range]` to `ids`.
  private mutating func append(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, to ids: inout [UInt32]
  ) throws(InvalidUTF8) {
    guard let bytes = text.baseAddress, !range.isEmpty else { return }
    // A text has no more tokens than bytes, and ids are written eight at a time.
    try ids.append(addingCapacity: range.count + 8) { output throws(InvalidUTF8) in
      try output.withUnsafeMutableBufferPointer { output, written throws(InvalidUTF8) in
        guard let output = output.baseAddress else { return }
        let (preTokenizer, lastKey) = (preTokenizer, text.count - PieceKey.bytesRead)
        try preTokenizer.forEachPiece(of: text, in: range) { piece in
          let next = output + written
          if piece.count > PieceKey.longestPiece {
            written += merger.merge(UnsafeBufferPointer(rebasing: text[piece]), into: next)
          } else if piece.lowerBound <= lastKey {
            written += encode(bytes + piece.lowerBound, count: piece.count, into: next)
          } else {
            written += encodeLast(text[piece], into: next)
          }
        }
      }
    }
  }

  /// Writes the ids of the piece of `count` bytes at `piece`, where ``PieceKey/bytesRead`` bytes
  /// can be read, to `output`, and returns the number of ids.
  @inline(__always)
  private mutating func encode(
    _ piece: UnsafePointer<UInt8>, count: Int, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let key = pieces.key(piece, count: count)
    let known = pieces.copyIDs(of: key, to: output)
    if known > 0 { return known }
    let count = merger.merge(UnsafeBufferPointer(start: piece, count: count), into: output)
    pieces.insert(key, UnsafeBufferPointer(start: output, count: count))
    return count
  }

  /// Encodes a piece so close to the end of the text that it must be copied to be read.
  @inline(never)
  private mutating func encodeLast(
    _ piece: Slice<UnsafeBufferPointer<UInt8>>, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let copy = Array(piece) + repeatElement(0, count: PieceKey.bytesRead)
    return copy.withUnsafeBufferPointer { copy in
      guard let start = copy.baseAddress else { return 0 }
      return encode(start, count: piece.count, into: output)
    }
  }
}
