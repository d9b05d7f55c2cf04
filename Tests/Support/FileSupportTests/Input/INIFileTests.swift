import FileSupport

import TestSupport
import Testing

@Suite("INIFile")
struct INIFileTests {
  private func read(_ text: String) throws -> INIFile {
    try INIFile(Array(text.utf8), path: "config.ini", exampleSection: "Telegram")
  }

  @Test("reads sections, keys in any case, both delimiters, comments, and any line ends")
  func forms() throws {
    let text = """
      # a comment
      ; another
      [Telegram]
      api_id = 123
      API_Hash: 0a=b:c
        # a comment between
      empty =
      with spaces in it =  a value  with spaces
      [Another] ; what follows is nothing
      x=y ; no comment

      """
    for end in ["\n", "\r\n", "\r"] {
      let file = try read("\u{FEFF}" + text.replacing("\n", with: end))
      #expect(Set(file.sections.keys) == ["Telegram", "Another"])
      #expect(file.entry("api_id", in: "Telegram")?.value == "123")
      #expect(file.entry("api_id", in: "Telegram")?.line == 4)
      #expect(file.entry("api_hash", in: "Telegram")?.value == "0a=b:c")
      #expect(file.entry("empty", in: "Telegram")?.value == "")
      #expect(file.entry("with spaces in it", in: "Telegram")?.value == "a value  with spaces")
      #expect(file.entry("x", in: "Another")?.value == "y ; no comment")
      #expect(file.entry("x", in: "Another")?.line == 10)
      #expect(file.entry("x", in: "Telegram") == nil)
      #expect(!file.hasSection("telegram"))
    }
  }

  @Test("continues a value on lines that are indented deeper")
  func continuation() throws {
    let file = try read("[A]\nx = 1\n  2\n\n   3\n\n\n y = 4\nz = 5")
    // " y = 4" is indented deeper than x, and so part of its value.
    #expect(file.entry("x", in: "A")?.value == "1\n2\n\n3\n\n\ny = 4")
    #expect(file.entry("z", in: "A")?.value == "5")
  }

  @Test("applies DEFAULT to all sections that exist")
  func defaults() throws {
    let file = try read("[A]\nx = 1\n[DEFAULT]\nx = 2\ny = 3\n")
    #expect(file.entry("x", in: "A")?.value == "1")
    #expect(file.entry("y", in: "A")?.value == "3")
    #expect(file.entry("y", in: "B") == nil)
  }

  @Test(
    "says in which line something is wrong, and quotes no value",
    arguments: [
      ("x = secret", "line 1: expected a section such as [Telegram] before the first key"),
      ("[A]\nsecret", "line 2: expected 'key = value'"),
      ("[A]\n\n= secret", "line 3: expected 'key = value'"),
      ("[A]\nx = secret\nX: secret", "line 3: the key 'x' appears a second time"),
      ("[A]\n[B]\n[A]", "line 3: the section [A] appears a second time"),
      ("[]\n", "line 1: expected a section such as [Telegram] before the first key"),
    ])
  func errors(_ text: String, _ message: String) throws {
    let error = #expect(throws: InputError.self) { try read(text) }
    #expect(error?.description == "config.ini: \(message)")
  }

  @Test("refuses what is not UTF-8, and what is far too large")
  func encoding() throws {
    let error = #expect(throws: InputError.self) {
      try INIFile([0x5B, 0x41, 0x5D, 0xFF], path: "config.ini", exampleSection: "Telegram")
    }
    #expect(error?.description == "config.ini: the file is not UTF-8")
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](repeating: 0x0A, count: 2_000_000), to: "large.ini")
    let large = #expect(throws: InputError.self) {
      try INIFile(path: path, exampleSection: "Telegram")
    }
    #expect(large?.problem == "this is too large for a configuration")
  }
}
