import Foundation
import HTTPSupport
import ModelHub
import TestSupport
import Testing

/// A small model: files that are told apart by their contents, and weights of 300,000 bytes.
func sampleModel(seed: UInt64 = 1) -> HubServer.Repository {
  HubServer.Repository([
    "config.json": Array(#"{"model_type":"gpt2"}"#.utf8),
    "vocab.json": Array(#"{"!":0}"#.utf8), "merges.txt": Array("#version: 0.2\n".utf8),
    "tokenizer_config.json": Array("{}".utf8), "generation_config.json": Array("{}\n".utf8),
    "LICENSE": Array("free".utf8), "README.md": Array("a model".utf8),
    "model.safetensors": noise(300_000, seed: seed),
    "pytorch_model.bin": noise(1000, seed: seed + 1),
    "model.fp16.safetensors": noise(1000, seed: 9),
    "onnx/config.json": Array("{}".utf8), "onnx/model.bin": noise(1000, seed: 8),
  ])
}

/// The same with its weights in two files.
func shardedModel() -> HubServer.Repository {
  var model = sampleModel()
  model.files["model.safetensors"] = nil
  model.files["model-1.safetensors"] = noise(2000, seed: 5)
  model.files["model-2.safetensors"] = noise(3000, seed: 6)
  model.files["model-3.safetensors"] = noise(3000, seed: 7)
  model.files["model.safetensors.index.json"] = Array(
    #"{"weight_map":{"a":"model-2.safetensors","b":"model-1.safetensors","c":"model-1.safetensors"}}"#
      .utf8)
  return model
}

/// `count` bytes that look random.
func noise(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state)
  }
}

let name = "org/model"
let weights = "model.safetensors"
/// What is fetched of ``sampleModel(seed:)``.
let fetchedNames = [
  "LICENSE", "config.json", "generation_config.json", "merges.txt", "model.safetensors",
  "tokenizer_config.json", "vocab.json",
]

/// A user with a cache of their own.
final class User {
  /// The hub that they use, which runs as long as they do.
  private let server: HubServer
  let cache: TemporaryFolder
  var environment: [String: String]
  /// The pauses between attempts.
  var firstPause = 0.001
  private(set) var messages: [String] = []
  private(set) var beginnings: [(total: Int, initial: Int)] = []
  private(set) var progress: [Int] = []
  /// Called at every check.
  var check: (User) throws -> Void = { _ in }

  init(_ server: HubServer, sharing other: User? = nil) throws {
    self.server = server
    cache = try other?.cache ?? TemporaryFolder()
    environment = [
      "HF_ENDPOINT": server.address, "HF_HUB_CACHE": cache.path, "HOME": cache.path("home"),
    ]
  }

  /// The folder with a model, as ``ModelHub`` returns it.
  func fetch(
    _ text: String = name, _ part: ModelPart = .whole,
    examine: (String) throws -> Void = { _ in }
  ) throws -> String {
    var settings = try HubSettings { [environment] in environment[$0] }
    settings.retries.firstPause = firstPause
    settings.retries.longestPause = 0.01
    (messages, beginnings, progress) = ([], [], [])
    let hub = ModelHub(settings, check: { try self.check(self) }) { event in
      switch event {
      case .message(let text): self.messages.append(text)
      case .begins(_, let total, let initial): self.beginnings.append((total, initial))
      case .progress(let count): self.progress.append(count)
      }
    }
    return try hub.folder(of: try #require(ModelName(text)), part, examine: examine)
  }

  /// The error that fetching a model ends with.
  func fault(_ text: String = name, _ part: ModelPart = .whole) -> HubError? {
    #expect(throws: HubError.self) { try fetch(text, part) }
  }

  /// The paths of all files and links in the cache, without locks, sorted.
  func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: cache.path).filter { path in
      let type = try FileManager.default.attributesOfItem(atPath: cache.path(path))[.type]
      return type as? FileAttributeType != .typeDirectory && !path.hasSuffix(".lock")
    }.sorted()
  }

  /// The parts of interrupted downloads.
  func parts() throws -> [String] { try files().filter { $0.hasSuffix(".incomplete") } }

  /// The path that the beginning of the weights has in the cache.
  func weightsPart(_ server: HubServer) -> String {
    "models--org--model/blobs/\(server.hash(of: weights, in: name)).incomplete"
  }

  /// Fetches a model, and checks that its folder has what is wanted of `model`, and nothing else.
  func expect(
    _ text: String = name, _ part: ModelPart = .whole, has model: HubServer.Repository,
    names: [String] = fetchedNames, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    // The cache is removed with the object.
    try withExtendedLifetime(self) {
      try expect(
        folder: fetch(text, part), has: model, names: names, sourceLocation: sourceLocation)
    }
  }

  /// Checks that `folder` has what is wanted of `model`, and nothing else.
  func expect(
    folder: String, has model: HubServer.Repository, names: [String] = fetchedNames,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(found == names, sourceLocation: sourceLocation)
    for name in names {
      let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
      #expect(bytes == model.files[name], "\(name)", sourceLocation: sourceLocation)
    }
  }
}
