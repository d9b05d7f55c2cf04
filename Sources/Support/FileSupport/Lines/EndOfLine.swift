import Glibc

/// Where the line ends that begins at `start` of `text`: at its newline, or where the text does.
package func endOfLine(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
  guard start < text.count, let base = text.baseAddress,
    let newline = memchr(base + start, 0x0A, text.count - start)
  else { return text.count }
  return UnsafeRawPointer(newline) - base
}
