import FileSupport
import JSONSupport

/// What the model thinks comes next, for scripts.
public enum LogitsReport {
  /// The ids of `prompt` and the logits after it, as they are and after each step of the choice; JSON.
  ///
  /// - Throws: ``ChoiceError`` if they are not numbers.
  public static func text(_ generator: TextGenerator, _ prompt: [Int32]) throws -> String {
    let logits = try generator.logits(after: prompt)
    var chooser = generator.chooser()
    let processed = logits.withUnsafeBufferPointer {
      chooser.logitsAfterProcessors($0, text: prompt, promptCount: prompt.count)
    }
    for step in processed where !step.logits.allSatisfy({ $0 < .infinity }) {
      throw ChoiceError.tooLarge
    }
    let result: JSONValue = [
      "prompt_ids": .array(prompt.map { .integer(Int($0)) }),
      "logits": json(logits),
      "processed": .array(
        processed.map { ["processor": .string($0.processor.rawValue), "logits": json($0.logits)] }),
    ]
    return result.text()
  }

  /// The logits, null for tokens that are ruled out: JSON has no infinity.
  private static func json(_ logits: [Float]) -> JSONValue {
    .array(logits.map { $0 == -.infinity ? .null : .number(Double($0)) })
  }
}
