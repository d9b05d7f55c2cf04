import FileSupport
import Glibc

/// A folder in memory for parsers that read files; it lives as long as the process.
final class Scratch: Sendable {
  /// The path of the folder.
  let path: String

  init() throws {
    var template = Array("/dev/shm/fuzz-XXXXXX".utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer {
      $0.baseAddress.flatMap { mkdtemp($0) } != nil
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard isMade else { throw FileError(path: path, operation: .create) }
  }

  /// The path of the file `name` in the folder, which now holds `bytes`.
  func file(_ name: String, holding bytes: UnsafeRawBufferPointer) throws -> String {
    let path = "\(path)/\(name)"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError(path: path, operation: .create) }
    defer { close(descriptor) }
    guard write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
      throw FileError(path: path, operation: .write)
    }
    return path
  }

  /// Removes the folder.
  func remove() {
    try? Folder.remove(path)
  }
}

/// What a parser keeps between runs, in `.build/fuzz/<parser>` of the working folder.
struct ParserFolder {
  let path: String
  /// The folder of the seeds and of all inputs that reached something new.
  var inputs: String { path + "/inputs" }
  /// The words of inputs, in the format of libFuzzer.
  var dictionary: String { path + "/words" }

  init(of parser: FuzzedParser) throws {
    path = ".build/fuzz/\(parser.name)"
    try Folder.create(inputs)
    for (number, seed) in (parser.seeds.map { Array($0.utf8) } + parser.binarySeeds).enumerated() {
      try replaceFile(at: "\(inputs)/seed-\(number)", with: seed)
    }
    try replaceFile(at: dictionary, with: parser.words.map(Self.entry).joined())
  }

  /// The line of the dictionary for `word`, which may have any bytes.
  private static func entry(_ word: String) -> String {
    let bytes = word.utf8.map { "\\x" + ($0 < 0x10 ? "0" : "") + String($0, radix: 16) }
    return "\"\(bytes.joined())\"\n"
  }
}
