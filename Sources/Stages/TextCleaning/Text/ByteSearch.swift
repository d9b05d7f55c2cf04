import Glibc

/// Whether `text` has the bytes `bytes`.
func isSame(_ bytes: [UInt8], _ text: UnsafeRawBufferPointer) -> Bool {
  guard bytes.count == text.count, let base = text.baseAddress else {
    return bytes.count == text.count
  }
  return memcmp(bytes, base, text.count) == 0
}

/// The offset of the first `needle` in `text` from `start` on; `nil` where there is none.
func offset(of needle: [UInt8], in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
  guard let base = text.baseAddress, let first = needle.first else { return nil }
  var index = start
  while index + needle.count <= text.count {
    let room = text.count - needle.count + 1 - index
    guard let found = memchr(base + index, Int32(first), room) else { return nil }
    if memcmp(found, needle, needle.count) == 0 { return UnsafeRawPointer(found) - base }
    index = UnsafeRawPointer(found) - base + 1
  }
  return nil
}
