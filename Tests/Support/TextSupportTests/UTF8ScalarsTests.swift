import Testing
import TextSupport

@Suite("Reading UTF-8 by scalars")
struct UTF8ScalarsTests {
  private let text = "aЖ€𝄞\u{10FFFF}я"

  @Test("finds each scalar and the range of its bytes")
  func scalars() {
    var (values, end): ([UInt32], Int) = ([], 0)
    text.utf8.span.forEachScalar { value, range in
      values.append(value)
      #expect(range.lowerBound == end)
      end = range.upperBound
    }
    #expect(values == text.unicodeScalars.map(\.value))
    #expect(end == text.utf8.count)
    #expect(text.utf8.span.scalarCount == 6)
  }

  @Test("takes a scalar that is cut off as its first byte")
  func cutOff() {
    for bytes in [[0xD0], [0xE2, 0x82], [0xF0, 0x9D, 0x84]] as [[UInt8]] {
      let (value, length) = bytes.span.scalar(at: 0)
      #expect(value == UInt32(bytes[0]) && length == 1)
    }
  }

  @Test("finds where the scalars end that are asked for")
  func end() {
    let span = text.utf8.span
    #expect(span.end(from: 1) { $0 > 0x80 } == span.count)
    #expect(span.end(from: 1) { $0 < 0x10000 } == 6)
    #expect(span.end(from: 1) { $0 < 0x80 } == 1)
    #expect(span.end(from: span.count) { _ in true } == span.count)
  }

  @Test("copies bytes to strings and arrays")
  func copies() {
    var bytes: [UInt8] = [0x2D]
    bytes.append(text.utf8.span.extracting(0..<6))
    #expect(bytes.span.string == "-aЖ€")
  }
}
