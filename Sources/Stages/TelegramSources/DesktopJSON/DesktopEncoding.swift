import FileSupport

/// Tells encodings that an export is not in: Telegram Desktop writes UTF-8, but editors may save the
/// file in another one.
enum DesktopEncoding {
  /// What a text that begins with `bytes` is in instead of UTF-8, and how it can be converted; `nil`
  /// if it looks like neither UTF-16 nor UTF-32.
  static func problem(of bytes: [UInt8], in path: String) -> String? {
    // A mark at the beginning tells the order of bytes, or the zeros beside the '{' do.
    let encodings: [(head: [UInt8], name: String, iconvName: String)] = [
      ([0xFF, 0xFE, 0, 0], "UTF-32LE", "UTF-32"), ([0, 0, 0xFE, 0xFF], "UTF-32BE", "UTF-32"),
      ([0x7B, 0, 0, 0], "UTF-32LE", "UTF-32LE"), ([0, 0, 0, 0x7B], "UTF-32BE", "UTF-32BE"),
      ([0xFF, 0xFE], "UTF-16LE", "UTF-16"), ([0xFE, 0xFF], "UTF-16BE", "UTF-16"),
      ([0x7B, 0], "UTF-16LE", "UTF-16LE"), ([0, 0x7B], "UTF-16BE", "UTF-16BE"),
    ]
    guard let found = encodings.first(where: { bytes.starts(with: $0.head) }) else { return nil }
    return "this is text in \(found.name), expected UTF-8; export the chat again, or convert the "
      + "file: \(conversion(from: found.iconvName, path))"
  }

  /// What to do about a string of `bytes` that are not UTF-8, to be put behind what is said of it.
  static func remedy(for bytes: [UInt8], in path: String) -> String {
    // In Windows-1251 the Cyrillic letters have the upper quarter of bytes, Ё and ё one each below;
    // in what is left of UTF-8 every second byte at least is below.
    let high = bytes.count { $0 >= 0x80 }
    let letters = bytes.count { $0 >= 0xC0 || $0 == 0xA8 || $0 == 0xB8 }
    guard letters >= 4, letters * 5 >= high * 4 else { return "; export the chat again" }
    return "; it looks like Windows-1251: export the chat again, or, if all of the file is in it, "
      + "convert the file: \(conversion(from: "WINDOWS-1251", path))"
  }

  private static func conversion(from encoding: String, _ path: String) -> String {
    "iconv -f \(encoding) -t UTF-8 '\(Folder.name(of: path))' > utf8.json"
  }
}
