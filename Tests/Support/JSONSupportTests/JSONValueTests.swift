import FileSupport
import JSONSupport
import TestSupport
import Testing
import TextSupport

@Suite("JSONValue")
struct JSONValueTests {
  private let value: JSONValue = [
    "name": "a \"b\" \\ \n\r\t\u{1}\u{1F}/я\u{2028}", "list": [1, -2.5, true, nil],
    "none": .array([]),
    "empty": .object([]),
  ]

  @Test("writes itself on one line")
  func oneLine() {
    #expect(
      value.text()
        == #"{"name":"a \"b\" \\ \n\r\t\u0001\u001f/я"# + "\u{2028}"
        + #"","list":[1,-2.5,true,null],"none":[],"empty":{}}"#)
  }

  @Test("escapes what must be, at every place of a string")
  func escapes() {
    for length in 0...20 {
      let plain = String(repeating: "x", count: length)
      #expect(JSONValue.string(plain).text() == "\"\(plain)\"")
      for place in 0..<length {
        for (character, escape) in [("\"", #"\""#), ("\\", #"\\"#), ("\u{1F}", #"\u001f"#)] {
          let (before, after) = (plain.prefix(place), plain.dropFirst(place + 1))
          #expect(
            JSONValue.string(before + character + after).text() == "\"\(before)\(escape)\(after)\"")
        }
      }
    }
  }

  @Test("writes itself with indents")
  func indented() {
    let value: JSONValue = ["a": [1, ["b": nil]], "c": .array([])]
    #expect(
      value.text(indent: 2) == """
        {
          "a": [
            1,
            {
              "b": null
            }
          ],
          "c": []
        }
        """)
  }

  @Test("comes back from a file as it was written")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(value.text(indent: 1), to: "v.json")
    #expect(try JSONValue(path: path) == value)
  }

  @Test("returns the last of several members, and members of the right kind")
  func access() throws {
    let folder = try TemporaryFolder()
    let value = try JSONValue(path: folder.write(#"{"a":1,"a":2,"b":1.5,"c":"x"}"#, to: "v.json"))
    #expect(value["a"]?.integer == 2)
    #expect(value["a"]?.number == 2)
    #expect(value["a"]?.string == nil)
    #expect(value["b"]?.number == 1.5)
    #expect(value["b"]?.integer == nil)
    #expect(value["z"] == nil)
    #expect(value.members?.map(\.key) == ["a", "a", "b", "c"])
  }

  @Test("refuses a file with more than one value")
  func trailing() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("{} {}", to: "v.json")
    let error = #expect(throws: InputError.self) { try JSONValue(path: path) }
    #expect(error?.description == "\(path): byte 3: expected the end, found '{'")
  }

  @Test("an excerpt of a value is shown as JSON, numbers that JSON lacks by their names")
  func excerpts() {
    #expect((["a": [1, nil, "\u{1B}"]] as JSONValue).excerpt == ##"{"a":[1,null,"\u001b"]}"##)
    #expect(JSONValue.number(-.infinity).excerpt == "-Infinity")
    #expect(JSONValue.string(String(repeating: "a", count: 1_000_000)).excerpt.count == 81)
  }

  @Test("a file may begin with a byte order mark, which counts for the place of an error")
  func byteOrderMark() throws {
    let folder = try TemporaryFolder()
    let json = try folder.write("\u{FEFF}{\"a\": [1, 2]}", to: "a.json")
    #expect(try JSONValue(path: json) == ["a": [1, 2]])
    let wrong = try folder.write("\u{FEFF}[1,]", to: "wrong.json")
    let error = #expect(throws: InputError.self) { try JSONValue(path: wrong) }
    #expect(error?.place == .byte(6))
  }
}
