import Foundation
import TestSupport
import Testing

/// Channels, fetched by the program as a user starts it.
@Suite("channels")
struct ChannelTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func dump(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Ended {
    try Subprocess.run(
      builtProgram("tg-dump"), arguments, in: folder.path,
      environment: Subprocess.environment.merging(environment) { $1 })
  }

  private func ids(_ name: String) throws -> [Int] {
    try folder.text(of: name).split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return try #require(object?["id"] as? Int)
    }
  }

  @Test("a channel on the web is fetched as a whole, and later only what is new")
  func web() throws {
    let first = try PreviewServer(.sample(count: 120))
    let arguments = ["@BugurtTest", "-o", "posts.jsonl", "--delay", "0", "--base-url"]
    let ended = try dump(arguments + [first.address])
    #expect(ended.status == 0, "\(ended.log)")
    #expect(ended.log.contains("tg-dump: БУГУРТ & ТЕСТ\n"))
    let before = try folder.text(of: "posts.jsonl")
    let known = try ids("posts.jsonl")
    #expect(known.count > 90 && known == known.sorted())
    #expect(try folder.names() == ["posts.jsonl"])

    let second = try PreviewServer(.sample(count: 135))
    let again = try dump(arguments + [second.address])
    #expect(again.status == 0, "\(again.log)")
    #expect(try folder.text(of: "posts.jsonl").hasPrefix(before))
    #expect(try ids("posts.jsonl").count > known.count)
    #expect(
      again.log.contains("of them new\n") && again.log.contains("\(known.count) of them unchanged"))
    #expect(second.requests.count <= 3)
  }

  @Test("a fetch that is stopped by a signal continues where it was")
  func interrupted() throws {
    let slow = try PreviewServer(.sample(count: 200))
    let process = try Subprocess(
      builtProgram("tg-dump"),
      ["@BugurtTest", "-o", "posts.jsonl", "--delay", "0.3", "--base-url", slow.address],
      in: folder.path)
    try poll("four pages") { slow.requests.count >= 4 }
    process.signalGroup(SIGINT)
    let ended = try process.wait()
    #expect(ended.status == 130, "\(ended.log)")
    #expect(try folder.names() == ["posts.jsonl.resume"])

    let server = try PreviewServer(.sample(count: 200))
    let arguments = ["@BugurtTest", "--delay", "0", "--base-url", server.address, "-o"]
    #expect(try dump(arguments + ["posts.jsonl"]).status == 0)
    #expect(try folder.names() == ["posts.jsonl"])
    let resumed = server.requests.count
    #expect(try dump(arguments + ["whole.jsonl"]).status == 0)
    #expect(try folder.bytes(of: "posts.jsonl") == folder.bytes(of: "whole.jsonl"))
    #expect(resumed < server.requests.count - resumed)
  }

  @Test("a missing channel and a missing network have different messages and statuses")
  func missing() throws {
    let server = try PreviewServer(.sample(count: 20))
    let ended = try dump(["@nobody", "-o", "x", "--delay", "0", "--base-url", server.address])
    #expect(ended.status == 66)
    #expect(ended.log.contains("there is no public channel @nobody"))
    #expect(!(try folder.names()).contains("x"))
  }

  @Test("a channel is read with an account, the login kept for the owner alone")
  func live() throws {
    let library = try StandInLibrary("posts 250\nsteps")
    let key = "0123456789abcdef0123456789abcdef"
    try folder.write(
      "[Telegram]\napi_id = 12345\napi_hash = \(key)\nphone = +79991234567\n", to: "config.ini")
    let arguments = [
      "--live", "@bugurtthread", "--config", "config.ini", "--tdlib", library.path, "--session",
      library.sessionFolder, "-o",
    ]
    let ended = try dump(arguments + ["posts.jsonl.gz"])
    #expect(ended.status == 0, "\(ended.log)")
    #expect(try folder.bytes(of: "posts.jsonl.gz").starts(with: [0x1F, 0x8B]))
    #expect(ended.log.contains("config.ini") == ended.log.contains("warning"))
    #expect(!ended.log.contains(key) && !ended.log.contains("79991234567"))
    let attributes = try FileManager.default.attributesOfItem(atPath: library.sessionFolder)
    #expect(attributes[.posixPermissions] as? Int == 0o700)

    #expect(try dump(arguments + ["posts.jsonl"]).status == 0)
    let posts = try ids("posts.jsonl")
    #expect(posts.count > 200 && posts == posts.sorted())
    let unpacked = try Subprocess.run(
      "/usr/bin/env", ["gzip", "-cd", "posts.jsonl.gz"], in: folder.path)
    #expect(unpacked.output == (try folder.text(of: "posts.jsonl")))
  }

  @Test("without somebody to ask, a login that needs a code says so and ends")
  func code() throws {
    let library = try StandInLibrary("posts 250\nsteps WaitCode")
    let ended = try dump(
      [
        "--live", "@bugurtthread", "--tdlib", library.path, "--session", library.sessionFolder,
        "-o", "x",
      ],
      environment: [
        "TG_API_ID": "12345", "TG_API_HASH": "0123456789abcdef0123456789abcdef",
        "TG_PHONE": "+79991234567",
      ])
    #expect(ended.status == 77, "\(ended.log)")
    #expect(ended.log.contains("code"))
    #expect(!(try folder.names()).contains("x"))
  }
}
