import FileSupport
import JSONSupport
import Testing

@Suite("JSONReader, lenient")
struct LenientJSONReaderTests {
  @Test("reads hexadecimal escapes only if they are allowed")
  func hexEscapes() throws {
    var lenient = reader(#""a\x0Bb\x1f""#, leniency: .hexEscapes)
    #expect(try lenient.string() == "a\u{B}b\u{1F}")
    #expect(problem(#""a\x0Bb""#).hasSuffix("a backslash before 'x' is not an escape"))
  }

  @Test("NaN and Infinity are numbers only if they are allowed")
  func nonFiniteNumbers() throws {
    let words = ["NaN", "Infinity", "-Infinity"]
    for (word, number) in zip(words, [.nan, .infinity, -.infinity] as [Double]) {
      #expect(problem(word) != "")
      #expect(problem("[1, \(word)]") != "")
      var lenient = reader(word, leniency: .nonFiniteNumbers)
      #expect(try lenient.peek() == .number)
      let seen = try lenient.number()
      #expect(seen == number || seen.isNaN && number.isNaN)
      try lenient.finish()
      var skipping = reader("[\(word), {\"a\":\(word)}]", leniency: .nonFiniteNumbers)
      try skipping.skip()
      try skipping.finish()
    }
    for text in ["nan", "Nan", "NaN1", "Infinit", "-NaN", "+Infinity", "inf", "1e5x", "I", "-"] {
      #expect(problem(text, leniency: .nonFiniteNumbers) != "", "\(text)")
    }
  }

  @Test(
    "reads values without quotes as strings",
    arguments: [
      ("{\n\"d\": video_files/sticker (2).webm\n}", "video_files/sticker (2).webm"),
      ("{\n\"d\": stickers/a, b.tgs,\n\"e\": 1}", "stickers/a, b.tgs"),
      ("{\"d\": (File not included. Change it.),\r\n\"e\": 1}", "(File not included. Change it.)"),
      ("{\"d\": true.webm\n}", "true.webm"),
      ("{\"d\": nullable\n}", "nullable"),
      ("{\"d\": файл.webp\n}", "файл.webp"),
    ])
  func bareStrings(_ json: String, _ expected: String) throws {
    var lenient = reader(json, leniency: .bareStrings)
    #expect(try JSONValue(&lenient)["d"]?.string == expected)
    #expect(problem(json) != "")
    var skipping = reader("[\(json)\n, 5]", leniency: .bareStrings)
    var kinds: [JSONReader.Kind] = []
    try skipping.array { reader in
      kinds.append(try reader.peek())
      try reader.skip()
    }
    #expect(kinds == [.object, .number])
  }

  @Test("a value without quotes does not take the rest of a text of one line")
  func oneLine() {
    for word in ["NaN", "None", "Infinity"] {
      var lenient = reader("{\"a\": \(word), \"b\": \"x\"}\n", leniency: .bareStrings)
      let error = #expect(throws: InputError.self) { try JSONValue(&lenient) }
      #expect(error?.description == "x.json: byte 6: expected a value, found '\(word)'")
      let isCutOff = lenient.isCutOff
      #expect(!isCutOff)
    }
  }

  @Test("still recognizes true, false and null, also at the end of the text")
  func words() throws {
    var lenient = reader("[true,false ,null\n,true]", leniency: .bareStrings)
    #expect(try JSONValue(&lenient) == [true, false, nil, true])
    for (word, value) in [("true", JSONValue.boolean(true)), ("null", .null)] {
      var lenient = reader(word, leniency: .bareStrings)
      #expect(try JSONValue(&lenient) == value)
    }
    #expect(
      problem("[tru", leniency: .bareStrings)
        == "x.json: byte 4: the text ends where 'true' was expected: it is cut off")
  }
}
