import CommandLineSupport
import FileSupport
import Sampling

/// What texts begin with.
struct PromptOptions: ArgumentGroup {
  @Option(
    help: "words the text begins with; '' for the model's own beginning", short: "p",
    valueName: "text",
    defaultText: "the first word of a post of --corpus, for each bugurt another; without a corpus "
      + "the model's own beginning")
  var prompt: String?
  @Option(
    help: "take the prompts from this file, one a line, - for standard input; an empty line stands "
      + "for the default", valueName: "file", completion: .file)
  var prompts: String?
  @Option(
    help: "token shards the model was trained on, for first words and for --filter",
    valueName: "folder",
    defaultText: "data/tokens/<run> beside checkpoints/<run>/…, where it is there",
    completion: .folder)
  var corpus: String?
  @Flag(help: "leave the letters of prompts as they are instead of making them upper case")
  var keepCase = false

  func validate() throws {
    if prompt != nil, prompts != nil { throw UsageError("give --prompt or --prompts, not both") }
  }

  /// The corpus of the model in the folder `model`; `nil` if none was named and none is found.
  ///
  /// - Throws: `InputError`; `FileError`.
  func trainingCorpus(ofModel model: String) throws -> TrainingCorpus? {
    try (corpus ?? TrainingCorpus.folder(besideModel: model)).map(TrainingCorpus.init(folder:))
  }

  /// The prompts, each with where it stands.
  ///
  /// - Throws: `UsageError`, `InputError` or `FileError` that names the place.
  func sources(_ maker: inout PromptMaker, corpus: TrainingCorpus?) throws -> [PromptSource] {
    guard let prompts else {
      return [try source(prompt?.asOnlyLine, &maker, corpus: corpus)]
    }
    var sources: [PromptSource] = []
    var lines = try LineReader(path: prompts, as: .cleanedText)
    while let words = try lines.nextText() {
      do {
        sources.append(try source(words.isEmpty ? nil : words, &maker, corpus: corpus))
      } catch let error as PromptError {
        throw InputError(prompts, .line(lines.lineNumber), error.description)
      }
    }
    guard !sources.isEmpty else {
      throw InputError(prompts, "no prompts; expected one a line")
    }
    return sources
  }

  /// The source of the prompt `text`; of the default for `nil`.
  func source(
    _ text: String?, _ maker: inout PromptMaker, corpus: TrainingCorpus?
  ) throws -> PromptSource {
    if text == nil, let corpus { return .firstWords(corpus) }
    return .fixed(try maker.prompt(text ?? ""))
  }
}
