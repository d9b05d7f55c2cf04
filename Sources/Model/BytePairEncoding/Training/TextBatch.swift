/// Texts one after another in memory, to be taken in together.
public struct TextBatch: Sendable {
  /// The bytes of all texts.
  private(set) var bytes: [UInt8] = []
  /// Where each text ends in ``bytes``.
  private(set) var ends: [Int] = []

  /// A batch without a text.
  public init() {}

  /// How many bytes the texts have together.
  public var byteCount: Int { bytes.count }

  /// Whether there is no text.
  public var isEmpty: Bool { ends.isEmpty }

  /// Adds `text`, and a newline to it where there is to be one.
  public mutating func append(_ text: UnsafeRawBufferPointer, addingNewline: Bool) {
    bytes.append(contentsOf: text)
    if addingNewline { bytes.append(0x0A) }
    ends.append(bytes.count)
  }

  /// Takes all texts out.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  /// Where the text `index` lies in ``bytes``.
  func range(_ index: Int) -> Range<Int> {
    (index > 0 ? ends[index - 1] : 0)..<ends[index]
  }

  /// The texts by number in parts of at least `byteCount` bytes, but for the last.
  func parts(byteCount: Int) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var first = 0
    for index in ends.indices
    where ends[index] - range(first).lowerBound >= byteCount || index == ends.count - 1 {
      parts.append(first..<index + 1)
      first = index + 1
    }
    return parts
  }
}
