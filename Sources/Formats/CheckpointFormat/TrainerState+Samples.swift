import JSONSupport

extension TrainerState {
  /// Texts that the model wrote at a validation.
  public struct Samples: Equatable, Sendable {
    /// A text and what it begins with; the prompt is empty if the model began by itself.
    public struct Text: Equatable, Sendable {
      public var prompt: String
      public var text: String

      public init(prompt: String, text: String) {
        (self.prompt, self.text) = (prompt, text)
      }
    }

    /// The step after which they were written.
    public var step: Int
    public var texts: [Text]

    public init(step: Int, texts: [Text]) {
      (self.step, self.texts) = (step, texts)
    }

    /// The samples in `resume_state.json`; what is no sample is left out, because no training should
    /// end for want of one.
    static func all(in value: JSONValue?) -> [Samples] {
      (value?.elements ?? []).compactMap { samples in
        guard let step = samples["step"]?.integer, let texts = samples["texts"]?.elements else {
          return nil
        }
        return Samples(
          step: step,
          texts: texts.compactMap { text in
            guard let prompt = text["prompt"]?.string, let written = text["text"]?.string else {
              return nil
            }
            return Text(prompt: prompt, text: written)
          })
      }
    }
  }

  /// ``samples`` as they are in `resume_state.json`.
  public var samplesJSON: JSONValue {
    .array(
      samples.map { samples in
        [
          "step": .integer(samples.step),
          "texts": .array(
            samples.texts.map { ["prompt": .string($0.prompt), "text": .string($0.text)] }),
        ]
      })
  }
}
