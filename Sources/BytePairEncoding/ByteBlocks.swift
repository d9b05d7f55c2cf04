/// Calls `body` with the bytes that `append` appends for each of `elements`, in their order, in
/// blocks of some hundred kilobytes.
func forEachBlock<Element>(
  of elements: some RandomAccessCollection<Element>,
  append: (_ element: Element, _ block: inout [UInt8]) -> Void,
  _ body: (_ block: [UInt8]) throws -> Void
) rethrows {
  let size = 1 << 18
  var block: [UInt8] = []
  block.reserveCapacity(size + 1 << 10)
  for element in elements {
    append(element, &block)
    guard block.count >= size else { continue }
    try body(block)
    block.removeAll(keepingCapacity: true)
  }
  try body(block)
}

extension [UInt8] {
  /// Appends the text `number` of `texts`.
  mutating func append(_ number: Int, of texts: TokenTexts) {
    texts.lines.withUnsafeBytes { lines in
      append(contentsOf: UnsafeRawBufferPointer(rebasing: lines[texts.range(number)]))
    }
  }

  /// Appends the line of `merges.txt` of `merge`, a merge of `texts`.
  mutating func appendLine(of merge: Tokenizer.Merge, _ texts: TokenTexts) {
    append(Int(merge.left), of: texts)
    append(0x20)
    append(Int(merge.right), of: texts)
    append(0x0A)
  }
}
