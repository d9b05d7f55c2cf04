import FileSupport
import JSONSupport

/// The texts of a poll or of a to-do list.
struct DesktopPoll {
  private enum Key: String, CaseIterable { case question, title, answers }
  private enum AnswerKey: String, CaseIterable { case text }
  private static let keys = JSONKeys<Key>()
  private static let answerKeys = JSONKeys<AnswerKey>()

  private var question: [UInt8] = []
  private var answers: [[UInt8]] = []
  private var part = DesktopText()

  mutating func removeAll() {
    question.removeAll(keepingCapacity: true)
    answers.removeAll(keepingCapacity: true)
  }

  /// Reads a `poll` or a `todo_list`; anything but an object has no texts.
  mutating func read(_ reader: inout JSONReader) throws {
    removeAll()
    guard try reader.peek() == .object else { return try reader.skip() }
    try reader.object(Self.keys) { reader, key in
      switch key {
      case .question, .title: question = try readText(&reader)
      case .answers where try reader.peek() == .array:
        answers.removeAll()
        try reader.array { try readAnswer(&$0) }
      case .answers, nil: try reader.skip()
      }
    }
  }

  private mutating func readAnswer(_ reader: inout JSONReader) throws {
    guard try reader.peek() == .object else { return answers.append(try readText(&reader)) }
    var answer: [UInt8] = []
    try reader.object(Self.answerKeys) { reader, key in
      if key == .text { answer = try readText(&reader) } else { try reader.skip() }
    }
    answers.append(answer)
  }

  /// Reads a string or an array of parts, whose markup does not become that of the post.
  private mutating func readText(_ reader: inout JSONReader) throws -> [UInt8] {
    try part.read(&reader)
    return part.builder.bytes
  }

  /// The poll as text; `nil` if there is no poll.
  ///
  /// - Throws: The `error` for bytes that are not UTF-8.
  func text(orThrow error: (_ bytes: [UInt8]) -> any Error) throws -> String? {
    guard !question.isEmpty || !answers.isEmpty else { return nil }
    func string(_ bytes: [UInt8]) throws -> String {
      guard let string = String(validating: bytes, as: UTF8.self) else { throw error(bytes) }
      return string
    }
    return pollText(question: try string(question), options: try answers.map(string))
  }
}
