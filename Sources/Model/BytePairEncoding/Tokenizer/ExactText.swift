/// A text as a key that is equal only to texts with the same bytes.
///
/// Strings are equal if they are canonically equivalent, such as й and и with a breve; to a
/// tokenizer those are two different texts.
struct ExactText: Hashable {
  let text: String

  init(_ text: some StringProtocol) {
    self.text = String(text)
  }

  static func == (a: ExactText, b: ExactText) -> Bool {
    a.text.utf8.elementsEqual(b.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}
