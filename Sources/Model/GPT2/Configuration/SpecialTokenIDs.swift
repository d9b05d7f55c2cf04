import FileSupport
import JSONSupport

/// The ids of a tokenizer's special tokens, which belong into a model's configuration.
public struct SpecialTokenIDs: Sendable {
  /// The ids by the tokens' roles, such as `bos_token`.
  private let ids: [String: Int]

  /// Reads `tokenizer_config.json` in `tokenizerFolder`.
  ///
  /// - Throws: ``FileError``; ``InputError``.
  public init(tokenizerFolder: String) throws {
    let configuration = try JSONValue(path: "\(tokenizerFolder)/tokenizer_config.json")
    var tokenIDs: [String: Int] = [:]
    for member in configuration["added_tokens_decoder"]?.members ?? [] {
      if let id = Int(member.key), let content = member.value["content"]?.string {
        tokenIDs[content] = id
      }
    }
    var ids: [String: Int] = [:]
    for role in ["bos_token", "eos_token", "pad_token"] {
      let token = configuration[role]?.string ?? configuration[role]?["content"]?.string
      ids[role] = token.flatMap { tokenIDs[$0] }
    }
    self.ids = ids
  }

  /// Puts the ids into `configuration`; `endOfText` is the id that ends the posts.
  public func apply(to configuration: inout GPT2Configuration, endOfText: Int) {
    configuration.beginOfTextID = ids["bos_token"] ?? endOfText
    configuration.endOfTextID = endOfText
    configuration.paddingID = ids["pad_token"]
  }
}
