import Foundation
import ModelHub
import TestSupport
import Testing

@Suite("ModelHub")
struct ModelHubTests {
  private let model = sampleModel()

  private func server(
    renamed: [String: String] = [:],
    fault: @escaping @Sendable (HubServer.Exchange) -> HTTPReply = { $0.reply }
  ) throws -> HubServer {
    try HubServer([name: model], renamed: renamed, fault: fault)
  }

  @Test("fetches what is needed of a model, and nothing else")
  func whole() throws {
    let server = try server()
    let user = try User(server)
    let folder = try user.fetch()
    try user.expect(folder: folder, has: model)
    let commit = server.commit(of: name)
    #expect(folder == user.cache.path("models--org--model/snapshots/\(commit)"))
    #expect(server.count(.content(weights)) == 1)
    #expect(server.count(.resolve("README.md")) == 0)
    #expect(user.messages == [])
    let total = try fetchedNames.reduce(0) { try $0 + #require(model.files[$1]).count }
    #expect(user.beginnings.map(\.total) == [total])
    #expect(user.progress.last == total)
  }

  @Test("keeps it as huggingface_hub does")
  func layout() throws {
    let server = try server()
    let user = try User(server)
    _ = try user.fetch()
    let folder = "models--org--model"
    let commit = server.commit(of: name)
    let blobs = fetchedNames.map { "\(folder)/blobs/\(server.hash(of: $0, in: name))" }
    let links = fetchedNames.map { "\(folder)/snapshots/\(commit)/\($0)" }
    #expect(
      try user.files() == (["CACHEDIR.TAG", "\(folder)/refs/main"] + blobs + links).sorted())
    // No newline: Python would take it for a part of the commit.
    #expect(try user.cache.text(of: "\(folder)/refs/main") == commit)
    #expect(
      try user.cache.text(of: "CACHEDIR.TAG").hasPrefix(
        "Signature: 8a477f597d28d172789f06886806bc55\n"))
    for (link, blob) in zip(links, blobs) {
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: user.cache.path(link))
      #expect("\(folder)/\(target.replacing("../../", with: ""))" == blob)
    }
    var status = stat()
    #expect(stat(user.cache.path(blobs[0]), &status) == 0)
    let facts = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let mask = try #require(
      facts.firstMatch(of: /Umask:\s*(\d+)/).flatMap { mode_t($0.1, radix: 8) })
    #expect(status.st_mode & 0o777 == 0o666 & ~mask)
  }

  @Test("fetches nothing twice, and asks the hub only for the list of files")
  func again() throws {
    let server = try server()
    let user = try User(server)
    let folder = try user.fetch()
    let count = server.hubRequests.count
    #expect(try user.fetch() == folder)
    #expect(server.hubRequests.count == count + 1)
    #expect(user.beginnings.isEmpty)
    // A commit never changes.
    let commit = "\(name)@\(server.commit(of: name))"
    #expect(try user.fetch(commit) == folder)
    #expect(server.hubRequests.count == count + 1)
  }

  @Test("fetches a tokenizer without weights, and later the rest")
  func tokenizer() throws {
    let server = try server()
    let user = try User(server)
    let folder = try user.fetch(name, .tokenizer)
    let names = ["config.json", "merges.txt", "tokenizer_config.json", "vocab.json"]
    try user.expect(folder: folder, has: model, names: names)
    #expect(server.storeRequests.isEmpty)
    try user.expect(has: model)
    #expect(server.count(.content("vocab.json")) == 1)
  }

  @Test("shows the small files to the caller, who may not want the weights")
  func examined() throws {
    struct NotWanted: Error {}
    let server = try server()
    let user = try User(server)
    #expect(throws: NotWanted.self) {
      try user.fetch { folder in
        #expect(FileManager.default.fileExists(atPath: folder + "/config.json"))
        throw NotWanted()
      }
    }
    #expect(server.storeRequests.isEmpty)
  }

  @Test("fetches weights in several files: those that their index names")
  func shards() throws {
    let model = shardedModel()
    let server = try HubServer([name: model])
    let names = fetchedNames.filter { $0 != weights }
    try User(server).expect(
      has: model,
      names: (names + [
        "model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json",
      ])
      .sorted())
  }

  @Test("fetches weights of PyTorch if there are no others")
  func pyTorch() throws {
    var model = model
    model.files[weights] = nil
    let server = try HubServer([name: model])
    try User(server).expect(
      has: model,
      names: (fetchedNames.filter { $0 != weights } + ["pytorch_model.bin"]).sorted())
  }

  @Test("takes unchanged files from an earlier commit")
  func newCommit() throws {
    let user = try User(try server())
    let old = try user.fetch()
    var changed = model
    changed.files["vocab.json"] = Array(#"{"a":0}"#.utf8)
    let server = try HubServer([name: changed])
    let later = try User(server, sharing: user)
    let folder = try later.fetch()
    #expect(folder != old)
    try user.expect(folder: folder, has: changed)
    try user.expect(folder: old, has: model)
    #expect(server.count(.content("vocab.json")) == 1)
    #expect(server.storeRequests.isEmpty)
    #expect(
      try user.cache.text(of: "models--org--model/refs/main") == server.commit(of: name))
  }

  @Test("knows revisions", arguments: ["refs/pr/1", "short"])
  func revision(_ revision: String) throws {
    let server = try server()
    let user = try User(server)
    let revision = revision == "short" ? String(server.commit(of: name).prefix(7)) : revision
    try user.expect("\(name)@\(revision)", has: model)
    #expect(
      try user.cache.text(of: "models--org--model/refs/\(revision)") == server.commit(of: name))
    user.environment["HF_HUB_OFFLINE"] = "1"
    try user.expect("\(name)@\(revision)", has: model)
    #expect(user.fault()?.kind == .notFound)
  }

  @Test("follows a model that was renamed, and says so")
  func renamed() throws {
    let server = try HubServer(
      ["ai-forever/m": model], renamed: ["sberbank-ai/m": "ai-forever/m"])
    let user = try User(server)
    try user.expect("sberbank-ai/m", has: model)
    #expect(user.messages == ["sberbank-ai/m is now ai-forever/m"])
    // The cache keeps the name that was asked for.
    #expect(try user.cache.names().contains("models--sberbank-ai--m"))
  }

  @Test(
    "finds what was fetched under another name of the model",
    arguments: [
      ("ai-forever/m", "sberbank-ai/m"), ("sberbank-ai/m", "ai-forever/m"),
      ("openai-community/gpt2", "gpt2"), ("gpt2", "openai-community/gpt2"),
    ], [false, true])
  func otherName(_ names: (String, String), _ isOffline: Bool) throws {
    let server = try HubServer(
      ["ai-forever/m": model, "openai-community/gpt2": model],
      renamed: ["sberbank-ai/m": "ai-forever/m", "gpt2": "openai-community/gpt2"])
    let user = try User(server)
    let folder = try user.fetch(names.0)
    if isOffline { user.environment["HF_HUB_OFFLINE"] = "1" }
    #expect(try user.fetch(names.1) == folder)
    #expect(server.count(.content(weights)) == 1)
  }

  @Test("makes files in place of links where that is asked for")
  func withoutLinks() throws {
    let user = try User(server())
    user.environment["HF_HUB_DISABLE_SYMLINKS"] = "1"
    let folder = try user.fetch()
    try user.expect(folder: folder, has: model)
    for name in fetchedNames {
      #expect(throws: (any Error).self) {
        try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
      }
    }
    #expect(try user.fetch() == folder)
    #expect(user.beginnings.isEmpty)
  }

  @Test("never writes through a link in blobs")
  func linkedBlob() throws {
    let server = try server()
    let user = try User(server)
    let hash = server.hash(of: weights, in: name)
    // As newer versions of huggingface_hub share blobs between models; this one is damaged.
    try user.cache.write("damaged", to: "blobs/ab/shared")
    let blobs = user.cache.path("models--org--model/blobs")
    try FileManager.default.createDirectory(atPath: blobs, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(blobs)/\(hash)", withDestinationPath: "../../blobs/ab/shared")
    try user.expect(has: model)
    #expect(try user.cache.text(of: "blobs/ab/shared") == "damaged")
  }

  // MARK: - Offline

  @Test("asks nobody when it is offline", arguments: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
  func offline(_ variable: String) throws {
    let server = try server()
    let user = try User(server)
    user.environment[variable] = "1"
    let nothing = user.fault()
    #expect(nothing?.kind == .notFound)
    #expect(nothing?.problem.hasSuffix("\(variable) forbids fetching it") == true)
    #expect(server.hubRequests.isEmpty)

    user.environment[variable] = nil
    let folder = try user.fetch(name, .tokenizer)
    user.environment[variable] = "1"
    #expect(try user.fetch(name, .tokenizer) == folder)
    #expect(
      user.fault()?.problem.contains("has no model.safetensors (or pytorch_model.bin)") == true)
  }

  @Test("names the shard that is missing when it is offline")
  func missingShard() throws {
    let user = try User(HubServer([name: shardedModel()]))
    let folder = try user.fetch()
    try FileManager.default.removeItem(atPath: folder + "/model-2.safetensors")
    user.environment["HF_HUB_OFFLINE"] = "1"
    #expect(user.fault()?.problem.contains("has no model-2.safetensors of this model") == true)
  }

  @Test("uses the cache when the hub cannot be reached, and says so")
  func unreachable() throws {
    let user = try User(server())
    let folder = try user.fetch()
    user.environment["HF_ENDPOINT"] = try HTTPServer.deafAddress()
    #expect(try user.fetch() == folder)
    #expect(user.messages.count == 1)
    let told = try #require(user.messages.first)
    #expect(told.hasPrefix("org/model: 127.0.0.1:"))
    #expect(told.contains("cannot be reached (Failed to connect"))
    #expect(told.contains("); using the copy in the cache, of commit "))
    let fault = user.fault("org/other")
    #expect(fault?.kind == .unreachable)
    #expect(
      fault?.problem.contains("; check the network, and try again; if you meant a folder") == true)
  }

  @Test("uses the cache when the hub fails or is somebody else", arguments: [500, 200])
  func failing(_ status: Int) throws {
    let user = try User(server())
    let folder = try user.fetch()
    let failing = try server { _ in HTTPReply(status, "<html>Welcome to our hotel</html>") }
    user.environment["HF_ENDPOINT"] = failing.address
    #expect(try user.fetch() == folder)
    #expect(failing.count(.listing) == (status == 500 ? 2 : 1))
    #expect(user.messages.last?.contains("; using the copy in the cache, of commit ") == true)
  }

  @Test("does not use the cache for a model that is gone, but says how")
  func gone() throws {
    let user = try User(server())
    _ = try user.fetch()
    let empty = try User(HubServer([:]), sharing: user)
    #expect(empty.fault()?.problem.hasSuffix("HF_HUB_OFFLINE=1 uses") == true)
  }
}
