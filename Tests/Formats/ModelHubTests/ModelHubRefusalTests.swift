import Foundation
import ModelHub
import TestSupport
import Testing

@Suite("ModelHub, what it does not get")
struct ModelHubRefusalTests {
  private let model = sampleModel()

  private func server() throws -> HubServer {
    var (hidden, gated) = (model, model)
    hidden.isPrivate = true
    gated.isGated = true
    return try HubServer([name: model, "org/private": hidden, "org/gated": gated])
  }

  @Test(
    "says what is wrong and what to do",
    arguments: [
      ("org/none", nil, HubError.Kind.notFound, ["no such model", "HF_TOKEN", "check the name"]),
      ("org/none", "hf_valid", .notFound, ["no such model", "the token in HF_TOKEN"]),
      ("org/private", nil, .notFound, ["no such model", "private", "HF_TOKEN"]),
      ("org/model", "hf_wrong", .refused, ["refuses the token in HF_TOKEN", "renew it"]),
      ("org/gated", nil, .refused, ["accept its terms", "/org/gated", "HF_TOKEN"]),
      ("org/gated", "hf_valid", .refused, ["has not been given access", "/org/gated"]),
      ("org/model@v9", nil, .notFound, ["no branch, tag or commit 'v9'"]),
      (
        "rugpt3medium_based_on_gpt2", nil, .notFound,
        ["did you mean ai-forever/rugpt3medium_based_on_gpt2?"]
      ),
      (
        "sberbank/rugpt3large_based_on_gpt2", nil, .notFound,
        ["did you mean ai-forever/rugpt3large_based_on_gpt2?"]
      ),
    ] as [(String, String?, HubError.Kind, [String])])
  func refusals(_ model: String, _ token: String?, _ kind: HubError.Kind, _ words: [String]) throws
  {
    let user = try User(try server())
    user.environment["HF_TOKEN"] = token
    let fault = user.fault(model)
    #expect(fault?.kind == kind)
    #expect(fault?.subject == model)
    for word in words { #expect(fault?.problem.contains(word) == true, "\(fault?.problem ?? "")") }
    #expect(fault?.problem.contains("hf_") == false)
  }

  @Test("gets them with a token", arguments: ["org/private", "org/gated"])
  func admitted(_ name: String) throws {
    let user = try User(try server())
    user.environment["HF_TOKEN"] = HubServer.admittedToken
    try user.expect(name, has: model)
  }

  @Test("sends the token to the hub, and to nobody else")
  func token() throws {
    let server = try server()
    let user = try User(server)
    user.environment["HF_TOKEN"] = " \(HubServer.token)\r\n"
    _ = try user.fetch()
    #expect(
      server.hubRequests.allSatisfy { $0.fields["authorization"] == "Bearer \(HubServer.token)" })
    #expect(!server.storeRequests.isEmpty)
    #expect(server.storeRequests.allSatisfy { $0.fields["authorization"] == nil })
  }

  @Test(
    "takes the token from where huggingface_hub does",
    arguments: [
      (["HF_TOKEN": "hf_valid", "HUGGING_FACE_HUB_TOKEN": "hf_x"], "hf_valid"),
      (["HUGGING_FACE_HUB_TOKEN": "hf_valid"], "hf_valid"), (["HF_HOME": "home"], "hf_admitted"),
      (["HF_TOKEN_PATH": "path"], "hf_valid"), (["HF_TOKEN": " "], nil), ([:], nil),
      (["HF_TOKEN": "hf_valid", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"], nil),
    ] as [([String: String], String?)])
  func tokenSources(_ variables: [String: String], _ token: String?) throws {
    let server = try server()
    let user = try User(server)
    try user.cache.write("hf_admitted\n", to: "home/token")
    try user.cache.write("hf_valid\n", to: "path")
    for (name, value) in variables {
      user.environment[name] = ["home", "path"].contains(value) ? user.cache.path(value) : value
    }
    _ = try user.fetch(name, .tokenizer)
    #expect(
      server.hubRequests.first?.fields["authorization"] == token.map { "Bearer \($0)" })
  }

  @Test("names what the model lacks", arguments: ["config.json", "vocab.json", "weights"])
  func lacking(_ missing: String) throws {
    var model = model
    for path in missing == "weights" ? [weights, "pytorch_model.bin"] : [missing] {
      model.files[path] = nil
    }
    let server = try HubServer([name: model])
    let fault = try User(server).fault()
    #expect(fault?.kind == .notFound)
    let word =
      ["weights": weights, "vocab.json": "tokenizer.json (or vocab.json"][missing] ?? missing
    #expect(fault?.problem.contains("the model has no \(word)") == true)
    #expect(server.hubRequests.count == 1)
  }

  @Test(
    "refuses an index that names a file elsewhere, or none", arguments: ["../x", "a/b", "x.bin"])
  func index(_ file: String) throws {
    var model = shardedModel()
    model.files["model.safetensors.index.json"] = Array(#"{"weight_map":{"a":"\#(file)"}}"#.utf8)
    let server = try HubServer([name: model])
    let user = try User(server)
    #expect(throws: (any Error).self) { try user.fetch() }
    #expect(server.storeRequests.isEmpty)
  }

  @Test("begins no download that the disk has no room for", .enabled(if: MemoryDisk.isAvailable))
  func disk() throws {
    let server = try HubServer([name: model])
    let disk = try MemoryDisk(kilobytes: 200)
    let user = try User(server)
    user.environment["HF_HUB_CACHE"] = disk.path
    let error = #expect(throws: (any Error).self) { try user.fetch() }
    let text = "\(error.map { "\($0)" } ?? "")"
    #expect(
      text.contains("No space left on device; org/model needs another 300 kB, and "), "\(text)")
    #expect(text.contains("HF_HUB_CACHE"))
    #expect(server.storeRequests.isEmpty)
  }
}
