/// Elements of a page that are no text: what is pressed, chosen or run, and what is not shown.
enum HTMLControl: String, CaseIterable {
  case button, script, style, select, option, input, textarea, datalist, nav, noscript, template
  case svg, canvas, iframe, object, audio, video, progress, meter

  static let words = ByteWords<HTMLControl>()

  /// Whether the control has no content, and no end.
  var isVoid: Bool { self == .input }
}

extension HTMLTag {
  /// Whether the element is no text.
  ///
  /// The text of a spoiler is hidden from screen readers.
  func isControl(isInSpoiler: Bool) -> Bool {
    if HTMLControl.words.word(name) != nil || value(of: "hidden") != nil { return true }
    if !isInSpoiler, let value = value(of: "aria-hidden"), "true" ~= value { return true }
    return value(of: "style").map(HTMLControl.hides) ?? false
  }

  /// Calls `body` with each word of the `class`.
  func forEachClass(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard let text = value(of: "class") else { return }
    for word in text.split(whereSeparator: { $0 <= 0x20 }) {
      body(UnsafeRawBufferPointer(rebasing: word))
    }
  }
}

extension HTMLControl {
  /// Whether an element with this `style` is not shown.
  static func hides(_ style: UnsafeRawBufferPointer) -> Bool {
    style.range(of: "display:none") != nil || style.range(of: "display: none") != nil
  }

  static func hides(_ style: String) -> Bool {
    var style = style
    return style.withUTF8 { hides(UnsafeRawBufferPointer($0)) }
  }
}
