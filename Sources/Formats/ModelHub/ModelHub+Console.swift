import CommandLineSupport
import FileSupport
import TextSupport

extension ModelHub {
  /// The cache, as one of the files of a program.
  public static let cacheEntry = (
    path: "~/.cache/huggingface/hub",
    text: "The cache of models given by name, shared with Python's huggingface_hub; HF_HUB_CACHE, "
      + "HF_HOME and XDG_CACHE_HOME change its location."
  )

  /// The folder with `part` of `model`: the folder of this path if there is one, or else that of the
  /// model of this name on the hub, which is fetched unless the cache has it.
  ///
  /// Progress and messages go to standard error; if it `isQuiet`, only those about faults. What can be
  /// neither a path nor a name is returned as it is, for its reader to report. Before weights are
  /// fetched, `examine` is called with the folder, which has the other files by then; it may throw.
  ///
  /// - Throws: ``HubError``; `FileError`; `InputError`; `Interruption`; what `examine` throws.
  public static func folder(
    for model: String, _ part: ModelPart, isQuiet: Bool = false,
    examine: (String) throws -> Void = { _ in }
  ) throws -> String {
    guard !Folder.exists(model), !Folder.hasFile(model), let name = ModelName(model) else {
      return model
    }
    let settings = try HubSettings()
    var progress: Progress?
    let hub = ModelHub(settings, check: Interruption.check) { event in
      switch event {
      case .message(let text): Log.info(text)
      case .begins(let name, let total, let initial):
        guard !isQuiet else { break }
        let resumed = initial > 0 ? " (\(NumberText.bytes(Double(initial))) already there)" : ""
        Log.info(
          "fetching \(name): \(NumberText.bytes(Double(total)))\(resumed), to \(settings.cache)")
        guard !settings.hidesProgress else { break }
        progress = Progress("fetching", total: total, unit: .bytes, initial: initial)
      case .progress(let count): try progress?.update(count)
      }
    }
    return try hub.folder(of: name, part, examine: examine)
  }
}
