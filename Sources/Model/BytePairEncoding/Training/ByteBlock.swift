import FileSupport
import JSONSupport

/// Bytes in memory that grow at their end, cheaply also byte by byte.
struct ByteBlock: ~Copyable {
  private var buffer: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  /// A block without bytes.
  init() {
    buffer = .allocate(byteCount: 1 << 12, alignment: 1)
  }

  deinit {
    buffer.deallocate()
  }

  /// Calls `body` with all bytes.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }

  /// Takes all bytes out.
  mutating func removeAll() {
    count = 0
  }

  /// Appends `byte`.
  @inline(__always)
  mutating func append(_ byte: UInt8) {
    reserve(1)
    buffer[count] = byte
    count += 1
  }

  /// Appends `bytes`.
  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    reserve(bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
    count += bytes.count
  }

  /// Appends `number` in decimal digits.
  mutating func append(decimal number: Int) {
    precondition(number >= 0)
    let longest = 20
    reserve(longest)
    var place = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      place += 1
    }
    rest = number
    for index in (count..<count + place).reversed() {
      buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    count += place
  }

  /// Appends `text`, which is UTF-8, as a JSON string.
  @inline(__always)
  mutating func append(quoted text: UnsafeRawBufferPointer) {
    if JSONText.isPlain(text) {
      append(UInt8(ascii: "\""))
      append(text)
      append(UInt8(ascii: "\""))
    } else {
      var quoted: [UInt8] = []
      quoted.appendJSONString(text)
      quoted.withUnsafeBytes { append($0) }
    }
  }

  /// Makes sure that `size` more bytes have room.
  @inline(__always)
  private mutating func reserve(_ size: Int) {
    if buffer.count - count < size { grow(size) }
  }

  @inline(never)
  private mutating func grow(_ size: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(buffer.count * 2, count + size), alignment: 1)
    withBytes { larger.copyMemory(from: $0) }
    buffer.deallocate()
    buffer = larger
  }
}

extension ByteBlock {
  /// Calls `body` with the bytes that `append` appends for each of `elements`, in their order, in
  /// blocks of some hundred kilobytes.
  @inline(__always)
  static func forEach<Element>(
    of elements: some RandomAccessCollection<Element>,
    append: (_ element: Element, _ block: inout ByteBlock) -> Void,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    var block = ByteBlock()
    for element in elements {
      append(element, &block)
      guard block.count >= 1 << 18 else { continue }
      try block.withBytes(body)
      block.removeAll()
    }
    try block.withBytes(body)
  }
}
