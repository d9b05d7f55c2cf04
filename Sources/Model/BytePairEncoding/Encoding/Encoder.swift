/// Turns text into ids; it remembers the pieces it has seen.
///
/// An encoder belongs to one thread; several threads take a copy each. Copies share what they
/// remember.
///
///     var encoder = Encoder(tokenizer)
///     let ids = try encoder.encode("Привет, мир!")
public struct Encoder: Sendable {
  /// `nil` where no token stands outside of the merges.
  private let splitter: AddedTokenSplitter?
  private let addsPrefixSpace: Bool
  private var state: EncoderState

  /// An encoder with the vocabulary of `tokenizer`; names of special tokens in texts are ordinary
  /// text unless they are to be `.recognized`.
  public init(_ tokenizer: Tokenizer, specialTokens: SpecialTokens = .asText) {
    state = EncoderState(PieceMerger(tokenizer))
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
    let buffer = IDBuffer()
    defer { buffer.withIDs { ids.append(contentsOf: $0) } }
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try encode(0..<text.count, of: UnsafeRawBufferPointer(text), into: buffer)
    }
  }

  /// Appends the ids of the bytes `range` of `text`, which are a text of their own, to `ids`.
  ///
  /// What stands around `range` has no influence, but what stands behind it lets the last pieces be
  /// read as quickly as the others.
  ///
  /// - Throws: ``InvalidUTF8`` with an offset in `text`; the ids of what stands before it may have
  ///   been appended.
  public mutating func encode(
    _ range: Range<Int>, of text: UnsafeRawBufferPointer, into ids: IDBuffer
  ) throws(InvalidUTF8) {
    _ = try encode(range, of: text, into: ids) { _ in true }
  }

  /// Appends the ids of the bytes `range` of `text` to `ids` as ``encode(_:of:into:)`` does, in memory
  /// that does not grow with the text.
  ///
  /// Whenever there are many ids, `whenMany` may take them out; if it returns false, no more are
  /// appended.
  ///
  /// - Returns: Whether all ids were appended.
  /// - Throws: ``InvalidUTF8`` as ``encode(_:of:into:)``.
  public mutating func encode(
    _ range: Range<Int>, of text: UnsafeRawBufferPointer, into ids: IDBuffer,
    whenMany: (IDBuffer) -> Bool
  ) throws(InvalidUTF8) -> Bool {
    if !isKnownUniquelyReferenced(&state) { state = state.anew() }
    let text = text.bindMemory(to: UInt8.self)
    guard splitter != nil || addsPrefixSpace else {
      return try state.encode(range, of: text, into: ids, whenMany: whenMany)
    }
    precondition(range.lowerBound >= 0 && range.upperBound <= text.count)
    let parts = splitter?.parts(of: text, in: range) ?? (range.isEmpty ? [] : [.text(range)])
    for part in parts {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        guard try encodePart(range, of: text, into: ids, whenMany: whenMany) else { return false }
      }
      if ids.count > IDBuffer.many && !whenMany(ids) { return false }
    }
    return true
  }

  /// Appends the ids of `text[range]`, which is not empty and has no added token in it, to `ids`.
  private func encodePart(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, into ids: IDBuffer,
    whenMany: (IDBuffer) -> Bool
  ) throws(InvalidUTF8) -> Bool {
    guard addsPrefixSpace, text[range.lowerBound] != 0x20 else {
      return try state.encode(range, of: text, into: ids, whenMany: whenMany)
    }
    do throws(InvalidUTF8) {
      return try ([0x20] + text[range]).withUnsafeBufferPointer { spaced throws(InvalidUTF8) in
        try state.encode(0..<spaced.count, of: spaced, into: ids, whenMany: whenMany)
      }
    } catch {
      throw InvalidUTF8(offset: range.lowerBound + error.offset - 1)
    }
  }
}
