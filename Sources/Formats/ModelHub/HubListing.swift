import FileSupport
import JSONSupport
import TextSupport

/// A file in a repository.
struct HubFile: Equatable, Sendable {
  /// Its path in the repository.
  let path: String
  /// Its size in bytes.
  let size: Int
  let hash: ContentHash
}

/// What a repository has at a revision.
struct HubListing: Sendable {
  /// The present name of the repository.
  let repository: String
  let commit: String
  let files: [HubFile]

  /// Reads the hub's answer about the model at `address`.
  ///
  /// Files that would not be in the folder of the model are left out.
  ///
  /// - Throws: ``HubError`` if it is something else.
  init(_ answer: [UInt8], of address: String) throws {
    let value: JSONValue? = answer.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes: bytes, path: address)
      guard let value = try? JSONValue(&reader), (try? reader.finish()) != nil else { return nil }
      return value
    }
    guard let value, let repository = value["id"]?.string ?? value["modelId"]?.string,
      ModelName(repository) != nil,
      let commit = value["sha"]?.string, ModelName.isCommit(commit),
      let siblings = value["siblings"]?.elements
    else {
      throw HubError(
        .protocolViolation, address,
        "expected the list of a model's files, found '\(excerpt(String(decoding: answer.prefix(200), as: UTF8.self)))'",
        remedy: HubError.strangerRemedy)
    }
    self.repository = repository
    self.commit = commit
    files = try siblings.compactMap { sibling in
      guard let path = sibling["rfilename"]?.string, ModelName.isPlainPath(path) else { return nil }
      guard let file = HubFile(sibling, path: path) else {
        throw HubError(
          .protocolViolation, address,
          "expected a size and a checksum of every file, found none of '\(excerpt(path))'")
      }
      return file
    }
  }

  /// The file at `path`; `nil` if there is none.
  subscript(path: String) -> HubFile? { files.first { $0.path == path } }
}

extension HubFile {
  fileprivate init?(_ value: JSONValue, path: String) {
    guard let size = value["lfs"]?["size"]?.integer ?? value["size"]?.integer, size >= 0,
      // The blob of a large file in git is a pointer to it.
      let hash = (value["lfs"]?["sha256"] ?? value["blobId"])?.string.flatMap(ContentHash.init)
    else { return nil }
    self.init(path: path, size: size, hash: hash)
  }
}

extension HubError {
  /// What to do if somebody else than the hub has answered.
  static let strangerRemedy =
    "if this network asks for a login, or a proxy answers, see to that first; check HF_ENDPOINT if it is set"
}
