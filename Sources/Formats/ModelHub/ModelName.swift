/// The name of a model on the Hugging Face Hub, such as `ai-forever/rugpt3small_based_on_gpt2` or
/// `gpt2@v1.0`.
public struct ModelName: Equatable, Sendable, CustomStringConvertible {
  /// The repository, as `NAME` or `NAMESPACE/NAME`.
  public let repository: String
  /// The branch, tag or commit.
  public let revision: String

  /// Reads `NAME`, `NAMESPACE/NAME`, and either with `@REVISION` after it; `nil` if `text` cannot
  /// be the name of a model.
  ///
  /// The rules are those of huggingface_hub, for which every part has its own limit of length.
  public init?(_ text: String) {
    let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let revision = halves.count > 1 ? String(halves[1]) : "main"
    guard Self.isRepository(String(halves[0])), Self.isRevision(revision) else { return nil }
    self.init(repository: String(halves[0]), revision: revision)
  }

  private init(repository: String, revision: String) {
    self.repository = repository
    self.revision = revision
  }

  public var description: String {
    revision == "main" ? repository : "\(repository)@\(revision)"
  }

  /// Whether the revision is a commit, whose files never change.
  var isCommit: Bool { Self.isCommit(revision) }

  static func isCommit(_ text: String) -> Bool {
    text.utf8.count == 40 && text.utf8.allSatisfy(\.isLowercaseHexadecimal)
  }

  private static func isRepository(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.allSatisfy(isPart)
      && !text.contains("--") && !text.contains("..") && !text.hasSuffix(".git")
  }

  private static func isPart(_ text: Substring) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, let last = bytes.last else { return false }
    return bytes.count <= 96 && first.isWord && last.isWord
      && bytes.allSatisfy { $0.isWord || [UInt8(ascii: "-"), UInt8(ascii: ".")].contains($0) }
  }

  /// Whether `text` can name a revision: it is also the path of a file in the cache.
  private static func isRevision(_ text: String) -> Bool {
    text.utf8.count <= 200 && isPlainPath(text)
      && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
  }

  /// Whether `path` leads to something in the folder that it is relative to.
  static func isPlainPath(_ path: String) -> Bool {
    !path.unicodeScalars.contains { $0 == "\\" || $0 == "\0" }
      && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part != "." && part != ".."
      }
  }

  // MARK: - Other names

  /// Repositories that have moved, by their former names.
  private static let moved = [
    "gpt2": "openai-community/gpt2", "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large", "gpt2-xl": "openai-community/gpt2-xl",
    "distilgpt2": "distilbert/distilgpt2",
  ]
  /// Namespaces that have moved, by their former names.
  private static let movedNamespaces = ["sberbank-ai": "ai-forever"]
  /// Models that are often wanted, under their present names.
  private static let wellKnown =
    moved.values.sorted()
    + ["small", "medium", "large"].map { "ai-forever/rugpt3\($0)_based_on_gpt2" }

  /// The former and present names of the repository, which a cache may have it under.
  var otherRepositories: [String] {
    let former = Self.moved.filter { $0.value == repository }.map(\.key)
    let namespaces = Self.movedNamespaces.flatMap { [($0.key, $0.value), ($0.value, $0.key)] }
    let renamed = namespaces.compactMap { old, new in
      repository.hasPrefix(old + "/") ? new + repository.dropFirst(old.count) : nil
    }
    return former + [Self.moved[repository]].compactMap { $0 } + renamed
  }

  /// Well-known models that may have been meant by this name.
  var suggestions: [String] {
    let typed = Self.name(of: repository).lowercased()
    let known = Self.wellKnown.filter { $0 != repository }
    let same = known.filter { Self.name(of: $0).lowercased() == typed }
    return same.isEmpty
      ? known.filter { Self.name(of: $0).lowercased().hasPrefix(typed) && typed.count > 3 } : same
  }

  /// The part of `repository` after its namespace.
  private static func name(of repository: String) -> Substring {
    repository.split(separator: "/").last ?? ""
  }
}

extension UInt8 {
  var isLowercaseHexadecimal: Bool {
    0x30...0x39 ~= self || UInt8(ascii: "a")...UInt8(ascii: "f") ~= self
  }

  /// Whether it is a letter, a digit or `_`.
  fileprivate var isWord: Bool {
    0x61...0x7A ~= self | 0x20 || 0x30...0x39 ~= self || self == UInt8(ascii: "_")
  }
}
