import FileSupport
import JSONSupport
import TextSupport

/// What a program needs of a model.
public enum ModelPart: Sendable {
  /// The tokenizer, and the configuration if there is one.
  case tokenizer
  /// The configuration, the tokenizer and the weights.
  case whole
}

/// Which files of a repository a program needs.
///
/// The names are those that transformers looks for, in its order of preference.
enum ModelFiles {
  static let configuration = "config.json"
  private static let tokenizer = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt",
  ]
  private static let generation = "generation_config.json"
  /// The weights, or the index of weights in several files; the first that is there is used.
  private static let weights = [
    "model.safetensors", "model.safetensors.index.json",
    "pytorch_model.bin", "pytorch_model.bin.index.json",
  ]

  /// The files without weights among `names`.
  static func small(_ part: ModelPart, of names: [String]) -> [String] {
    let wanted = [configuration] + tokenizer + (part == .whole ? [generation] : [])
    return names.filter {
      wanted.contains($0) || part == .whole && !$0.contains("/") && $0.hasPrefix("LICENSE")
    }
  }

  /// The file among `names` that has the weights or leads to them; `nil` if there is none.
  static func weights(of names: [String]) -> String? { weights.first(where: names.contains) }

  static func isIndex(_ name: String) -> Bool { name.hasSuffix(".index.json") }

  /// What a model needs that is not among `names`, in the words of a message.
  static func missing(_ part: ModelPart, of names: [String]) -> [String] {
    let hasTokenizer =
      names.contains("tokenizer.json")
      || names.contains("vocab.json") && names.contains("merges.txt")
    var missing = hasTokenizer ? [] : ["tokenizer.json (or vocab.json and merges.txt)"]
    if part == .whole {
      if !names.contains(configuration) { missing.insert(configuration, at: 0) }
      if weights(of: names) == nil { missing.append("\(weights[0]) (or \(weights[2]))") }
    }
    return missing
  }

  /// The files of weights that the index at `path` names, sorted.
  ///
  /// - Throws: `InputError` if it is not an index; `FileError`.
  static func shards(ofIndex path: String) throws -> [String] {
    let map = try JSONObject(path: path).object("weight_map").value.members ?? []
    let names = try map.map { member in
      guard let name = member.value.string, ModelName.isPlainPath(name), !name.contains("/") else {
        throw InputError(
          path,
          "tensor '\(excerpt(member.key))': expected the name of a file, found "
            + excerpt(member.value.text()))
      }
      return name
    }
    return Set(names).sorted()
  }
}
