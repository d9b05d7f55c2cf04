import FileSupport
import Glibc
import JSONSupport
import TextSupport

/// The contents of a tokenizer's files, before they are checked for agreement.
///
/// If files disagree, their precedence is that of transformers 5: `tokenizer.json` takes precedence
/// over `vocab.json` and `merges.txt`. A `tokenizer_config.json` that lists the added tokens takes
/// precedence over `special_tokens_map.json` and `added_tokens.json`, and both take precedence over
/// an older one.
struct TokenizerFiles {
  /// An added token with its id, and the file that assigns it.
  struct ListedToken {
    var token: AddedToken
    let path: String
  }

  let folder: String
  /// The file with the vocabulary.
  let vocabularyPath: String
  /// The file with the merges.
  let mergesPath: String
  private(set) var vocabulary: VocabularyEntries
  private(set) var merges: MergeEntries
  /// The added tokens that the files list, in order; a later one overrides an earlier one.
  private(set) var listedTokens: [ListedToken] = []
  /// Special tokens that the files name without an id, to be looked up in the vocabulary.
  private(set) var namedTokens: [AddedToken] = []
  private(set) var roles: [TokenRole: String] = [:]
  private(set) var addsPrefixSpace = false

  /// Reads the files of `folder`.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  init(folder: String) throws {
    self.folder = folder
    guard !Folder.hasFile(folder) else {
      throw InputError(
        folder, "this is a file; expected the folder of a tokenizer")
    }
    guard Folder.exists(folder) else {
      throw FileError(path: folder, operation: .open, code: ENOENT)
    }
    func path(_ name: String) -> String? {
      let path = folder + "/" + name
      return Folder.hasFile(path) ? path : nil
    }
    var model: TokenizerJSON?
    if let whole = path("tokenizer.json") {
      (vocabularyPath, mergesPath) = (whole, whole)
      model = try TokenizerJSON(path: whole)
    } else if let vocabulary = path("vocab.json"), let merges = path("merges.txt") {
      (vocabularyPath, mergesPath) = (vocabulary, merges)
    } else {
      throw InputError(
        folder, "no tokenizer here; expected vocab.json and merges.txt, or tokenizer.json")
    }
    let settings = try TokenizerSettings(
      configuration: path("tokenizer_config.json"), map: path("special_tokens_map.json"),
      model: path("config.json"), hasTokenizerJSON: model != nil)
    roles = settings.roles
    namedTokens = settings.namedTokens
    if let model {
      vocabulary = model.vocabulary
      merges = model.merges
      listedTokens = model.addedTokens.map { ListedToken(token: $0, path: vocabularyPath) }
    } else {
      vocabulary = try Self.vocabulary(vocabularyPath)
      merges = try Self.merges(mergesPath)
    }
    if let list = settings.addedTokens {
      listedTokens += list.map { ListedToken(token: $0, path: settings.path) }
    } else if let path = path("added_tokens.json") {
      let list = try Self.addedTokens(path, special: settings.specialContents)
      listedTokens = list.map { ListedToken(token: $0, path: path) } + listedTokens
    }
    for index in listedTokens.indices
    where settings.roleContents.contains(ExactText(listedTokens[index].token.content)) {
      listedTokens[index].token.isSpecial = true
    }
    // GPT2Tokenizer creates its own pre-tokenizer and reads only its configuration.
    let own = settings.isGPT2Class ? nil : model?.addsPrefixSpace
    addsPrefixSpace = own ?? settings.addsPrefixSpace
  }

  // MARK: - vocab.json, merges.txt, added_tokens.json

  private static func vocabulary(_ path: String) throws -> VocabularyEntries {
    var reader = JSONReader(try InputFile(path: path))
    let vocabulary = try VocabularyEntries(&reader)
    try reader.finish()
    return vocabulary
  }

  private static func merges(_ path: String) throws -> MergeEntries {
    var reader = try LineReader(path: path)
    var merges = MergeEntries(placesIn: .lines, size: reader.input.size ?? 0)
    try reader.forEachLine { number, line in
      guard isUTF8(line) else { throw InputError(path, .line(number), "the line is not UTF-8") }
      let text = line.last == 0x0D ? line.dropLast() : line[...]
      // `tokenizers` skips such a line wherever it occurs.
      if text.isEmpty || text.starts(with: "#version".utf8) { return }
      guard merges.append(at: number, { $0 += text }) else {
        let found = excerpt(String(decoding: text, as: UTF8.self))
        throw InputError(
          path, .line(number), "expected two tokens separated by a space, found '\(found)'")
      }
    }
    return merges
  }

  private static func addedTokens(
    _ path: String, special: Set<ExactText>
  ) throws -> [AddedToken] {
    guard let members = try JSONValue(path: path).members else {
      throw InputError(path, "expected an object of tokens and their ids")
    }
    return try members.map { member in
      guard let id = member.value.integer.flatMap(UInt32.init(exactly:)) else {
        throw InputError(
          path,
          "the id of '\(excerpt(member.key))' is \(member.value.excerpt); expected a whole number")
      }
      guard !member.key.isEmpty else {
        throw InputError(path, "the token with the id \(id) has no text")
      }
      return AddedToken(member.key, id: id, isSpecial: special.contains(ExactText(member.key)))
    }
  }
}
