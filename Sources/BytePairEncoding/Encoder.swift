/// Turns text into ids; it remembers the pieces it has seen.
///
/// An encoder belongs to one thread; several threads take one each. A copy shares the tables and
/// remembers for itself.
///
///     var encoder = Encoder(tokenizer)
///     let ids = try encoder.encode("Привет, мир!")
public struct Encoder: Sendable {
  private let splitter: SpecialTokenSplitter
  private var state: EncoderState

  /// An encoder with the vocabulary of `tokenizer`.
  public init(_ tokenizer: Tokenizer) {
    state = EncoderState(PieceMerger(tokenizer))
    splitter = SpecialTokenSplitter(tokenizer.addedTokens)
  }

  /// The ids of `text`; names of special tokens in it are ordinary text unless
  /// `recognizingSpecialTokens`.
  ///
  /// - Throws: Nothing but what ``encode(_:into:)`` throws; a string is always UTF-8.
  public mutating func encode(
    _ text: String, recognizingSpecialTokens: Bool = false
  ) throws(InvalidUTF8) -> [UInt32] {
    var ids: [UInt32] = []
    let bytes = Array(text.utf8)
    guard recognizingSpecialTokens else {
      try encode(bytes, into: &ids)
      return ids
    }
    for part in splitter.parts(of: bytes) {
      switch part {
      case .text(let range): try encode(Array(bytes[range]), into: &ids)
      case .token(let id): ids.append(id)
      }
    }
    return ids
  }

  /// Appends the ids of `text` to `ids`; names of special tokens in it are ordinary text.
  ///
  /// - Throws: ``InvalidUTF8``; the ids of what stands before it may have been appended.
  public mutating func encode(_ text: [UInt8], into ids: inout [UInt32]) throws(InvalidUTF8) {
    let buffer = IDBuffer()
    defer { buffer.withIDs { ids.append(contentsOf: $0) } }
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try encode(0..<text.count, of: UnsafeRawBufferPointer(text), into: buffer)
    }
  }

  /// Appends the ids of the bytes `range` of `text` to `ids`; names of special tokens in it are
  /// ordinary text.
  ///
  /// What stands behind `range` has no influence, but it lets the last pieces be read as quickly as
  /// the others.
  ///
  /// - Throws: ``InvalidUTF8`` with an offset in `text`; the ids of what stands before it may have
  ///   been appended.
  public mutating func encode(
    _ range: Range<Int>, of text: UnsafeRawBufferPointer, into ids: IDBuffer
  ) throws(InvalidUTF8) {
    if !isKnownUniquelyReferenced(&state) { state = state.anew() }
    try state.encode(range, of: text.bindMemory(to: UInt8.self), into: ids)
  }
}
