import FileSupport
import TextSupport

/// A file of weights written by `torch.save`, mapped into memory and checked: a zip file from torch
/// 1.6 or later, or the legacy format of earlier versions.
///
/// Nothing in it is executed. Everything except a dictionary of tensors is rejected.
public struct PyTorchFile: Sendable {
  /// The path of the file.
  public let path: String
  /// The tensors by their names.
  public let tensors: [String: StoredTensor]

  /// Maps and checks the file at `path`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if it is not a complete file of weights.
  public init(path: String) throws {
    let file = try MappedFile(path: path, keepingOpen: true)
    self.path = path
    if file.bytes.starts(with: [0x50, 0x4B, 3, 4]) {
      tensors = try Self.readZip(file)
    } else if file.bytes.starts(with: LegacyFile.magicNumber) {
      tensors = try LegacyFile(file).tensors()
    } else if let problem = MisplacedFile.problem(of: file.bytes) {
      throw InputError(path, problem)
    } else if file.bytes.count > 8, file.bytes[8] == UInt8(ascii: "{") {
      throw InputError(path, "this looks like a safetensors file; name it *.safetensors")
    } else {
      throw InputError(
        path, .byte(0), "neither a zip file nor the legacy format: torch.save did not write this")
    }
  }

  private static func readZip(_ file: MappedFile) throws -> [String: StoredTensor] {
    let entries = try ZipArchive(file).entries
    // All entries are in one folder, whose name does not matter.
    let pickles = entries.keys.filter {
      $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2
    }
    guard let pickle = pickles.first, pickles.count == 1, let range = entries[pickle] else {
      throw InputError(
        file.path,
        "the zip file holds \(pickles.count) entries <folder>/data.pkl, expected one: "
          + "torch.save did not write this")
    }
    let folder = pickle.dropLast("data.pkl".count)
    if let range = entries[folder + "byteorder"] {
      let order = String(decoding: file.bytes[range].prefix(16), as: UTF8.self)
      guard order == "little" else {
        throw InputError(
          file.path, .byte(range.lowerBound),
          "the byte order is '\(excerpt(order))', expected 'little'; save the weights on a "
            + "little-endian machine")
      }
    }
    var unpickler = Unpickler(file, in: range)
    let root = try unpickler.load()
    guard unpickler.position == range.upperBound else {
      throw InputError(
        file.path, .byte(unpickler.position), "bytes follow the pickle in '\(excerpt(pickle))'")
    }
    var starts: [String: Int] = [:]
    for storage in unpickler.storages.values {
      guard let range = entries["\(folder)data/\(storage.key)"] else {
        throw InputError(
          file.path, "the zip file lacks the entry '\(folder)data/\(excerpt(storage.key))'")
      }
      guard range.count == storage.byteCount else {
        throw InputError(
          file.path, .byte(range.lowerBound),
          "storage '\(excerpt(storage.key))' has \(range.count) bytes, expected \(storage.count) elements "
            + "of \(storage.type.rawValue)")
      }
      starts[storage.key] = range.lowerBound
    }
    return try stateDictionary(root, unpickler, file: file, starts: starts)
  }

  /// The tensors in the dictionary `root`, whose storages begin at `starts`.
  fileprivate static func stateDictionary(
    _ root: PickleValue, _ unpickler: Unpickler, file: MappedFile, starts: [String: Int]
  ) throws -> [String: StoredTensor] {
    func failure(_ problem: String) -> InputError {
      InputError(
        file.path, problem + "; expected a state_dict: torch.save(model.state_dict(), …)")
    }
    guard case .dictionary(let index) = root else { throw failure("holds \(root.kind)") }
    let items = unpickler.elements(ofContainer: index)
    var tensors: [String: StoredTensor] = [:]
    for index in stride(from: 0, to: items.count, by: 2) {
      guard let name = items[index].string else {
        throw failure("a key of the dictionary is \(items[index].kind)")
      }
      guard case .tensor(let tensor) = items[index + 1], let start = starts[tensor.storage.key]
      else { throw failure("'\(excerpt(name))' is \(items[index + 1].kind)") }
      let stored = StoredTensor(
        name: name, type: tensor.storage.type, shape: tensor.shape, file: file,
        start: start + tensor.offset * tensor.storage.type.blockSize, strides: tensor.strides)
      guard tensors.updateValue(stored, forKey: name) == nil else {
        throw failure("'\(excerpt(name))' appears twice in the dictionary")
      }
    }
    return tensors
  }
}

/// The format of torch before 1.6: five pickles in a row, then the storages.
private struct LegacyFile {
  /// The first pickle: 0x1950A86A20F9469CFC6C.
  static let magicNumber: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  private let file: MappedFile

  init(_ file: MappedFile) {
    self.file = file
  }

  func tensors() throws -> [String: StoredTensor] {
    var position = Self.magicNumber.count
    func next() throws -> (PickleValue, Unpickler) {
      var unpickler = Unpickler(file, in: position..<file.bytes.count)
      let value = try unpickler.load()
      position = unpickler.position
      return (value, unpickler)
    }
    let versionPosition = position
    guard try next().0.integer == 1001 else {
      throw InputError(
        file.path, .byte(versionPosition), "expected version 1001 of the legacy format")
    }
    try checkSystem(at: position, next())
    let (root, unpickler) = try next()
    let keysPosition = position
    let (keyList, keyUnpickler) = try next()
    guard case .list(let index) = keyList else {
      throw InputError(
        file.path, .byte(keysPosition), "expected the list of storages, found \(keyList.kind)")
    }
    var starts: [String: Int] = [:]
    for key in keyUnpickler.elements(ofContainer: index) {
      guard let storage = key.string.flatMap({ unpickler.storages[$0] }) else {
        throw InputError(
          file.path, .byte(keysPosition),
          "the list of storages names \(key.string.map { "'\(excerpt($0))'" } ?? key.kind), "
            + "which no tensor uses")
      }
      guard starts[storage.key] == nil else {
        throw InputError(
          file.path, .byte(keysPosition), "storage '\(excerpt(storage.key))' is listed twice")
      }
      starts[storage.key] = try start(of: storage, at: &position)
    }
    guard position == file.bytes.count else {
      throw InputError(
        file.path, .byte(position),
        "\(file.bytes.count - position) bytes follow the last storage")
    }
    for key in unpickler.storages.keys.sorted() where starts[key] == nil {
      throw InputError(
        file.path, .byte(keysPosition), "storage '\(excerpt(key))' is not in the list of storages"
      )
    }
    return try PyTorchFile.stateDictionary(root, unpickler, file: file, starts: starts)
  }

  /// Checks the dictionary that describes the machine.
  private func checkSystem(at position: Int, _ pickle: (PickleValue, Unpickler)) throws {
    guard case .dictionary(let dictionary) = pickle.0 else {
      throw InputError(
        file.path, .byte(position), "expected a description of the machine, found \(pickle.0.kind)")
    }
    let items = pickle.1.elements(ofContainer: dictionary)
    for index in stride(from: 0, to: items.count, by: 2)
    where items[index].string == "little_endian" {
      guard case .boolean(true) = items[index + 1] else { break }
      return
    }
    throw InputError(
      file.path, .byte(position),
      "the byte order is not little-endian; save the weights on a little-endian machine")
  }

  /// Where the numbers of `storage` begin; reads their count at `position` and moves past them.
  private func start(of storage: StorageReference, at position: inout Int) throws -> Int {
    let bytes = file.bytes
    guard bytes.count - position >= 8 else {
      throw InputError(
        file.path, .byte(bytes.count),
        "storage '\(excerpt(storage.key))' is missing: the file is cut off")
    }
    let count = bytes.loadUnaligned(fromByteOffset: position, as: Int64.self).littleEndian
    guard count == storage.count else {
      throw InputError(
        file.path, .byte(position),
        "storage '\(excerpt(storage.key))' has \(count) elements, its tensors expect \(storage.count)"
      )
    }
    let start = position + 8
    guard bytes.count - start >= storage.byteCount else {
      throw InputError(
        file.path, .byte(bytes.count),
        "storage '\(excerpt(storage.key))' needs \(storage.byteCount) bytes from byte \(start) on: the file "
          + "is cut off")
    }
    position = start + storage.byteCount
    return start
  }
}
