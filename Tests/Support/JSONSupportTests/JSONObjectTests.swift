import FileSupport
import JSONSupport
import Testing

@Suite("JSONObject")
struct JSONObjectTests {
  private static let value: JSONValue = [
    "name": "КОТ", "count": 3, "loss": 0.5, "sizes": [1, 2], "mixed": [1, "2"], "none": nil,
    "end": ["id": 7], "parts": [["size": 1], ["size": "2"]],
  ]

  private func object() throws -> JSONObject { try JSONObject(Self.value, path: "a.json") }

  @Test("reads members of the types that are expected")
  func members() throws {
    let object = try object()
    #expect(try object.string("name") == "КОТ")
    #expect(try object.integer("count") == 3)
    #expect(try object.integer("count", in: 1...3) == 3)
    #expect(try object.number("count") == 3)
    #expect(try object.number("loss") == 0.5)
    #expect(try object.integers("sizes") == [1, 2])
    #expect(try object.object("end").integer("id") == 7)
    #expect(try object.objects("parts").first?.integer("size") == 1)
    #expect(object["none"] == .null)
    #expect(object["other"] == nil)
  }

  @Test("names the file and the key of what is missing or wrong")
  func problems() throws {
    let problems: [(problem: String, read: (JSONObject) throws -> Void)] = [
      ("'other' is missing or not a string", { _ = try $0.string("other") }),
      ("'none' is missing or not a string", { _ = try $0.string("none") }),
      ("'loss' is missing or not a whole number", { _ = try $0.integer("loss") }),
      (
        "'count' is missing or not a whole number from 4 to 5",
        { _ = try $0.integer("count", in: 4...5) }
      ),
      ("'name' is missing or not a number", { _ = try $0.number("name") }),
      ("'mixed' is missing or not an array of whole numbers", { _ = try $0.integers("mixed") }),
      ("'count' is missing or not an object", { _ = try $0.object("count") }),
      ("'end.size' is missing or not a number", { _ = try $0.object("end").number("size") }),
      ("'end' is missing or not an array", { _ = try $0.objects("end") }),
      ("'sizes[0]': expected an object", { _ = try $0.objects("sizes") }),
      (
        "'parts[1].size' is missing or not a whole number",
        { _ = try $0.objects("parts").map { try $0.integer("size") } }
      ),
    ]
    let object = try object()
    for (problem, read) in problems {
      let error = #expect(throws: InputError.self) { try read(object) }
      #expect(error.map { "\($0)" } == "a.json: \(problem)")
    }
  }

  @Test("begins its errors with the context")
  func context() throws {
    let object = try JSONObject(Self.value, path: "a.json", context: "tensor 'x': ")
    let error = #expect(throws: InputError.self) { try object.object("end").string("id") }
    #expect(error.map { "\($0)" } == "a.json: tensor 'x': 'end.id' is missing or not a string")
    #expect(throws: InputError.self) { try JSONObject([1], path: "a.json") }
  }
}
