import CheckpointFormat
import CommandLineSupport
import FileSupport

/// Which adapters change the model.
struct AdapterOptions: ArgumentGroup {
  @Options(
    help: "merge this adapter into the model, a folder with adapter_config.json as peft writes it "
      + "(LoRA, rsLoRA, DoRA, PiSSA). Several are compared: each writes the texts in "
      + "turn, under its name, which is that of the folder unless NAME=FOLDER gives another",
    valueName: "folder", completion: .folder)
  var adapter: [String] = []

  /// The model to read, and the adapters that change it one at a time.
  ///
  /// If `model` is itself an adapter, or a run's folder with an adapter alone, the model is the one
  /// that the adapter names.
  ///
  /// - Throws: `FileError`; `InputError`; ``UsageError``.
  func resolve(_ model: String) throws -> (model: String, adapters: [AdapterFolder]) {
    let named = try adapter.map(AdapterFolder.init(argument:))
    if let name = Self.repeatedName(named) {
      throw UsageError(
        "--adapter: two adapters are called '\(name)'; give them names, as in --adapter b=FOLDER")
    }
    guard !Folder.hasFile("\(model)/\(CheckpointFile.configuration)"),
      let itself = AdapterFolder(in: model)
    else { return (model, named) }
    guard named.isEmpty else {
      throw UsageError(
        "'\(model)' is an adapter, not a model; give the model, and this adapter with --adapter")
    }
    return (try itself.baseModel(), [itself])
  }

  private static func repeatedName(_ adapters: [AdapterFolder]) -> String? {
    var names: Set<String> = []
    return adapters.map(\.name).first { !names.insert($0).inserted }
  }
}
