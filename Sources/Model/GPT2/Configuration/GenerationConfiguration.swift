import CheckpointFormat
import FileSupport
import JSONSupport

/// The ids that begin, end and pad a text, as transformers' `generate()` takes them from
/// `generation_config.json`.
public struct GenerationConfiguration: Equatable, Sendable {
  /// The id that begins a text (`bos_token_id`).
  public var beginOfTextID: Int?
  /// The ids that end a text (`eos_token_id`).
  public var endOfTextIDs: [Int]
  /// The id that pads a batch (`pad_token_id`).
  public var paddingID: Int?
  /// The other members of the file, which are kept as they are.
  private var others: [JSONValue.Member]

  /// The ids of `configuration`, which apply if there is no `generation_config.json`.
  public init(_ configuration: GPT2Configuration) {
    beginOfTextID = configuration.beginOfTextID
    endOfTextIDs = configuration.endOfTextIDs
    paddingID = configuration.paddingID
    others = [.init("_from_model_config", true)]
  }

  /// Reads `generation_config.json` in `folder`; `nil` if the file does not exist.
  ///
  /// An id that is missing there does not exist, even if `config.json` has it, as in `generate()`.
  ///
  /// - Throws: ``FileError``; ``InputError``, which says how to correct the problem.
  init?(folder: String) throws {
    let path = "\(folder)/\(CheckpointFile.generationConfiguration)"
    guard Folder.hasFile(path) else { return nil }
    do {
      let keys = try JSONObject(configuration: path)
      beginOfTextID = try keys.id("bos_token_id")
      endOfTextIDs = try keys.ids("eos_token_id")
      paddingID = try keys.id("pad_token_id")
      let written: Set = ["bos_token_id", "eos_token_id", "pad_token_id", "transformers_version"]
      others = (keys.value.members ?? []).filter { !written.contains($0.key) }
    } catch let error as InputError {
      throw InputError(
        error.path, error.place,
        "\(error.problem); correct the file, or remove it to use the ids of "
          + CheckpointFile.configuration)
    }
  }

  /// The contents of `generation_config.json`.
  var json: JSONValue {
    var members = others
    func append(_ key: String, _ value: JSONValue) {
      if value != .null { members.append(.init(key, value)) }
    }
    append("bos_token_id", .init(id: beginOfTextID))
    append("eos_token_id", .init(ids: endOfTextIDs))
    append("pad_token_id", .init(id: paddingID))
    return .object(members.sorted { $0.key < $1.key })
  }

  /// What the user should know about the ids, in whole sentences.
  func notes(_ configuration: GPT2Configuration) -> [String] {
    let file = CheckpointFile.generationConfiguration
    var notes = configuration.notes(
      begin: beginOfTextID, ends: endOfTextIDs, padding: paddingID, in: file)
    if endOfTextIDs.isEmpty, let id = configuration.endOfTextTokens.first {
      notes.append(
        "\(file) has no eos_token_id, so no token ends a text, as in transformers; "
          + "\(CheckpointFile.configuration) has \(id)")
    }
    return notes
  }
}

extension JSONValue {
  /// An id in a configuration; null if there is none.
  init(id: Int?) { self = id.map { .integer($0) } ?? .null }

  /// Ids in a configuration: null, a number, or an array of several.
  init(ids: [Int]) {
    self = ids.count > 1 ? .array(ids.map { .integer($0) }) : .init(id: ids.first)
  }
}

extension CheckpointableModel {
  /// Makes the token ids for generating text start with those of the configuration, as the Trainer
  /// does.
  ///
  /// Of the other ids that end a text, those that `canEndText` accepts are kept.
  public func alignGeneration(keepingEnds canEndText: (Int) -> Bool) {
    guard var generation else { return }
    generation.beginOfTextID = configuration.beginOfTextID
    generation.paddingID = configuration.paddingID
    let others = generation.endOfTextIDs
    generation.endOfTextIDs = configuration.endOfTextIDs
    for id in others where configuration.isToken(id) && canEndText(id) {
      if !generation.endOfTextIDs.contains(id) { generation.endOfTextIDs.append(id) }
    }
    self.generation = generation
  }
}
