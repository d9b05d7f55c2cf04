import FileSupport
import JSONSupport
import TextSupport

/// The contents of `tokenizer_config.json` and `special_tokens_map.json`.
struct TokenizerSettings {
  /// The path of `tokenizer_config.json`, for errors.
  let path: String
  /// Whether transformers reads the folder with its GPT2Tokenizer class.
  let isGPT2Class: Bool
  let addsPrefixSpace: Bool
  /// The added tokens with their ids, if `added_tokens_decoder` lists them.
  private(set) var addedTokens: [AddedToken]?
  private(set) var roles: [TokenRole: String] = [:]
  /// Special tokens that are named without an id; a later one overrides an earlier one.
  private(set) var namedTokens: [AddedToken] = []
  private var tokenOfRole: [TokenRole: AddedToken] = [:]
  /// The texts that have a role, either in the files or by default.
  private(set) var roleContents: Set<ExactText> = []
  /// The texts that the files call special.
  private(set) var specialContents: Set<ExactText> = []

  /// Reads the files that exist; `model` is the path of `config.json`.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  init(
    configuration path: String?, map mapPath: String?, model: String?, hasTokenizerJSON: Bool
  ) throws {
    self.path = path ?? ""
    let configuration = try path.map { try JSONObject(path: $0) }
    let map = try mapPath.map { try JSONObject(path: $0) }
    isGPT2Class = try Self.isGPT2Class(configuration, model, hasTokenizerJSON)
    addsPrefixSpace =
      try configuration?.optional("add_prefix_space", "true or false", orNull: true, \.boolean)
      ?? false
    addedTokens = try configuration.flatMap { try Self.addedTokens($0) }
    // A configuration that lists the added tokens is complete; the map overrides an older one.
    let isComplete = addedTokens != nil
    var given: Set<TokenRole> = []
    if let map { try read(map, isMap: true, namesTokens: !isComplete, &given) }
    if isComplete { given = [] }
    if let configuration { try read(configuration, isMap: false, namesTokens: true, &given) }
    if isGPT2Class {
      for role in [.beginning, .end, .unknown] as [TokenRole] where !given.contains(role) {
        tokenOfRole[role] = AddedToken("<|endoftext|>", id: 0)
      }
    }
    var ofRoles: [AddedToken] = []
    for token in TokenRole.allCases.compactMap({ tokenOfRole[$0] }) where !ofRoles.contains(token) {
      ofRoles.append(token)
    }
    namedTokens = ofRoles + namedTokens
    roleContents.formUnion(tokenOfRole.values.map { ExactText($0.content) })
  }

  private static func isGPT2Class(
    _ configuration: JSONObject?, _ model: String?, _ hasTokenizerJSON: Bool
  ) throws -> Bool {
    func isGPT2(_ name: String) -> Bool { ["GPT2Tokenizer", "GPT2TokenizerFast"].contains(name) }
    if let name = configuration?["tokenizer_class"]?.string { return isGPT2(name) }
    guard let model else { return !hasTokenizerJSON }
    let value = try JSONObject(path: model)
    if let name = value["tokenizer_class"]?.string { return isGPT2(name) }
    return value["model_type"]?.string == "gpt2" || !hasTokenizerJSON
  }

  /// The added tokens that `configuration` lists; `nil` without a list.
  private static func addedTokens(_ configuration: JSONObject) throws -> [AddedToken]? {
    let key = "added_tokens_decoder"
    return try configuration.optional(
      key, "an object of ids and tokens", orNull: true, \.members
    )?.map { member in
      guard let id = UInt32(member.key) else {
        throw InputError(
          configuration.path, "'\(excerpt(member.key))' in \(key) is not the id of a token")
      }
      return try AddedToken(
        member.value, id: id, isSpecial: false,
        InputErrorContext(path: configuration.path, key: key))
    }
  }

  // MARK: - Roles and other special tokens

  /// Reads the special tokens of `file`; with `namesTokens`, also those without an id elsewhere.
  private mutating func read(
    _ file: JSONObject, isMap: Bool, namesTokens: Bool, _ given: inout Set<TokenRole>
  ) throws {
    func context(_ key: String) -> InputErrorContext {
      InputErrorContext(path: file.path, key: key)
    }
    for role in TokenRole.allCases {
      guard let value = file[role.rawValue] else { continue }
      // The map has already been read and overrides the configuration.
      if !isMap && namesTokens && given.contains(role) { continue }
      given.insert(role)
      if value == .null || value == .string("") {
        roles[role] = nil
        continue
      }
      let token = try AddedToken(
        value, id: 0, isSpecial: isMap || value.string != nil, context(role.rawValue))
      roles[role] = token.content
      guard namesTokens else { continue }
      tokenOfRole[role] = token
      specialContents.insert(ExactText(token.content))
    }
    guard namesTokens else { return }
    let others = Set((file.value.members ?? []).map(\.key)).filter {
      $0.hasSuffix("_token") && TokenRole(rawValue: $0) == nil
    }
    for key in others.sorted() {
      guard let value = file[key], value.string ?? value["content"]?.string != nil else { continue }
      let token = try AddedToken(value, id: 0, isSpecial: true, context(key))
      roleContents.insert(ExactText(token.content))
      name(token)
    }
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      let tokens = try file.optional(key, "a list of tokens", orNull: true) { value in
        value.elements ?? value.members.map { $0.map(\.value) }
      }
      for token in tokens ?? [] {
        name(try AddedToken(token, id: 0, isSpecial: true, context(key)))
      }
    }
  }

  private mutating func name(_ token: AddedToken) {
    namedTokens.append(token)
    specialContents.insert(ExactText(token.content))
  }
}

/// The location of a value, for errors.
struct InputErrorContext {
  let path: String
  let key: String
}

extension AddedToken {
  /// Reads a token that is written as its text or as an object.
  ///
  /// - Throws: ``InputError`` that names the file, the key and the value.
  init(
    _ value: JSONValue, id: UInt32, isSpecial: Bool, _ context: InputErrorContext
  ) throws {
    guard let content = value.string ?? value["content"]?.string, !content.isEmpty else {
      throw InputError(
        context.path,
        "\(excerpt(context.key)) has \(value.excerpt); expected the text of a token, or an object "
          + "with its content")
    }
    func flag(_ name: String) throws -> Bool? {
      guard let value = value[name], value != .null else { return nil }
      guard let flag = value.boolean else {
        throw InputError(
          context.path,
          "\(name) of '\(excerpt(content))' in \(context.key) is \(value.excerpt); "
            + "expected true or false")
      }
      return flag
    }
    self.init(content, id: id, isSpecial: try flag("special") ?? isSpecial)
    stripsLeft = try flag("lstrip") ?? false
    stripsRight = try flag("rstrip") ?? false
    isSingleWord = try flag("single_word") ?? false
    isNormalized = try flag("normalized") ?? isNormalized
  }
}
