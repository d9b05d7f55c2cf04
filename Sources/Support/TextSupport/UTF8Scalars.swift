// Reading UTF-8 scalar by scalar, in bytes that are known to be valid.

/// The number of bytes in the scalar that begins with `lead`.
@inlinable
@inline(__always)
package func scalarLength(lead: UInt8) -> Int {
  lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
}

extension Span<UInt8> {
  /// The scalar that begins at `index`, and its length in bytes.
  ///
  /// A scalar that is truncated by the end of the text counts as its first byte.
  @inlinable
  @inline(__always)
  package func scalar(at index: Int) -> (value: UInt32, length: Int) {
    let lead = self[index]
    let length = scalarLength(lead: lead)
    guard length > 1, index + length <= count else { return (UInt32(lead), 1) }
    var value = UInt32(lead) & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(self[index + offset] & 0x3F) }
    return (value, length)
  }

  /// The scalar that ends before `index`, and where it begins; `nil` at the beginning of the text.
  package func scalar(before index: Int) -> (value: UInt32, start: Int)? {
    guard index > 0 else { return nil }
    var start = index - 1
    while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
    return (scalar(at: start).value, start)
  }

  /// The end of the run of scalars from `start` on for which `isIncluded` holds.
  @inlinable
  @inline(__always)
  package func end(from start: Int, while isIncluded: (UInt32) -> Bool) -> Int {
    var index = start
    while index < count {
      let (value, length) = scalar(at: index)
      guard isIncluded(value) else { break }
      index += length
    }
    return index
  }

  /// Calls `body` with each scalar and the range of its bytes.
  @inlinable
  @inline(__always)
  package func forEachScalar(_ body: (_ value: UInt32, _ range: Range<Int>) -> Void) {
    var index = 0
    while index < count {
      let (value, length) = scalar(at: index)
      body(value, index..<index + length)
      index += length
    }
  }

  /// The number of Unicode scalars in the text.
  @inlinable
  package var scalarCount: Int { withUnsafeBytes { unicodeScalarCount(of: $0) } }

  /// The text as a string.
  package var string: String {
    withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}

extension [UInt8] {
  /// Appends `bytes`.
  @inlinable
  package mutating func append(_ bytes: Span<UInt8>) {
    bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
  }
}
