import FileSupport
import JSONSupport
import TestSupport
import Testing

@Suite("JSONReader over a file")
struct JSONReaderFileTests {
  /// More than the reader's buffer holds, with its edge in every kind of value.
  @Test("reads values across the edge of its buffer", arguments: 0..<48)
  func edges(_ shift: Int) throws {
    let folder = try TemporaryFolder()
    let filler = String(repeating: "x", count: (1 << 18) - 30 - shift)
    let tail = #""я\n\u044f","b":[true,null,12345],"c":bare, x,"#
    let path = try folder.write(
      "{\"f\":\"\(filler)\",\"a\":" + tail + "\n\"d\":nul.webm\n}", to: "edge.json")
    for skipsFiller in [true, false] {
      for keepsTexts in [true, false] {
        var reader = JSONReader(try InputFile(path: path), leniency: .bareStrings)
        var values: [JSONValue] = []
        var text: [UInt8] = []
        try reader.object { reader, key in
          if key == "f", skipsFiller {
            try reader.skip(keeping: &text)
            #expect(text.count == filler.utf8.count + 2)
          } else if key == "f" {
            #expect(try reader.string().utf8.count == filler.utf8.count)
          } else if keepsTexts {
            try reader.skip(keeping: &text)
            var value = JSONSupportTests.reader(text, leniency: .bareStrings)
            values.append(try JSONValue(&value))
          } else {
            values.append(try JSONValue(&reader))
          }
        }
        try reader.finish()
        #expect(values == ["я\nя", [true, nil, 12345], "bare, x", "nul.webm"])
      }
    }
  }

  @Test("knows how many bytes are left if the file has a known size")
  func remainingCount() throws {
    let folder = try TemporaryFolder()
    let text = "[" + String(repeating: "1,", count: 200_000) + "1]"
    var reader = JSONReader(try InputFile(path: folder.write(text, to: "list.json")))
    #expect(reader.remainingCount == 400_003)
    var elements = 0
    try reader.array { reader in
      _ = try reader.integer()
      elements += 1
      if elements == 150_000 { #expect(reader.remainingCount == 100_003) }
    }
    #expect(elements == 200_001)
    #expect(reader.remainingCount == 0)
    #expect(JSONReader(try InputFile(path: "/dev/null")).remainingCount == nil)
  }

  @Test("names the byte of an error far into a file")
  func farErrors() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "[" + String(repeating: "\"0123456789\",", count: 50_000) + "oops]", to: "far.json")
    var reader = JSONReader(try InputFile(path: path))
    let error = #expect(throws: InputError.self) { try reader.skip() }
    #expect(error?.description == "\(path): byte 650001: expected a value, found 'o'")
  }
}
