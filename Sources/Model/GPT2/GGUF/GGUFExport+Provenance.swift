import CheckpointFormat

/// Where a model comes from, in the metadata of its GGUF file.
extension GGUFExport {
  private static let nameKey = "general.base_model.0.name"
  /// The keys of texts, in the order in which they are written.
  private static let keys = [
    "general.license", "general.license.name", "general.license.link", nameKey,
    "general.base_model.0.organization", "general.base_model.0.repo_url",
  ]

  /// The licence and the base model of the model at `path`, as far as they are known: from the card of
  /// a folder, or from the metadata of a GGUF file.
  static func provenance(ofModel path: String) -> [(key: String, value: GGUFWriter.Value)] {
    let texts = GGUFFile.isGGUF(path) ? texts(inFile: path) : texts(inFolder: path)
    var metadata = keys.compactMap { key in texts[key].map { (key, GGUFWriter.Value.string($0)) } }
    if texts[nameKey] != nil { metadata.append(("general.base_model.count", .uint32(1))) }
    return metadata
  }

  private static func texts(inFile path: String) -> [String: String] {
    guard let file = try? GGUFFile(path: path) else { return [:] }
    var texts: [String: String] = [:]
    for key in keys { texts[key] = (try? file.string(key)) ?? nil }
    return texts
  }

  private static func texts(inFolder path: String) -> [String: String] {
    var texts: [String: String] = [:]
    for (key, name) in zip(keys, ["license", "license_name", "license_link"]) {
      texts[key] = ModelFolder.cardValue(name, in: path)
    }
    guard let base = ModelFolder.cardValue("base_model", in: path), ModelFolder.isHubName(base)
    else { return texts }
    let parts = base.split(separator: "/").map(String.init)
    texts[nameKey] = parts.last
    texts["general.base_model.0.organization"] = parts.count > 1 ? parts.first : nil
    texts["general.base_model.0.repo_url"] = "https://huggingface.co/\(base)"
    return texts
  }
}
