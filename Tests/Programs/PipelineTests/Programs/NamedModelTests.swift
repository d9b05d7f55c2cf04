import Foundation
import TestSupport
import Testing

/// Models that are named instead of being in a folder.
@Suite("models of the hub")
struct NamedModelTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  private static let model = "checkpoints/fixture/final"

  private func server(
    fault: @escaping @Sendable (HubServer.Exchange) -> HTTPReply = { $0.reply }
  ) throws -> HubServer {
    let names = try project.tree(Self.model)
    let files = try names.map { ($0, try project.folder.bytes(of: "\(Self.model)/\($0)")) }
    let model = HubServer.Repository(Dictionary(uniqueKeysWithValues: files))
    var gated = model
    gated.isGated = true
    return try HubServer(["org/tiny": model, "org/gated": gated], fault: fault)
  }

  private func start(
    _ program: String, _ arguments: [String], _ server: HubServer,
    _ variables: [String: String] = [:]
  ) throws -> Subprocess {
    let hub = ["HF_ENDPOINT": server.address, "HF_HOME": project.folder.path("hf")]
    return try Subprocess(
      program == "make" ? program : try builtProgram(program), arguments, in: project.folder.path,
      environment: Subprocess.environment.merging(hub) { $1 }.merging(variables) { $1 })
  }

  private func run(
    _ program: String, _ arguments: [String], _ server: HubServer,
    _ variables: [String: String] = [:]
  ) throws -> Ended {
    try start(program, arguments, server, variables).wait()
  }

  @Test("gpt-sample writes the texts of the model's folder, and later without a network")
  func sample() throws {
    let server = try server()
    let expected = try project.run("gpt-sample", [Self.model, "-n", "2", "--prompt", "кот"])
    let arguments = ["org/tiny", "-n", "2", "--prompt", "кот"]
    let ended = try run("gpt-sample", arguments, server)
    #expect(ended.status == 0, "\(ended.log)")
    #expect(ended.output == expected.output)
    #expect(ended.log.contains("gpt-sample: fetching org/tiny: "))
    let offline = try run("gpt-sample", arguments + ["--quiet"], server, ["HF_HUB_OFFLINE": "1"])
    #expect(offline.output == expected.output)
    #expect(offline.log == "")
  }

  @Test("bpe-encode fetches no weights")
  func inspect() throws {
    let server = try server()
    let arguments = ["--inspect", "КОТ", "--tokenizer"]
    let ended = try run("bpe-encode", arguments + ["org/tiny"], server)
    #expect(ended.output == (try project.run("bpe-encode", arguments + [Self.model]).output))
    #expect(server.storeRequests.isEmpty)
    let encoded = try run(
      "bpe-encode", ["data/clean/fixture.txt", "-o", "out", "--tokenizer", "org/tiny"], server)
    #expect(encoded.status == 0, "\(encoded.log)")
    let decoded = try run(
      "bpe-encode",
      ["--decode", "out/train-00000.bin", "--range", "0..5", "--tokenizer", "org/tiny@main"], server
    )
    #expect(decoded.status == 0, "\(decoded.log)")
  }

  @Test("make fine-tunes it, and has nothing to do the second time")
  func make() throws {
    let server = try server()
    let goals =
      ["train", "MODEL=org/tiny"]
      + Project.tiny.filter { !["LAYERS", "WIDTH", "HEADS", "CONTEXT"].contains($0.key) }
      .map { "\($0.key)=\($0.value)" }
    let first = try run("make", goals, server)
    #expect(first.status == 0, "\(first.log)")
    #expect(first.stages == ["bpe-encode", "gpt-finetune"])
    #expect(first.output.contains("--model=org/tiny"))
    let count = server.hubRequests.count
    let second = try run("make", goals, server)
    #expect(second.output.contains("Nothing to be done for 'train'"), "\(second.output)")
    #expect(server.hubRequests.count == count)
  }

  @Test("make notices a misspelt name before it reads the posts, and fetches no weights yet")
  func misspelt() throws {
    let server = try server()
    let misspelt = try run(
      "make", ["train", "RUN=new", "EXPORT=@no_one", "MODEL=org/tinny"], server)
    #expect(misspelt.status != 0)
    #expect(misspelt.log.contains("bpe-encode: error: org/tinny: there is no folder at this path"))
    #expect(misspelt.stages == [])
    let right = try run(
      "make", ["train", "RUN=new", "EXPORT=missing", "DUMP_FLAGS=--base-url", "MODEL=org/tiny"],
      server)
    #expect(right.status != 0 && right.log.contains("there is no 'missing'"), "\(right.log)")
    // Once it is in the cache, no network is needed.
    #expect(
      try run("bpe-encode", ["--inspect", "", "--tokenizer", "org/tiny"], server).status == 0)
    let export = ["RUN=new", "EXPORT=data/fixture/result.json", "MODEL=org/tiny"]
    let offline = try run("make", ["encode"] + export, server, ["HF_HUB_OFFLINE": "1"])
    #expect(offline.stages == ["tg-dump", "bugurt-clean", "bpe-encode"], "\(offline.log)")
    #expect(offline.status == 0)
    #expect(server.storeRequests.isEmpty)
  }

  @Test(
    "without libcurl and what it needs, all runs but fetching, which says what is missing",
    arguments: ["libcurl.so.4", "libcrypto.so.3"])
  func missingLibraries(_ library: String) throws {
    let server = try server()
    try project.folder.write("broken", to: "broken/\(library)")
    let variables = ["LD_LIBRARY_PATH": project.folder.path("broken")]
    for program in programs {
      #expect(try run(program, ["--version"], server, variables).status == 0)
    }
    #expect(try run("gpt-sample", [Self.model], server, variables).status == 0)
    for (program, arguments) in [
      ("gpt-sample", ["org/tiny"]), ("tg-dump", ["@bugurt", "-o", "posts.jsonl"]),
    ] {
      let ended = try run(program, arguments, server, variables)
      #expect(ended.status == 69)
      let remedy = "file too short; install it with: apt-get install libcurl4-openssl-dev\n"
      #expect(ended.log.contains("/\(library): \(remedy)"), "\(ended.log)")
    }
    #expect(server.hubRequests.isEmpty)
  }

  @Test("a folder of this path is used before the hub is asked")
  func folder() throws {
    let server = try server()
    try FileManager.default.createDirectory(
      atPath: project.folder.path("org"), withIntermediateDirectories: true)
    try project.copy(Self.model, to: "org/tiny")
    #expect(try run("gpt-sample", ["org/tiny"], server).status == 0)
    #expect(server.hubRequests.isEmpty)
  }

  @Test("Ctrl-C keeps what was fetched, and the next call resumes there")
  func interrupted() throws {
    let slow = try server { exchange in
      guard exchange.place == .content("model.safetensors") else { return exchange.reply }
      var reply = exchange.reply
      reply.course = .stalled(after: 4000, seconds: 600)
      return reply
    }
    let process = try start("gpt-sample", ["org/tiny"], slow)
    let hash = slow.hash(of: "model.safetensors", in: "org/tiny")
    let part = "hf/hub/models--org--tiny/blobs/\(hash).incomplete"
    try poll("the first bytes") {
      try project.exists(part) && project.folder.bytes(of: part).count == 4000
    }
    process.signalGroup(SIGINT)
    #expect(try process.wait().status == 130)
    #expect(try project.folder.bytes(of: part).count == 4000)
    let whole = try server()
    #expect(try run("gpt-sample", ["org/tiny"], whole).status == 0)
    #expect(whole.storeRequests.map { $0.fields["range"] } == ["bytes=4000-"])
  }

  @Test("two programs that fetch the same model at the same time fetch it once")
  func together() throws {
    let server = try server { exchange in
      guard exchange.place == .content("model.safetensors") else { return exchange.reply }
      var reply = exchange.reply
      reply.course = .slow(bytes: 4000, seconds: 0.01)
      return reply
    }
    let processes = try (0..<3).map { _ in try start("gpt-sample", ["org/tiny"], server) }
    let ends = try processes.map { try $0.wait() }
    #expect(ends.allSatisfy { $0.status == 0 }, "\(ends.map(\.log))")
    #expect(Set(ends.map(\.output)).count == 1)
    #expect(server.storeRequests.count == 1)
    #expect(try !project.tree("hf").contains { $0.hasSuffix(".incomplete") })
  }

  @Test("the status says what kind of fault it is")
  func statuses() throws {
    let server = try server()
    let deaf = try HTTPServer.deafAddress()
    let cases: [(name: String, variables: [String: String], status: Int32)] = [
      ("org/none", [:], 66), ("org/tiny@v9", [:], 66), ("org/gated", [:], 77),
      ("org/tiny", ["HF_HUB_OFFLINE": "1"], 66), ("org/tiny", ["HF_ENDPOINT": deaf], 75),
      ("org/tiny", ["HF_ENDPOINT": "huggingface.co"], 64), ("org/no/name", [:], 66),
      ("org/tiny", ["http_proxy": "http://no-such-proxy.invalid:1"], 69),
    ]
    for (name, variables, status) in cases {
      let ended = try run("gpt-sample", [name], server, variables)
      #expect(ended.status == status, "\(name) \(variables): \(ended.log)")
      #expect(ended.log.contains("gpt-sample: error: \(name)") == (status != 64), "\(ended.log)")
      #expect(ended.output == "")
    }
  }
}
