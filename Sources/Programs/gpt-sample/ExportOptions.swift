import BytePairEncoding
import CheckpointFormat
import CommandLineSupport
import FileSupport
import GPT2
import Sampling
import TensorKernels
import TextGeneration
import TextSupport
import Threading

/// Whether the model is written as a file for other programs.
struct ExportOptions: ArgumentGroup {
  @Option(
    help: "instead of texts, write the model with its tokenizer as a GGUF file, which llama.cpp, "
      + "Ollama and LM Studio read; --weights determines its size", valueName: "file",
    completion: .file)
  var export: String?
  @Option(
    help: "with --export: also write a Modelfile for Ollama, with the sampling options as they are "
      + "given here", valueName: "file", completion: .file)
  var modelfile: String?

  /// The file to write; `nil` if there is none.
  var file: String? { export }

  func validate() throws {
    guard let export else {
      if modelfile != nil { throw UsageError("--modelfile needs --export") }
      return
    }
    if export == "-" { throw UsageError("--export needs the name of a file") }
    if modelfile != nil, export.contains(where: \.isNewline) {
      throw UsageError("--export: a Modelfile cannot name a file with a line break in its name")
    }
    if let modelfile, Folder.isSameFile(modelfile, export) {
      throw UsageError("--modelfile and --export are both '\(export)'")
    }
  }

  /// Writes the files, and what the user should know about them to standard error.
  ///
  /// - Throws: `FileError`; `InputError`; `UsageError`.
  func write(
    _ model: String, adapter: AdapterFolder?, _ machine: MachineOptions,
    _ settings: SamplingSettings, isQuiet: Bool
  ) throws {
    guard let export else { return }
    // Open them before anything is read: another process may be writing these outputs.
    let file = try OutputFile(path: export)
    let recipe = try modelfile.map { try OutputFile(path: $0) }
    let tokenizer = try LoadedModel.tokenizer(ofModel: model)
    let gguf = try GGUFExport(
      model: model, adapter: adapter?.path, tokenizer: tokenizer,
      precision: machine.filePrecision(),
      name: adapter?.name ?? ModelFolder.displayName(of: model), defaults: settings.ggufDefaults,
      threadPool: ThreadPool(count: Processors.current.threadCount(requested: machine.threads)))
    for note in gguf.notes { Log.info(note) }
    var progress: Progress?
    try gguf.write(to: file) { done, total in
      try Interruption.check()
      if !isQuiet {
        progress = progress ?? Progress("writing \(export)", total: total, unit: .bytes)
      }
      try progress?.update(done)
    }
    Progress.hide()
    if let recipe, let modelfile {
      try recipe.write(
        OllamaModelfile(
          model: OllamaModelfile.path(of: export, from: modelfile), settings: settings,
          contextLength: gguf.configuration.contextLength,
          ends: gguf.endOfTextTokens.compactMap { tokenizer.text(of: UInt32($0)) }
        ).text)
    }
    let size = file.byteCount
    try OutputFile.commit([file] + [recipe].compactMap(\.self))
    if !isQuiet { Log.info("wrote \(export), \(NumberText.bytes(Double(size)))") }
  }
}

extension SamplingSettings {
  /// How llama.cpp's programs sample from the model unless they are told otherwise, as keys of its
  /// file; the penalty is for all tokens of a text.
  fileprivate var ggufDefaults: [(key: String, value: GGUFWriter.Value)] {
    [
      ("top_k", .int32(topK)), ("top_p", .float32(Float(topP))), ("min_p", .float32(Float(minP))),
      ("temp", .float32(temperature)), ("penalty_last_n", .int32(-1)),
      ("penalty_repeat", .float32(repetitionPenalty)),
    ].map { ("general.sampling." + $0, $1) }
  }
}
