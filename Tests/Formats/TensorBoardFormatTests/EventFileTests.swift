import TensorBoardFormat
import TestSupport
import Testing

@Suite("Event files of TensorBoard")
struct EventFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func bytes(_ hexadecimal: String) -> [UInt8] {
    hexadecimal.split(separator: " ").compactMap { UInt8($0, radix: 16) }
  }

  private func name(_ path: String) -> String { String(path.dropFirst(folder.path("").count)) }

  /// The data of the records in `file`, whose lengths must add up to its size.
  private func records(_ file: [UInt8]) throws -> [[UInt8]] {
    var records: [[UInt8]] = []
    var rest = file[...]
    while !rest.isEmpty {
      let count = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      try #require(rest.count >= count + 16)
      let data = Array(rest.dropFirst(12).prefix(count))
      #expect(record(data) == Array(rest.prefix(count + 16)))
      records.append(data)
      rest = rest.dropFirst(count + 16)
    }
    return records
  }

  @Test("a record is the data with its length, each with its masked CRC-32C")
  func checksum() {
    let record = record(Array("123456789".utf8))
    #expect(record.count == 12 + 9 + 4)
    #expect(record.prefix(8) == [9, 0, 0, 0, 0, 0, 0, 0])
    // CRC-32C of the check string of all CRCs is E3069283; masked, it is C78AB0E5.
    #expect(record.suffix(4) == [0xE5, 0xB0, 0x8A, 0xC7])
  }

  @Test("a scalar has the bytes that TensorBoard's own writer gives it")
  func scalar() throws {
    let written = EventRecord.values(
      [.scalar(tag: "train/loss", 3.5)], time: 1_700_000_000, step: 500)
    #expect(
      try records(written) == [
        bytes(
          """
          09 00 00 00 40 FC 54 D9 41 10 F4 03 2A 13 0A 11 0A 0A 74 72 61 69 6E 2F 6C 6F 73 73 15 00 \
          00 60 40
          """)
      ])
  }

  @Test("a text is a tensor of one string for the plugin of texts")
  func text() throws {
    let data = try records(EventRecord.values([.text(tag: "a", "КОТ")], time: 0, step: 0))[0]
    let value = bytes("0A 01 61 4A 08 0A 06 0A 04 74 65 78 74 42 0A 08 07 42 06 D0 9A D0 9E D0 A2")
    #expect(data == bytes("09 00 00 00 00 00 00 00 00 2A 1B 0A 19") + value)
  }

  @Test("a file begins with its version and the first step of its session")
  func beginning() throws {
    let events = EventFolder(newIn: folder.path("runs"))
    let file = try events.makeFile(firstStep: 7)
    let written = try records(folder.bytes(of: name(file.path)))
    try #require(written.count == 2)
    #expect(Array(written[0].dropFirst(9)) == bytes("1A 0D") + Array("brain.Event:2".utf8))
    #expect(Array(written[1].dropFirst(9)) == bytes("10 07 3A 02 08 01"))
  }

  @Test(
    "the file of a later session comes after those of earlier ones, even if the clock went back")
  func order() throws {
    let events = EventFolder(newIn: folder.path("runs"))
    let first = try events.makeFile(firstStep: 0).path
    let second = try events.makeFile(firstStep: 6).path
    let future = "\(events.path)/events.out.tfevents.4000000000.vm.1.0"
    try folder.write("", to: name(future))
    let third = try events.makeFile(firstStep: 9).path
    #expect([first, second, future, third].sorted() == [first, second, future, third])
    #expect(third.contains(".4000000001."))
  }

  @Test("the folder to go on in is the one with the newest file, if there is any")
  func newest() throws {
    #expect(try EventFolder(newestIn: folder.path("runs")) == nil)
    for (name, seconds) in [("Nov30_a", 1_800_000_000), ("Dec01_a", 1_900_000_000), ("b", 7)] {
      try folder.write("", to: "runs/\(name)/events.out.tfevents.\(seconds).vm.1.0")
    }
    try folder.write("", to: "runs/Empty/notes.txt")
    let newest = try #require(try EventFolder(newestIn: folder.path("runs")))
    #expect(newest.path == folder.path("runs/Dec01_a"))
  }

  @Test("values appended together make one record")
  func group() throws {
    let file = try EventFolder(newIn: folder.path("runs")).makeFile(firstStep: 0)
    let path = name(file.path)
    let before = try records(folder.bytes(of: path)).count
    try file.append([.scalar(tag: "a", 1), .scalar(tag: "b", .nan), .text(tag: "c", "x")], step: 3)
    #expect(try records(folder.bytes(of: path)).count == before + 1)
  }
}
