import TextSupport

/// A file of sections with keys and values, as Python's `configparser` reads it.
///
///     # a comment
///     [Telegram]
///     api_id = 12345
///     api_hash: 0123456789abcdef0123456789abcdef
///
/// As there, keys are case-insensitive, a comment is on its own line, a line indented deeper than
/// its key continues the value, and `[DEFAULT]` applies to all sections. `%` is an ordinary
/// character.
package struct INIFile: Equatable {
  /// A value with the line of its key.
  package struct Entry: Equatable {
    package fileprivate(set) var value: String
    package let line: Int
    /// Empty lines that belong to the value if it continues after them.
    fileprivate var pending = ""

    fileprivate init(value: String, line: Int) {
      self.value = value
      self.line = line
    }
  }

  /// The keys of each section, by its name.
  package private(set) var sections: [String: [String: Entry]] = [:]

  /// The line on which each section begins, by its name.
  package private(set) var sectionLines: [String: Int] = [:]

  /// Whether a section `name` exists.
  package func hasSection(_ name: String) -> Bool { sections[name] != nil }

  /// The value of `key` in a section.
  package func entry(_ key: String, in section: String) -> Entry? {
    sections[section]?[key] ?? (hasSection(section) ? sections[Self.defaultSection]?[key] : nil)
  }

  /// Reads the file at `path`; `exampleSection` is a section name to use in messages.
  ///
  /// - Throws: `FileError`; `InputError`, which quotes no values: the file may hold secrets.
  package init(path: String, exampleSection: String) throws {
    let bytes = try InputFile(path: path).read(upTo: Self.largest + 1)
    guard bytes.count <= Self.largest else {
      throw InputError(path, "this is too large for a configuration")
    }
    try self.init(bytes, path: path, exampleSection: exampleSection)
  }

  private static let largest = 1 << 20

  /// Reads `bytes`, the contents of the file `path`.
  ///
  /// - Throws: `InputError`.
  package init(_ bytes: [UInt8], path: String, exampleSection: String) throws(InputError) {
    var unified = bytes
    unified.normalizeLineEnds()
    guard let text = String(validating: unified, as: UTF8.self) else {
      throw InputError(path, "the file is not UTF-8" + TextEncoding.remedy(for: bytes, in: path))
    }
    var place = Place(exampleSection: exampleSection)
    let lines = text.withoutByteOrderMark.unicodeScalars.split(
      separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      try read(line, path, index + 1, &place)
    }
  }

  /// What the next line belongs to.
  private struct Place {
    let exampleSection: String
    var section: String?
    var key: String?
    var indent = 0
  }

  private mutating func read(
    _ line: Substring.UnicodeScalarView, _ path: String, _ number: Int, _ place: inout Place
  ) throws(InputError) {
    let indent = line.prefix { $0.properties.isWhitespace }.count
    let text = Substring(line).trimmed
    if text.hasPrefix("#") || text.hasPrefix(";") { return }
    if text.isEmpty || place.key != nil && indent > place.indent {
      return extendValue(at: place, with: text)
    }
    place.indent = indent
    if let name = Self.sectionName(text) {
      guard name == Self.defaultSection || sections[name] == nil else {
        throw InputError(path, .line(number), "the section [\(name)] appears a second time")
      }
      if sections[name] == nil {
        sections[name] = [:]
        sectionLines[name] = number
      }
      (place.section, place.key) = (name, nil)
      return
    }
    guard let section = place.section else {
      throw InputError(
        path, .line(number),
        "expected a section such as [\(place.exampleSection)] before the first key")
    }
    let scalars = text.unicodeScalars
    guard let delimiter = scalars.firstIndex(where: { $0 == "=" || $0 == ":" }),
      delimiter > scalars.startIndex
    else {
      throw InputError(path, .line(number), "expected 'key = value'")
    }
    let key = text[..<delimiter].trimmed.lowercased()
    guard sections[section]?[key] == nil else {
      throw InputError(path, .line(number), "the key '\(excerpt(key))' appears a second time")
    }
    let value = text[scalars.index(after: delimiter)...].trimmed
    sections[section]?[key] = Entry(value: value, line: number)
    place.key = key
  }

  /// Adds a line to the value being read; trailing empty lines do not count.
  private mutating func extendValue(at place: Place, with text: String) {
    guard let section = place.section, let key = place.key else { return }
    sections[section]?[key]?.pending += "\n"
    guard !text.isEmpty, let pending = sections[section]?[key]?.pending else { return }
    sections[section]?[key]?.value += pending + text
    sections[section]?[key]?.pending = ""
  }

  private static let defaultSection = "DEFAULT"

  /// The name in brackets at the beginning of a line.
  private static func sectionName(_ text: String) -> String? {
    guard text.hasPrefix("["), let end = text.unicodeScalars.lastIndex(of: "]") else { return nil }
    let name = text.unicodeScalars[..<end].dropFirst()
    return name.isEmpty ? nil : String(Substring(name))
  }
}
