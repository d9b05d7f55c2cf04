import CommandLineSupport
import FileSupport
import Sampling
import TextGeneration

/// What texts begin with.
struct PromptOptions: ArgumentGroup {
  @Option(
    help: "words to begin the text with; with '', the model chooses them", short: "p",
    valueName: "text",
    defaultText: "the first word of a post of --corpus, another for each bugurt; without a corpus, "
      + "as with ''")
  var prompt: String?
  @Option(
    help:
      "take the prompts from this file, one per line (- is standard input); an empty line means "
      + "the default", valueName: "file", completion: .file)
  var prompts: String?
  @Option(
    help: "token shards that the model was trained on, used for first words and --filter",
    valueName: "folder",
    defaultText: "data/tokens/<run> beside checkpoints/<run>/…, if it exists",
    completion: .folder)
  var corpus: String?
  @Flag(help: "keep the case of prompts instead of converting them to upper case")
  var keepCase = false

  func validate() throws {
    if prompt != nil, prompts != nil { throw UsageError("give --prompt or --prompts, not both") }
  }

  /// The folder of the corpus of the first of `models`, paths of folders, that has one; `nil` if none is
  /// named and none is found.
  ///
  /// - Throws: `FileError`.
  func corpusFolder(ofModels models: [String]) throws -> String? {
    try corpus ?? models.compactMap(TrainingCorpus.folder(besideModel:)).first
  }

  /// The sources of the prompts that the options name.
  ///
  /// - Throws: `PromptError` for --prompt; `InputError` or `FileError` for the file of prompts.
  func sources(_ maker: inout PromptMaker, corpus: TrainingCorpus?) throws -> [PromptSource] {
    guard let prompts else { return [try source(prompt?.asOnlyLine, &maker, corpus: corpus)] }
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
      throw InputError(prompts, "no prompts; expected one per line")
    }
    return sources
  }

  /// The source of the prompt `text`, or of the default for `nil`.
  func source(
    _ text: String?, _ maker: inout PromptMaker, corpus: TrainingCorpus?
  ) throws -> PromptSource {
    if text == nil, let corpus { return .firstWords(corpus) }
    return .fixed(try maker.prompt(text ?? ""))
  }
}
