/// Turns text into ids; it remembers the pieces it has seen.
///
/// An encoder belongs to one thread; several threads take one each.
///
///     var encoder = Encoder(tokenizer)
///     let ids = try encoder.encode("Привет, мир!")
public struct Encoder: Sendable {
  private let preTokenizer = PreTokenizer()
  /// `nil` where no token stands outside of the merges.
  private let splitter: AddedTokenSplitter?
  private let addsPrefixSpace: Bool
  private var merger: PieceMerger

  /// The pieces seen; the ids of piece `n` are `cachedIDs[cachedEnds[n - 1]..<cachedEnds[n]]`.
  private var cache = PieceTable()
  private var cachedIDs: [UInt32] = []
  private var cachedEnds: [Int] = []

  /// Longer pieces are rare and hardly come back.
  private static let longestCached = 64
  /// When the cache holds as many bytes it starts anew.
  private static let cacheBytes = 1 << 24

  /// An encoder with the vocabulary of `tokenizer`; names of special tokens in texts are ordinary
  /// text unless they are to be `.recognized`.
  public init(_ tokenizer: Tokenizer, specialTokens: SpecialTokens = .asText) {
    merger = PieceMerger(tokenizer)
    splitter = AddedTokenSplitter(tokenizer.addedTokens, specialTokens: specialTokens)
    addsPrefixSpace = tokenizer.addsPrefixSpace
  }

  /// Whether a text may be cut between two of its pieces, and encoded part by part.
  ///
  /// It may not where an added token could be cut through, nor where each part would get a space.
  public var canCutTexts: Bool { splitter == nil && !addsPrefixSpace }

  /// The ids of `text`.
  ///
  /// - Throws: Nothing but what ``encode(_:into:)`` throws; a string is always UTF-8.
  public mutating func encode(_ text: String) throws(InvalidUTF8) -> [UInt32] {
    var ids: [UInt32] = []
    try encode(Array(text.utf8), into: &ids)
    return ids
  }

  /// Appends the ids of `text` to `ids`.
  ///
  /// - Throws: ``InvalidUTF8``; the ids of what stands before it may have been appended.
  public mutating func encode(_ text: [UInt8], into ids: inout [UInt32]) throws(InvalidUTF8) {
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try encode(UnsafeRawBufferPointer(text), into: &ids)
    }
  }

  /// Appends the ids of `text` to `ids`.
  ///
  /// - Throws: ``InvalidUTF8``; the ids of what stands before it may have been appended.
  public mutating func encode(
    _ text: UnsafeRawBufferPointer, into ids: inout [UInt32]
  ) throws(InvalidUTF8) {
    guard splitter != nil || addsPrefixSpace else { return try encodePieces(of: text, into: &ids) }
    let bytes = text.bindMemory(to: UInt8.self)
    let whole = 0..<text.count
    let parts = splitter?.parts(of: bytes, in: whole) ?? (text.isEmpty ? [] : [.text(whole)])
    for part in parts {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        do {
          try encodePart(UnsafeRawBufferPointer(rebasing: text[range]), into: &ids)
        } catch {
          throw InvalidUTF8(offset: range.lowerBound + error.offset)
        }
      }
    }
  }

  /// Appends the ids of `text`, which is not empty and has no added token in it, to `ids`.
  private mutating func encodePart(
    _ text: UnsafeRawBufferPointer, into ids: inout [UInt32]
  ) throws(InvalidUTF8) {
    guard addsPrefixSpace, text.first != 0x20 else { return try encodePieces(of: text, into: &ids) }
    do {
      try ([0x20] + text).withUnsafeBufferPointer { spaced throws(InvalidUTF8) in
        try encodePieces(of: UnsafeRawBufferPointer(spaced), into: &ids)
      }
    } catch {
      throw InvalidUTF8(offset: error.offset - 1)
    }
  }

  private mutating func encodePieces(
    of text: UnsafeRawBufferPointer, into ids: inout [UInt32]
  ) throws(InvalidUTF8) {
    let text = text.bindMemory(to: UInt8.self)
    var start = 0
    while start < text.count {
      let end = try preTokenizer.pieceEnd(in: text, from: start)
      encode(piece: UnsafeBufferPointer(rebasing: text[start..<end]), into: &ids)
      start = end
    }
  }

  @inline(__always)
  private mutating func encode(piece: UnsafeBufferPointer<UInt8>, into ids: inout [UInt32]) {
    if piece.count > Self.longestCached { return merger.merge(piece, into: &ids) }
    if cache.byteCount > Self.cacheBytes { emptyCache() }
    let number = cache.number(of: piece)
    if number == cachedEnds.count {
      merger.merge(piece, into: &cachedIDs)
      cachedEnds.append(cachedIDs.count)
    }
    let start = number > 0 ? cachedEnds[number - 1] : 0
    // Most pieces are one to three tokens, for which appending a slice costs more than a loop.
    for index in start..<cachedEnds[number] { ids.append(cachedIDs[index]) }
  }

  private mutating func emptyCache() {
    cache.removeAll()
    cachedIDs.removeAll(keepingCapacity: true)
    cachedEnds.removeAll(keepingCapacity: true)
  }
}
