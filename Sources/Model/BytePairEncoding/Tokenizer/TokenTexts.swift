import Glibc

/// The texts of tokens as they are written in the files, stored consecutively and accessed by
/// index.
struct TokenTexts: Sendable {
  /// The bytes of all texts, each followed by a newline.
  private(set) var lines: [UInt8] = []
  /// The start of each text in ``lines``, and the start of the next one to be added.
  private var starts = [0]

  /// Reserves memory for `count` texts of `byteCount` bytes in all.
  mutating func reserveCapacity(_ count: Int, byteCount: Int) {
    lines.reserveCapacity(byteCount + count)
    starts.reserveCapacity(count + 1)
  }

  /// The number of texts.
  var count: Int { starts.count - 1 }

  /// The range of the text `index` in ``lines``.
  private func range(_ index: Int) -> Range<Int> { starts[index]..<starts[index + 1] - 1 }

  /// The bytes of the text `index`.
  subscript(index: Int) -> ArraySlice<UInt8> { lines[range(index)] }

  /// The text `index` as a string.
  func string(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

  /// Whether there is a text `index`, and it is `bytes`.
  func equals(_ bytes: RawSpan, _ index: Int) -> Bool {
    guard index < count, case let range = range(index), range.count == bytes.byteCount else {
      return false
    }
    return lines.withUnsafeBytes { lines in
      bytes.withUnsafeBytes { bytes in
        guard let base = lines.baseAddress, let other = bytes.baseAddress else { return true }
        return memcmp(base + range.lowerBound, other, range.count) == 0
      }
    }
  }

  /// Adds the text that `body` appends to the bytes it is given, which it must not change
  /// otherwise.
  mutating func append(_ body: (inout [UInt8]) throws -> Void) rethrows {
    try body(&lines)
    lines.append(0x0A)
    starts.append(lines.count)
  }

  /// Adds `text`.
  mutating func append(_ text: String) {
    append { $0.append(contentsOf: text.utf8) }
  }

  /// Adds the text consisting of `bytes`.
  mutating func append(_ bytes: RawSpan) {
    append { lines in bytes.withUnsafeBytes { lines.append(contentsOf: $0) } }
  }

  /// Splits the last text at its only space, which becomes the end of the first part.
  ///
  /// - Returns: Whether it was two texts separated by a space.
  mutating func splitLast() -> Bool {
    guard let space = onlySpaceInLast else { return false }
    lines[space] = 0x0A
    starts.insert(space + 1, at: starts.count - 1)
    return true
  }

  /// Where the only space of the last text is, if it separates two others.
  ///
  /// A property of its own, so that no slice of ``lines`` is alive, and copies all of it, when the
  /// space is replaced.
  private var onlySpaceInLast: Int? {
    let text = self[count - 1]
    guard let space = text.firstIndex(of: 0x20), space > text.startIndex,
      space + 1 < text.endIndex, !text[(space + 1)...].contains(0x20)
    else { return nil }
    return space
  }

  /// The texts at `indices`, in this order.
  func picked(_ indices: [Int]) -> TokenTexts {
    var picked = TokenTexts()
    picked.reserveCapacity(indices.count, byteCount: lines.count)
    for index in indices { picked.append(self[index].span.bytes) }
    return picked
  }
}

/// Finds texts by their bytes; it holds the indices of the texts, not the texts.
///
/// Texts are equal if all their bytes are: й differs from и with a breve.
struct TokenIndex: Sendable {
  private var table: HashIndex

  /// An index without texts and with room for `capacity`.
  init(capacity: Int = 0) {
    table = HashIndex(capacity: capacity)
  }

  /// An index of all `texts`; of equal ones the first counts.
  init(_ texts: TokenTexts) {
    self.init(capacity: texts.count)
    for index in 0..<texts.count { _ = insert(index, of: texts) }
  }

  /// The index of the text `bytes` in `texts`, from which the index was built; `nil` if it is not
  /// there.
  @inline(__always)
  func find(_ bytes: RawSpan, in texts: TokenTexts) -> Int? {
    table.find(FoldedHash.hash(of: bytes)) { texts.equals(bytes, $0) }
  }

  /// The index of `text` in `texts`, from which the index was built; `nil` if it is not there.
  func find(_ text: String, in texts: TokenTexts) -> Int? {
    find(text.utf8.span.bytes, in: texts)
  }

  /// Adds the text `index` of `texts`, unless an equal text is present, whose index is then
  /// returned.
  mutating func insert(_ index: Int, of texts: TokenTexts) -> Int? {
    let text = texts[index]
    if let other = find(text.span.bytes, in: texts) { return other }
    table.insert(index, hash: FoldedHash.hash(of: text.span.bytes))
    return nil
  }
}
