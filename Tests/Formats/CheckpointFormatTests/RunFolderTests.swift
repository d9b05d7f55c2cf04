import CheckpointFormat
import FileSupport
import Glibc
import TestSupport
import Testing

@Suite("RunFolder")
struct RunFolderTests {
  private let folder: TemporaryFolder
  private let run: RunFolder

  init() throws {
    folder = try TemporaryFolder()
    run = RunFolder(path: folder.path)
  }

  private func makeCheckpoints(_ names: String...) throws {
    for name in names { try folder.write("{}", to: "\(name)/trainer_state.json") }
  }

  @Test("checkpoints are found by their names, in the order of their steps")
  func steps() throws {
    try makeCheckpoints("checkpoint-7", "checkpoint-10", "checkpoint-9000", "checkpoint-0")
    #expect(try run.checkpointSteps() == [0, 7, 10, 9000])
    #expect(run.checkpointPath(step: 10) == folder.path("checkpoint-10"))
    #expect(run.finalPath == folder.path("final"))
  }

  @Test("skips what is not a complete checkpoint")
  func others() throws {
    try makeCheckpoints(
      "checkpoint-5.partial", "checkpoint-6.replaced", "checkpoint-007", "checkpoint--1",
      "checkpoint-+8", "checkpoint-", "checkpoint-x", "final", "7")
    try folder.write("", to: "checkpoint-11/config.json")
    try folder.write("", to: "checkpoint-12")
    #expect(try run.checkpointSteps() == [])
    #expect(try RunFolder(path: folder.path("nowhere")).checkpointSteps() == [])
  }

  @Test(
    "the oldest checkpoints go, but never the newest or one that is kept",
    arguments: [
      (2, [], [20, 30]), (1, [], [30]), (0, [], [30]), (1, [5], [5, 30]), (2, [20], [20, 30]),
      (9, [], [5, 10, 20, 30]),
    ] as [(Int, Set<Int>, [Int])])
  func removal(limit: Int, kept: Set<Int>, left: [Int]) throws {
    try makeCheckpoints("checkpoint-5", "checkpoint-10", "checkpoint-20", "checkpoint-30")
    try run.removeOldCheckpoints(limit: limit, keeping: kept)
    #expect(try run.checkpointSteps() == left)
  }

  @Test("leftovers of interrupted runs are removed, nothing else")
  func leftovers() throws {
    try makeCheckpoints(
      "checkpoint-5", "checkpoint-6.partial", "checkpoint-7.123.partial", "final.replaced", "final")
    try folder.write("x", to: "report.md")
    try folder.write("x", to: "report.md.123.partial")
    for lock in [".checkpoint-7.lock", ".final.lock"] { try folder.write("", to: lock) }
    try run.removeLeftovers()
    #expect(try folder.names() == ["checkpoint-5", "final", "report.md"])
    try RunFolder(path: folder.path("nowhere")).removeLeftovers()
  }

  @Test("a folder that was set aside for another gets its name back")
  func setAside() throws {
    try folder.write("old", to: "final.replaced/a")
    try folder.write("new", to: "final.partial/a")
    try folder.write("old", to: "checkpoint-5.replaced/a")
    try folder.write("new", to: "checkpoint-5/a")
    try run.removeLeftovers()
    #expect(try folder.names() == ["checkpoint-5", "final"])
    #expect(try folder.text(of: "final/a") == "old")
    #expect(try folder.text(of: "checkpoint-5/a") == "new")
  }

  @Test("a checkpoint is removed")
  func removeCheckpoint() throws {
    try makeCheckpoints("checkpoint-5", "checkpoint-6", "final")
    try folder.write("x", to: "report.md")
    try run.removeCheckpoint(step: 6)
    try run.removeCheckpoint(step: 7)
    #expect(try folder.names() == ["checkpoint-5", "final", "report.md"])
  }

  @Test("a folder appears whole, replacing an older one")
  func write() throws {
    try folder.write("old", to: "final/a")
    try folder.write("old", to: "final/b")
    try folder.write("half", to: "final.partial/c")
    try RunFolder.write(run.finalPath) { partial in
      #expect(partial == folder.path("final.\(getpid()).partial"))
      #expect(!Folder.exists(folder.path("final.partial")))
      #expect(try folder.text(of: "final/a") == "old")
      try replaceFile(at: partial + "/a", with: "new")
    }
    #expect(try folder.names() == ["final"])
    #expect(try Folder.list(run.finalPath) == ["a"])
    #expect(try folder.text(of: "final/a") == "new")
  }

  @Test("a link to a folder stays one: what it leads to is replaced")
  func links() throws {
    let disk = try TemporaryFolder()
    try disk.write("old", to: "model/a")
    #expect(symlink(disk.path("model"), run.finalPath) == 0)
    try RunFolder.write(run.finalPath) { try replaceFile(at: $0 + "/b", with: "new") }
    #expect(try Folder.list(disk.path("model")) == ["b"])
    try RunFolder.write(run.finalPath) { try replaceFile(at: $0 + "/c", with: "newer") }
    #expect(try Folder.list(disk.path("model")) == ["c"])
    var status = stat()
    #expect(lstat(run.finalPath, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
  }

  @Test("an error keeps the older folder and leaves nothing beside it")
  func failingWrite() throws {
    struct Stop: Error {}
    try folder.write("old", to: "final/a")
    #expect(throws: Stop.self) {
      try RunFolder.write(run.finalPath) { partial in
        try replaceFile(at: partial + "/a", with: "new")
        throw Stop()
      }
    }
    #expect(try folder.names() == ["final"])
    #expect(try folder.text(of: "final/a") == "old")
  }
}

@Suite("CheckpointFile")
struct CheckpointFileTests {
  @Test("copies whichever files of the tokenizer there are")
  func copyTokenizer() throws {
    let folder = try TemporaryFolder()
    try folder.write("вокабуляр", to: "from/vocab.json")
    try folder.write("", to: "from/merges.txt")
    try folder.write("x", to: "from/README.md")
    try CheckpointFile.copyTokenizer(from: folder.path("from"), to: folder.path("to"))
    #expect(try Folder.list(folder.path("to")) == ["merges.txt", "vocab.json"])
    #expect(try folder.text(of: "to/vocab.json") == "вокабуляр")
  }

  @Test("a folder without a tokenizer is named")
  func noTokenizer() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: InputError.self) {
      try CheckpointFile.copyTokenizer(from: folder.path, to: folder.path("to"))
    }
    #expect(
      error?.description
        == "\(folder.path): holds no tokenizer; expected tokenizer.json or vocab.json")
  }
}
