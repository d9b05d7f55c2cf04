import FileSupport
import Foundation
import TestSupport
import Testing

/// What two processes do is tested in `PipelineTests`; here both are this one.
@Suite("An output that is being written")
struct OutputLockTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test(
    "cannot be written a second time, whatever it is called",
    arguments: ["a/out", "a/../a/./out", "a//out", "link/out", "alias", "alias-of-alias"])
  func twice(_ name: String) throws {
    try folder.write("old", to: "a/out")
    for (link, target) in [("link", "a"), ("alias", "a/out"), ("alias-of-alias", "link/../alias")] {
      #expect(symlink(target, folder.path(link)) == 0)
    }
    let file = try OutputFile(path: folder.path("a/out"))
    try file.write("new")
    let path = folder.path(name)
    let error = #expect(throws: OutputBusy.self) { _ = try OutputFile(path: path) }
    #expect(
      error?.description
        == "\(path): named for two outputs of this command; each needs its own file")
    #expect(error?.isThisProcess == true)
    try file.commit()
    #expect(try folder.text(of: "a/out") == "new")
  }

  @Test("does not block other outputs in its folder")
  func neighbours() throws {
    let names = ["a.jsonl", "b.jsonl", "a", "a.jsonl.gz"]
    let files = try names.map { try OutputFile(path: folder.path($0)) }
    let shards = try OutputFolder(path: folder.path("shards"))
    try shards.commit()
    try OutputFile.commit(files)
    #expect(
      try folder.names() == ["a", "a.jsonl", "a.jsonl.gz", "b.jsonl", "shards"])
  }

  @Test("a folder can be written once at a time, under its name and as `.`")
  func folders() throws {
    let path = folder.path("run")
    try Folder.create(path)
    try OutputFolder.holding(path) {
      for other in [path + "/", path + "/.", path + "/../run"] {
        #expect(throws: OutputBusy.self) { try OutputFolder.holding(other) {} }
        #expect(throws: OutputBusy.self) { _ = try OutputFolder(path: other) }
      }
      // What is in it is not the folder.
      try replaceFile(at: path + "/run", with: "text")
    }
    try OutputFolder.holding(path) {}
    #expect(try folder.names() == ["run"])
    #expect(try Folder.list(path) == ["run"])
  }

  @Test("leaves no lock, committed or not")
  func noLitter() throws {
    try replaceFile(at: folder.path("a"), with: "text")
    func abandon() throws {
      let files = (try OutputFile(path: folder.path("b")), try OutputFolder(path: folder.path("c")))
      #expect(try folder.names().count == 5)
      withExtendedLifetime(files) {}
    }
    try abandon()
    #expect(try folder.names() == ["a"])
  }

  @Test("can be written after the process that had the lock has ended")
  func staleLock() throws {
    for text in ["", "lock of bugurt-gpt\ttg-dump\t1\thost\t1\t1\n", "lock of bu"] {
      try folder.write(text, to: ".out.lock")
      try replaceFile(at: folder.path("out"), with: "text")
      #expect(try folder.names() == ["out"])
    }
  }

  @Test(
    "a process that has just taken the lock is named, even if it has yet to write its name",
    arguments: ["lock of bu", "lock of bugurt-gpt\ttg-dump\t4194305\t-\t1\t1\n"])
  func lateName(_ before: String) throws {
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, 255)
    let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let path = try folder.write(before.replacing("\t-\t", with: "\t\(name)\t"), to: ".out.lock")
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    #expect(flock(descriptor, LOCK_EX) == 0)
    // Process 1 lives as long as the system; without the time of its start, it is taken to be this one.
    Thread.detachNewThread {
      let text = Array("lock of bugurt-gpt\tbpe-encode\t1\t\(name)\t0\t1\n".utf8)
      ftruncate(descriptor, 0)
      pwrite(descriptor, text, text.count, 0)
    }
    let error = #expect(throws: OutputBusy.self) { _ = try OutputFile(path: folder.path("out")) }
    #expect(error?.description.contains("(bpe-encode, process 1 on \(name), since ") == true)
  }

  @Test("a user's file in the place of the lock stays and is named")
  func foreignLock() throws {
    try folder.write("mine", to: ".out.lock")
    let path = folder.path("out")
    let error = #expect(throws: FileError.self) { _ = try OutputFile(path: path) }
    #expect(
      error?.description
        == "\(path): cannot create: File exists; \(folder.path(".out.lock")) is where its lock "
        + "belongs; move that file away")
    #expect(try folder.text(of: ".out.lock") == "mine")
  }

  @Test("removes what ended processes left unfinished, and nothing else")
  func leftovers() throws {
    // Process ids are below 4,194,304; process 1 lives as long as the system.
    let left = ["out.partial", "out.4194305.partial", "out.4194305-1.partial/0"]
    let kept = [
      "out.1.partial", "out.old.partial", "out.a.4194305.partial", "other.partial", "out.partial.x",
    ]
    for name in left + kept { try folder.write("half", to: name) }
    try replaceFile(at: folder.path("out"), with: "text")
    #expect(try folder.names() == (kept + ["out"]).sorted())
    try OutputFolder(path: folder.path("other")).commit()
    #expect(try !folder.names().contains("other.partial"))
  }

  @Test("may have a name of the greatest length")
  func longName() throws {
    let name = String(repeating: "ы", count: 127)
    try replaceFile(at: folder.path(name), with: "text")
    #expect(try folder.names() == [name])
  }

  @Test("whose name is too long is refused before anything is written")
  func tooLongName() throws {
    let path = folder.path(String(repeating: "ы", count: 128))
    let expected = "\(path): cannot create: File name too long; a name has at most 255 bytes"
    for open in [{ _ = try OutputFile(path: path) }, { _ = try OutputFolder(path: path) }] {
      let error = #expect(throws: FileError.self, performing: open)
      #expect(error?.description.hasPrefix(expected) == true)
    }
    #expect(try folder.names() == [])
  }

  @Test("an existing file with the same bytes keeps its times")
  func unchanged() throws {
    let path = try folder.write("text", to: "out")
    for isPacked in [false, true] {
      func write(_ text: String) throws -> Bool {
        let file = try OutputFile(path: path, isPacked: isPacked)
        try file.write(text)
        return try file.commit()
      }
      _ = try write("text")
      var (before, after) = (stat(), stat())
      #expect(stat(path, &before) == 0)
      #expect(try !write("text"))
      #expect(stat(path, &after) == 0 && before.st_ino == after.st_ino)
      for text in ["tent", "texts", ""] {
        #expect(try write(text))
        #expect(try !write(text))
      }
    }
    #expect(try folder.names() == ["out"])
  }

  @Test("an existing folder with the same files stays as it is")
  func unchangedFolder() throws {
    func write(_ files: [(String, String)]) throws -> Bool {
      let output = try OutputFolder(path: folder.path("out"))
      for (name, text) in files { try replaceFile(at: output.partialPath + "/" + name, with: text) }
      return try output.commit()
    }
    #expect(try write([("a", "1"), ("b/c", "2")]))
    #expect(try !write([("a", "1"), ("b/c", "2")]))
    #expect(try write([("a", "1"), ("b/c", "3")]))
    #expect(try write([("a", "1"), ("b/c", "3"), ("b/d", "")]))
    #expect(try write([("a", "1"), ("b", "3")]))
    #expect(try write([("a", "1")]))
    #expect(try !write([("a", "1")]))
    #expect(try folder.names() == ["out"])
    #expect(try Folder.list(folder.path("out")) == ["a"])
  }
}
