import FileSupport
import JSONSupport
import TestSupport
import Testing

/// A reader of `text`.
func reader(_ text: String, leniency: JSONReader.Leniency = []) -> JSONReader {
  reader(Array(text.utf8), leniency: leniency)
}

func reader(_ bytes: [UInt8], leniency: JSONReader.Leniency = []) -> JSONReader {
  let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
  var reader = JSONReader(bytes: nothing, path: "x.json", leniency: leniency)
  bytes.withUnsafeBytes { reader.restart(bytes: $0) }
  return reader
}

/// What the error says that reading `text` as any one value throws; empty without an error.
func problem(_ text: String, leniency: JSONReader.Leniency = []) -> String {
  problem(Array(text.utf8), leniency: leniency)
}

func problem(_ bytes: [UInt8], leniency: JSONReader.Leniency = []) -> String {
  var reader = reader(bytes, leniency: leniency)
  do {
    _ = try JSONValue(&reader)
    try reader.finish()
    return ""
  } catch {
    return "\(error)"
  }
}

@Suite("JSONReader")
struct JSONReaderTests {
  @Test("reads every kind of value")
  func values() throws {
    var reader = reader(
      #" { "a" : [1, -2.5e3, true, false, null, "x\ny", {}, []] , "b":"" } "#)
    let value = try JSONValue(&reader)
    try reader.finish()
    #expect(
      value == [
        "a": [1, -2500.0, true, false, nil, "x\ny", .object([]), .array([])], "b": "",
      ])
  }

  @Test(
    "reads escapes",
    arguments: [
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u0041\u044F\u2028""#, "Aя\u{2028}"),
      (#""\ud83d\uDE00""#, "😀"),
      (#""12345678\n12345678""#, "12345678\n12345678"),
      (#""Бугурт 🔥""#, "Бугурт 🔥"),
    ])
  func escapes(_ json: String, _ expected: String) throws {
    var reader = reader(json)
    #expect(try reader.string() == expected)
  }

  @Test("finds the end of a string at every distance")
  func stringLengths() throws {
    for length in 0...40 {
      let text =
        String(repeating: "я", count: length / 2) + String(repeating: "!", count: length % 2)
      var reader = reader("[\"\(text)\",\"\(text)\\n\", 7]")
      var strings: [String] = []
      try reader.array { reader in
        if try reader.peek() == .string {
          strings.append(try reader.string())
        } else {
          #expect(try reader.integer() == 7)
        }
      }
      #expect(strings == [text, text + "\n"])
    }
  }

  @Test(
    "says what is wrong and at which byte",
    arguments: [
      ("", "byte 0: the text ends where a value was expected: it is cut off"),
      ("[1, 2", "byte 5: the text ends where ',' or ']' was expected: it is cut off"),
      ("{\"a\": 1", "byte 7: the text ends where ',' or '}' was expected: it is cut off"),
      ("{\"a\"", "byte 4: the text ends where ':' was expected: it is cut off"),
      ("\"abc", "byte 4: the text ends where the end of a string was expected: it is cut off"),
      ("tru", "byte 3: the text ends where 'true' was expected: it is cut off"),
      ("\"a\\", "byte 3: the text ends where an escape was expected: it is cut off"),
      ("[1 2]", "byte 3: expected ',' or ']', found '2'"),
      ("[1,]", "byte 3: expected a value, found ']'"),
      ("{a: 1}", "byte 1: expected a key in quotes, found 'a'"),
      ("<html>", "byte 0: expected a value, found '<'"),
      ("1 x", "byte 2: expected the end, found 'x'"),
      ("01", "byte 0: '01' is not a number"),
      ("[1.]", "byte 1: '1.' is not a number"),
      ("[-]", "byte 1: '-' is not a number"),
      ("nul1", "byte 3: expected 'null'"),
      ("\"a\nb\"", "byte 2: a control character in a string must be escaped"),
      (#""\x0B""#, "byte 2: a backslash before 'x' is not an escape"),
      (#""\u12G4""#, "byte 5: expected a hexadecimal digit, found 'G'"),
      (#""\ud83d!""#, #"byte 7: \ud83d is half of a surrogate pair"#),
      (#""\ude00""#, #"byte 7: \ude00 is half of a surrogate pair"#),
    ])
  func errors(_ json: String, _ expected: String) {
    #expect(problem(json) == "x.json: " + expected)
  }

  @Test(
    "reads half of a surrogate pair as U+FFFD if that is accepted, and counts them",
    arguments: [
      (#"\ud83d"#, "\u{FFFD}", 1), (#"a\ude00b"#, "a\u{FFFD}b", 1),
      (#"\ud83d\ud83d\ude00"#, "\u{FFFD}😀", 1), (#"\ud83d\u0041"#, "\u{FFFD}A", 1),
      (#"\ud83d\n"#, "\u{FFFD}\n", 1), (#"\ude00\ud83d"#, "\u{FFFD}\u{FFFD}", 2),
      (#"\ud83d\uDE00"#, "😀", 0),
    ])
  func loneSurrogates(_ text: String, _ expected: String, _ count: Int) throws {
    let json = Array("[\"\(text)\", \"\(text)\", 1]".utf8)
    try json.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes: bytes, path: "x.json", leniency: .loneSurrogates)
      var strings: [String] = []
      try reader.array { reader in
        if try reader.peek() == .string, strings.isEmpty {
          strings.append(try reader.string())
        } else {
          try reader.skip()
        }
      }
      #expect(strings == [expected])
      // What is skipped does not count.
      let replaced = reader.replacedSurrogates
      #expect(replaced == count)
    }
  }

  @Test("reports a text as cut off if it ends with half of a surrogate pair")
  func cutSurrogates() throws {
    for text in [#""\ud83d"#, #""\ud83d\"#, #""\ud83d\ude0"#] {
      for leniency in [[], .loneSurrogates] as [JSONReader.Leniency] {
        Array(text.utf8).withUnsafeBytes { bytes in
          var reader = JSONReader(bytes: bytes, path: "x.json", leniency: leniency)
          #expect(throws: InputError.self) { _ = try reader.string() }
          let isCutOff = reader.isCutOff
          #expect(isCutOff)
        }
      }
    }
  }

  @Test("refuses strings that are not UTF-8 when they are read")
  func invalidUTF8() {
    #expect(problem([0x22, 0x61, 0xFF, 0x22]) == "x.json: byte 1: the string is not UTF-8")
    #expect(problem([0x22, 0x5C, 0x6E, 0xD0, 0x22]) == "x.json: byte 1: the string is not UTF-8")
  }

  @Test("reports what it found instead of what was expected")
  func unexpectedKinds() {
    var reader = reader("\"5\"")
    let error = #expect(throws: InputError.self) { try reader.integer() }
    #expect(error?.description == "x.json: byte 0: expected a number, found a string")
  }

  @Test("reads whole numbers, however they are written")
  func integers() throws {
    for (text, expected) in [
      ("0", 0), ("-7", -7), ("1e3", 1000), ("70.0", 70),
      ("123456789012345678", 123_456_789_012_345_678),
      ("1234567890123456789", 1_234_567_890_123_456_789), ("9223372036854775807", Int.max),
    ] {
      // At the end of the text, and with something behind it.
      for rest in ["", " ", "]", ",1"] {
        var reader = reader(text + rest)
        #expect(try reader.integer() == expected)
        #expect(reader.byteOffset == text.utf8.count)
      }
    }
  }

  @Test(
    "refuses numbers that are not whole, too large or no numbers",
    arguments: [
      ("1.5", "expected a whole number, found 1.5"), ("01", "'01' is not a number"),
      ("00", "'00' is not a number"), ("1-", "'1-' is not a number"),
      ("12345678901234567890", "expected a whole number, found 12345678901234567890"),
      ("\"1\"", "expected a number, found a string"),
    ])
  func wrongIntegers(_ text: String, _ problem: String) {
    for rest in ["", " "] {
      var reader = reader(text + rest)
      let error = #expect(throws: InputError.self) { try reader.integer() }
      #expect(error?.description == "x.json: byte 0: \(problem)")
    }
  }

  @Test("appends the bytes of keys and strings, and checks them if asked to")
  func bytes() throws {
    var reader = reader(#"{ "я\u0000" : "\ud83d\ude00", "":"" }"#)
    var bytes: [UInt8] = []
    try reader.members { reader in
      try reader.key(appendingTo: &bytes)
      bytes.append(0x3A)
      try reader.string(appendingTo: &bytes, validating: true)
      bytes.append(0x3B)
    }
    try reader.finish()
    #expect(bytes == Array("я\0:😀;:;".utf8))
  }

  @Test("checks that bytes are UTF-8 only if asked to")
  func invalidBytes() throws {
    let invalid: [UInt8] = [0x22, 0x61, 0xC3, 0x22]
    var bytes: [UInt8] = []
    var unchecked = reader(invalid)
    try unchecked.string(appendingTo: &bytes)
    #expect(bytes == [0x61, 0xC3])
    var checked = reader(invalid)
    let error = #expect(throws: InputError.self) {
      try checked.string(appendingTo: &bytes, validating: true)
    }
    #expect(error?.description == "x.json: byte 1: the string is not UTF-8")
    var object = reader([0x7B] + invalid + Array(":1}".utf8))
    let keyError = #expect(throws: InputError.self) {
      try object.members { try $0.key(appendingTo: &bytes) }
    }
    #expect(keyError?.description == "x.json: byte 2: the string is not UTF-8")
  }

  @Test("nests 512 deep and no deeper")
  func depth() {
    let whole = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
    #expect(problem(whole) == "")
    #expect(
      problem("[" + whole + "]") == "x.json: byte 513: objects and arrays nest deeper than 512")
  }

  @Test("skips what it would read, and refuses what it would refuse")
  func skipping() throws {
    let json = #"[{"a\"]":[1,{"b":"\u0041}\\"}],"c":null},"x",-1.5E+7,true]"#
    var whole = reader("[" + json + ",42]")
    var last = 0
    try whole.array { reader in
      if try reader.peek() == .number { last = try reader.integer() } else { try reader.skip() }
    }
    #expect(last == 42)
    for broken in ["[1 2]", "{\"a\" 1}", "\"\\q\"", "\"a\tb\"", "[01]", "{\"a\":tru}", "[\"a"] {
      var reader = reader(broken)
      #expect(throws: InputError.self) { try reader.skip() }
    }
  }

  @Test("finds the keys of a table and no others")
  func tables() throws {
    enum Key: String, CaseIterable {
      case id, text
      case entities = "text_entities"
      case date = "date_unixtime"
    }
    var reader = reader(
      #"{"text_entities":1,"id":2,"i":3,"":4,"t\u0065xt":5,"date_unixtime":6,"dita_unixtime":7}"#)
    var found: [String] = []
    try reader.object(JSONKeys<Key>()) { reader, key in
      found.append("\(key?.rawValue ?? "-")=\(try reader.integer())")
    }
    #expect(
      found == ["text_entities=1", "id=2", "-=3", "-=4", "text=5", "date_unixtime=6", "-=7"])
  }

  @Test("starts again with other text")
  func restart() throws {
    var reader = reader("[")
    #expect(throws: InputError.self) { try reader.skip() }
    let wasCutOff = reader.isCutOff
    #expect(wasCutOff)
    Array("{\"b\": \"a longer text than before\"}".utf8).withUnsafeBytes {
      reader.restart(bytes: $0, place: .line(7))
    }
    let isCutOff = reader.isCutOff
    #expect(!isCutOff)
    #expect(try JSONValue(&reader) == ["b": "a longer text than before"])
    let error = #expect(throws: InputError.self) { try reader.skip() }
    #expect(error?.place == .line(7))
  }
}

@Suite("JSONReader, what need not be there")
struct OptionalJSONReaderTests {
  @Test(
    "reads whole numbers, in quotes or not, and passes over everything else",
    arguments: [
      ("0", 0), ("7", 7), ("-7", -7), (#""7""#, 7), (#""-7""#, -7), (#""007""#, 7),
      ("999999999999999999", 999_999_999_999_999_999),
      ("1234567890123456789", 1_234_567_890_123_456_789),
      ("9223372036854775807", .max), (#""-9223372036854775808""#, .min),
      ("9223372036854775808", nil), ("1.0", nil), ("1e3", nil), (#""""#, nil), (#""1x""#, nil),
      (#""1\u0032""#, 12), (#""\n""#, nil), ("null", nil), ("true", nil), ("[1]", nil), ("{}", nil),
    ] as [(String, Int?)])
  func integers(_ json: String, _ expected: Int?) throws {
    for text in ["\(json)", " \(json) ", "[\(json)]"] {
      var reader = reader(text)
      var integer: Int?
      if text.hasPrefix("["), json != "[1]" || text == "[[1]]" {
        try reader.array { integer = try $0.integerIfAny() }
      } else {
        integer = try reader.integerIfAny()
      }
      try reader.finish()
      #expect(integer == expected)
    }
  }

  @Test("refuses what is not a number", arguments: ["01", "-", "1.", "1e", "--1", "1-1"])
  func wrongNumbers(_ json: String) {
    for reads in [true, false] {
      var reader = reader("[" + json + "]")
      let error = #expect(throws: InputError.self) {
        try reader.array { if reads { _ = try $0.integerIfAny() } else { try $0.skip() } }
      }
      #expect(error?.problem == "'\(json)' is not a number")
    }
  }

  private enum Color: String, CaseIterable { case red, green, blueGreen = "blue-green" }

  @Test("distinguishes words that it knows from others")
  func words() throws {
    let colors = JSONKeys<Color>()
    var reader = reader(#"["red", "blue\u002dgreen", "рыжий", "", "reddish", "red\n"]"#)
    var known: [Color] = []
    var others: [String] = []
    try reader.array { reader in
      switch try reader.word(of: colors) {
      case .known(let color): known.append(color)
      case .other(let text): others.append(text)
      }
    }
    #expect(known == [.red, .blueGreen])
    #expect(others == ["рыжий", "", "reddish", "red\n"])
    var number = self.reader("7")
    let error = #expect(throws: InputError.self) { try number.word(of: colors) }
    #expect(error?.problem == "expected a string, found a number")
  }

  func reader(_ text: String) -> JSONReader {
    JSONSupportTests.reader(text)
  }

  @Test("keeps the text of a value that it skips")
  func keptTexts() throws {
    let values = [
      #""a\n\"b""#, "[1, {\"a\" : [ ]}]", "-1.5e3", "true", "null", "{\n \"b\":\n {}\n}",
    ]
    var reader = reader("[" + values.map { "\n   \($0)" }.joined(separator: " ,") + "\n]")
    var kept: [String] = []
    var bytes: [UInt8] = [1, 2, 3]
    try reader.array {
      try $0.skip(keeping: &bytes)
      kept.append(String(decoding: bytes, as: UTF8.self))
    }
    try reader.finish()
    #expect(kept == values)
  }

  @Test("keeps the bytes of a string that is not UTF-8")
  func invalidStrings() throws {
    var reader = JSONSupportTests.reader([0x22, 0x41, 0xFF, 0x5C, 0x6E, 0x22])
    #expect(throws: InputError.self) { try reader.string() }
    #expect(reader.invalidString == [0x41, 0xFF, 0x0A])
  }

  @Test("examines the first bytes without reading them, and skips a mark")
  func marks() throws {
    var marked = reader("\u{FEFF} [1]")
    #expect(try marked.bytesAhead(4) == [0xEF, 0xBB, 0xBF, 0x20])
    try marked.skipByteOrderMark()
    #expect(try JSONValue(&marked) == [1])
    var plain = reader("[]")
    #expect(try plain.bytesAhead(4) == [0x5B, 0x5D])
    try plain.skipByteOrderMark()
    #expect(try JSONValue(&plain) == [])
  }
}
