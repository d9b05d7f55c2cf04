/// Numbers the items of an ordered list of a rich message, as Telegram shows them.
struct RichListNumbering {
  private var next: Int
  private let step: Int
  private let type: String

  /// A list whose first item has the number `start`.
  ///
  /// `type` says how numbers are written: `1`, `a`, `A`, `i` or `I`; anything else counts as `1`.
  init(start: Int?, isReversed: Bool, type: String?) {
    next = start ?? 1
    step = isReversed ? -1 : 1
    self.type = type ?? "1"
  }

  /// The label of the next item, such as `3.`.
  ///
  /// An item may have a label of its own, the `text` without the dot; a number `value` that does not
  /// follow the one before; and a `type` of its own.
  mutating func label(text: String?, value: Int?, type: String?) -> String {
    let number = value ?? next
    next = number &+ step
    if let text, !text.isEmpty { return text + "." }
    let isOwnType = type.map { !$0.isEmpty } ?? false
    return Self.text(number, (isOwnType ? type : nil) ?? self.type) + "."
  }

  private static func text(_ number: Int, _ type: String) -> String {
    switch type {
    case "a" where number > 0: letters(number)
    case "A" where number > 0: letters(number).uppercased()
    case "i" where 1..<4000 ~= number: romanNumeral(number)
    case "I" where 1..<4000 ~= number: romanNumeral(number).uppercased()
    default: String(number)
    }
  }

  /// `a` to `z`, then `aa`.
  private static func letters(_ number: Int) -> String {
    var letters: [UInt8] = []
    var rest = number
    while rest > 0 {
      letters.append(UInt8(ascii: "a") + UInt8((rest - 1) % 26))
      rest = (rest - 1) / 26
    }
    return String(decoding: letters.reversed(), as: UTF8.self)
  }

  private static func romanNumeral(_ number: Int) -> String {
    let numerals = [
      (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
      (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
    ]
    var text = ""
    var rest = number
    for (value, numeral) in numerals {
      while rest >= value {
        text += numeral
        rest -= value
      }
    }
    return text
  }
}

/// The marker of an item of a checklist.
func checkboxMarker(isChecked: Bool) -> String { isChecked ? "☑" : "☐" }
