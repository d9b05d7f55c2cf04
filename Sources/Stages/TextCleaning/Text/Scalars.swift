/// What a scalar is to the tidying of white space.
enum ScalarKind {
  case visible
  case whiteSpace
  /// Takes no room and means nothing: zero-width characters, marks of direction, control codes.
  case invisible
  /// U+200D, which makes one emoji of several and is invisible anywhere else.
  case joiner
}

/// How many bytes the scalar has that begins with `lead`.
@inline(__always)
func scalarLength(lead: UInt8) -> Int {
  lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
}

/// The scalar at `index` of `text`, which is UTF-8, and how many bytes it has.
func scalar(at index: Int, of text: UnsafeRawBufferPointer) -> (value: UInt32, length: Int) {
  let lead = text[index]
  let length = scalarLength(lead: lead)
  guard length > 1, index + length <= text.count else { return (UInt32(lead), 1) }
  var value = UInt32(lead) & (0x7F >> UInt32(length))
  for offset in 1..<length { value = value << 6 | UInt32(text[index + offset] & 0x3F) }
  return (value, length)
}

/// Whether all scalars that begin with `byte` are visible, and bytes that continue a scalar.
///
/// True of the letters of most alphabets, so that one look at a byte decides of nearly all text.
@inline(__always)
func isPlain(_ byte: UInt8) -> Bool {
  if byte < 0x80 { return byte > 0x20 && byte != 0x7F }
  return byte != 0xC2 && byte != 0xE1 && byte != 0xE2 && byte != 0xE3 && byte != 0xEF
}

/// Where the bytes of `text` from `start` on end that are plain; maybe before a scalar that begins with
/// 0xE0, too.
func plainEnd(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
  func all(_ byte: UInt64) -> UInt64 { 0x0101_0101_0101_0101 &* byte }
  // The high bit of each byte below `limit`, and maybe of one above such a byte: only the first counts.
  func below(_ limit: UInt64, _ bytes: UInt64) -> UInt64 { (bytes &- all(limit)) & ~bytes }
  var index = start
  while index + 8 <= text.count {
    let bytes = UInt64(littleEndian: text.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    let stops =
      below(0x21, bytes) | below(1, bytes ^ all(0x7F)) | below(1, bytes ^ all(0xC2))
      | below(1, (bytes & all(0xFC)) ^ all(0xE0)) | below(1, bytes ^ all(0xEF))
    let count = (stops & all(0x80)).trailingZeroBitCount >> 3
    index += count
    if count < 8 { return index }
  }
  while index < text.count, isPlain(text[index]) { index += 1 }
  return index
}

/// The kind of `scalar`: white space as Unicode has it, and two blanks that pass for letters there.
func kind(of scalar: UInt32) -> ScalarKind {
  switch scalar {
  case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
    0x3000:
    .whiteSpace
  case 0x2800, 0x3164: .whiteSpace  // the Braille blank and the Hangul filler: empty lines of posts
  case 0x200D: .joiner
  case 0x00..<0x20, 0x7F...0x9F, 0xAD, 0x180E, 0x200B, 0x200C, 0x200E, 0x200F, 0x202A...0x202E,
    0x2060...0x206F, 0xFEFF:
    .invisible
  default: .visible
  }
}

/// Whether an emoji may have `scalar` beside a joiner: a pictograph or a variation selector.
func isPictorial(_ scalar: UInt32) -> Bool {
  switch scalar {
  case 0x2190..<0x2E80, 0xFE0F, 0x1F000..<0xF0000: scalar != 0x2800
  default: false
  }
}

/// The offset of the first visible scalar of `text`; `nil` where there is none.
func offsetOfVisible(in text: UnsafeRawBufferPointer) -> Int? {
  var index = 0
  while index < text.count {
    if isPlain(text[index]) { return index }
    let (value, length) = scalar(at: index, of: text)
    if kind(of: value) == .visible { return index }
    index += length
  }
  return nil
}

/// Where `text` goes on behind `pattern` if it stands at `start`, whatever the case; else `nil`.
///
/// `pattern` is in lower case. Only Latin and Russian letters have a case here.
func end(
  of pattern: [UInt32], at start: Int, in text: UnsafeRawBufferPointer
) -> Int? {
  var index = start
  for wanted in pattern {
    guard index < text.count else { return nil }
    let (value, length) = scalar(at: index, of: text)
    guard lowercased(value) == wanted else { return nil }
    index += length
  }
  return index
}

func lowercased(_ scalar: UInt32) -> UInt32 {
  switch scalar {
  case 0x41...0x5A, 0x410...0x42F: scalar + 0x20
  case 0x401: 0x451
  default: scalar
  }
}

/// The scalars of `text` in lower case, to be looked for with ``end(of:at:in:)``.
func pattern(_ text: String) -> [UInt32] {
  text.unicodeScalars.map { lowercased($0.value) }
}
