import FileSupport
import TextSupport

/// The entries of an uncompressed zip file, as `torch.save` writes it.
struct ZipArchive {
  /// The byte range of each entry in the file, by its name.
  let entries: [String: Range<Int>]

  /// Reads the central directory of `file` and checks it against the local headers.
  ///
  /// - Throws: ``InputError`` if the file is truncated, or has compressed or encrypted entries.
  init(_ file: MappedFile) throws {
    let bytes = ZipBytes(file)
    let directory = try bytes.directory()
    var entries: [String: Range<Int>] = [:]
    var position = directory.range.lowerBound
    for _ in 0..<directory.count {
      let entry = try bytes.entry(at: &position, in: directory.range)
      guard entries.updateValue(entry.range, forKey: entry.name) == nil else {
        throw InputError(file.path, "the zip file has two entries '\(excerpt(entry.name))'")
      }
    }
    guard position == directory.range.upperBound else {
      throw bytes.failure(position, "the central directory does not end after its last entry")
    }
    var end = 0
    for (name, range) in entries.sorted(by: { $0.value.lowerBound < $1.value.lowerBound })
    where !range.isEmpty {
      guard range.lowerBound >= end, range.upperBound <= directory.range.lowerBound else {
        throw bytes.failure(
          range.lowerBound, "entry '\(excerpt(name))' overlaps another part of the file")
      }
      end = range.upperBound
    }
    self.entries = entries
  }
}

/// The bytes of a zip file, with checked access.
private struct ZipBytes {
  private let file: MappedFile

  init(_ file: MappedFile) {
    self.file = file
  }

  func failure(_ position: Int, _ problem: String) -> InputError {
    InputError(file.path, .byte(position), problem)
  }

  private func unsigned(_ position: Int, _ size: Int) -> Int? {
    guard position >= 0, position <= file.bytes.count - size else { return nil }
    // An 8-byte number that does not fit is not an offset in a file.
    return Int(
      exactly: file.bytes[position..<position + size].reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      })
  }

  private func number(_ position: Int, _ size: Int, _ what: String) throws -> Int {
    guard let number = unsigned(position, size) else {
      throw failure(max(0, position), "\(what) goes past the end: the file is cut off or damaged")
    }
    return number
  }

  private func hasSignature(_ signature: [UInt8], at position: Int) -> Bool {
    position >= 0 && position <= file.bytes.count - 4
      && file.bytes[position..<position + 4].elementsEqual(signature)
  }

  /// Finds the central directory and its number of entries.
  func directory() throws -> (range: Range<Int>, count: Int) {
    let size = file.bytes.count
    let earliest = max(0, size - 22 - 0xFFFF)
    var position = size - 22
    // A comment after the record may also contain its signature, but not with the right length.
    while position >= earliest,
      !hasSignature([0x50, 0x4B, 5, 6], at: position)
        || unsigned(position + 20, 2) != size - position - 22
    {
      position -= 1
    }
    guard position >= earliest else {
      throw failure(size, "the zip file has no central directory: it is cut off")
    }
    let what = "the end of the central directory"
    var count = try number(position + 10, 2, what)
    var length = try number(position + 12, 4, what)
    var start = try number(position + 16, 4, what)
    var isSplit = try number(position + 4, 2, what) != 0 || number(position + 8, 2, what) != count
    var end = position
    if hasSignature([0x50, 0x4B, 6, 7], at: position - 20) {
      let record = try number(position - 20 + 8, 8, what)
      guard hasSignature([0x50, 0x4B, 6, 6], at: record) else {
        throw failure(record, "there is no zip64 end record here")
      }
      count = try number(record + 32, 8, what)
      length = try number(record + 40, 8, what)
      start = try number(record + 48, 8, what)
      isSplit = try number(record + 16, 4, what) != 0 || number(record + 24, 8, what) != count
      end = record
    }
    guard !isSplit else { throw failure(position, "the zip file is one of several parts") }
    guard start <= end, length == end - start else {
      throw failure(position, "the central directory of \(length) bytes is not at byte \(start)")
    }
    return (start..<start + length, count)
  }

  /// Reads the entry of the central directory at `position` and moves past it.
  func entry(
    at position: inout Int, in directory: Range<Int>
  ) throws -> (name: String, range: Range<Int>) {
    guard hasSignature([0x50, 0x4B, 1, 2], at: position), position + 46 <= directory.upperBound
    else {
      throw failure(position, "there is no entry of the central directory here")
    }
    let what = "an entry of the central directory"
    let nameRange = position + 46..<position + 46 + (try number(position + 28, 2, what))
    let extraEnd = nameRange.upperBound + (try number(position + 30, 2, what))
    let end = extraEnd + (try number(position + 32, 2, what))
    guard end <= directory.upperBound else { throw failure(position, "\(what) is cut off") }
    guard let name = String(validating: file.bytes[nameRange], as: UTF8.self) else {
      throw failure(nameRange.lowerBound, "the name of an entry is not UTF-8")
    }
    func refused(_ problem: String) -> InputError {
      failure(position, "entry '\(excerpt(name))' \(problem)")
    }
    let flags = try number(position + 8, 2, what)
    let method = try number(position + 10, 2, what)
    guard flags & 0x2041 == 0 else { throw refused("is encrypted") }
    guard method == 0 else {
      throw refused(
        "is compressed (method \(method)), unlike the entries that torch.save writes: unpack the file "
          + "and save the weights again")
    }
    var packedSize = try number(position + 20, 4, what)
    var size = try number(position + 24, 4, what)
    var header = try number(position + 42, 4, what)
    try readZip64(nameRange.upperBound..<extraEnd, &size, &packedSize, &header)
    guard size == packedSize else {
      throw refused("has \(size) bytes, but occupies \(packedSize) without being compressed")
    }
    // The sizes in the local header may be 0; its name and extra field determine where the data
    // begins.
    guard hasSignature([0x50, 0x4B, 3, 4], at: header) else {
      throw refused("should begin at byte \(header), but does not")
    }
    let localName = header + 30..<header + 30 + (try number(header + 26, 2, what))
    let start = localName.upperBound + (try number(header + 28, 2, what))
    guard start <= file.bytes.count, size <= file.bytes.count - start else {
      throw refused("goes past the end of the file: it is cut off")
    }
    guard file.bytes[localName].elementsEqual(file.bytes[nameRange]) else {
      throw refused("has another name where its data is")
    }
    position = end
    return (name, start..<start + size)
  }

  /// Reads the numbers that need 8 bytes from the extra field with the id 1.
  private func readZip64(
    _ extra: Range<Int>, _ size: inout Int, _ packedSize: inout Int, _ header: inout Int
  ) throws {
    let what = "an extra field"
    let missing = 0xFFFF_FFFF
    guard size == missing || packedSize == missing || header == missing else { return }
    var position = extra.lowerBound
    while position + 4 <= extra.upperBound {
      let id = try number(position, 2, what)
      let end = position + 4 + (try number(position + 2, 2, what))
      guard end <= extra.upperBound else { throw failure(position, "\(what) is cut off") }
      guard id == 1 else {
        position = end
        continue
      }
      position += 4
      func next(_ value: inout Int) throws {
        guard value == missing else { return }
        guard position + 8 <= end else { throw failure(position, "\(what) is cut off") }
        value = try number(position, 8, what)
        position += 8
      }
      try next(&size)
      try next(&packedSize)
      try next(&header)
      return
    }
  }
}
