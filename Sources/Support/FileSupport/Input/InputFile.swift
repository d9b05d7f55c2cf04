import Glibc

/// A file read from beginning to end; gzip is recognised by its first bytes and decompressed.
///
/// The path `-` stands for standard input. A byte order mark at the beginning of a text is skipped;
/// anything that is clearly not UTF-8 text, such as UTF-16 or an archive, is rejected.
public final class InputFile {
  /// What a file is read as.
  public enum Content: Sendable {
    /// UTF-8 text.
    case text
    /// UTF-8 text, but not one of the files that the pipeline produces it from.
    case cleanedText
    /// Any bytes.
    case bytes
  }

  /// The path of the file.
  public let path: String
  /// The size of the file in bytes, before decompression; `nil` for a pipe.
  public let size: Int?
  /// How many bytes of the file have been read, before decompression; for progress.
  public private(set) var bytesConsumed = 0

  /// How many bytes can be read in total; `nil` if unknown in advance.
  package var unpackedSize: Int? { gzip == nil && filtered == nil ? size : nil }
  /// Whether reading has shown that the file ends inside its gzip stream.
  public var isCutOff: Bool { gzip?.isCutOff == true }

  private let descriptor: Int32
  private var gzip: GzipDecoder?
  private let filtered: FilteredBytes?
  private let beginning: TextBeginning?
  /// Bytes that were read to recognise gzip and have not been returned yet.
  private var head: [UInt8] = []

  /// Opens the file at `path`; its bytes pass through `filter`.
  ///
  /// - Throws: ``FileError``.
  public init(
    path: String, as content: Content = .text, filter: (any InputFilter)? = nil
  ) throws {
    self.path = path
    beginning = content == .bytes ? nil : TextBeginning(path: path, content)
    filtered = filter.map(FilteredBytes.init)
    descriptor =
      path == "-"
      ? STDIN_FILENO
      : try systemCall(.open, path, mayStall: true) { open(path, O_RDONLY | O_CLOEXEC) }
    var status = stat()
    fstat(descriptor, &status)
    size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    guard status.st_mode & S_IFMT != S_IFDIR else {
      if descriptor != STDIN_FILENO { close(descriptor) }
      throw FileError(path: path, operation: .read, code: EISDIR)
    }
    while head.count < 2 {
      let added = try [UInt8](unsafeUninitializedCapacity: 2 - head.count) { bytes, count in
        count = try readRaw(UnsafeMutableRawBufferPointer(bytes))
      }
      if added.isEmpty { break }
      head += added
    }
    if head == [0x1F, 0x8B] { gzip = GzipDecoder(path: path) }
  }

  deinit {
    if descriptor > STDIN_FILENO { close(descriptor) }
  }

  /// The total size of the files at `paths` in bytes, before decompression; `nil` if one is a pipe.
  ///
  /// - Throws: ``FileError``.
  public static func totalSize(of paths: [String]) throws -> Int? {
    var total = 0
    for path in paths {
      // Opening a pipe would consume its first bytes.
      guard path != "-", !Folder.hasPipe(path), let size = try InputFile(path: path).size
      else { return nil }
      total += size
    }
    return total
  }

  /// Reads up to `buffer.count` bytes and returns their number; 0 only at the end.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged, or if the beginning of
  ///   the file shows that it is something else; what the filter throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let filtered else { return try readContent(buffer) }
    return try filtered.read(into: buffer) {
      self.markLength
    } refill: {
      try self.readContent($0)
    }
  }

  /// Reads `count` bytes, or fewer at the end.
  func read(upTo count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
      while filled < count {
        let room = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(bytes)[filled...])
        let added = try read(into: room)
        if added == 0 { break }
        filled += added
      }
    }
  }

  /// The length of the byte order mark that was skipped; 0 before anything was read.
  public var markLength: Int { beginning?.markLength ?? 0 }

  private func readContent(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let beginning else { return try readUnpacked(buffer) }
    return try beginning.read(into: buffer) { try self.readUnpacked($0) }
  }

  private func readUnpacked(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let gzip else { return try readWithHead(buffer) }
    return try gzip.read(into: buffer) { try self.readWithHead($0) }
  }

  private func readWithHead(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !head.isEmpty, buffer.count > 0 else { return try readRaw(buffer) }
    let count = min(head.count, buffer.count)
    buffer.copyBytes(from: head[..<count])
    head.removeFirst(count)
    return count
  }

  private func readRaw(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try systemCall(.read, path, mayStall: true) {
      Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    }
    bytesConsumed += count
    return count
  }
}
