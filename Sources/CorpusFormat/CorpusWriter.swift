import FileSupport
import Glibc

/// How the posts of a cleaned text stand in their file.
public enum CorpusLayout: Sendable {
  /// One post a line, each with a newline behind it: contract 2 of `docs/formats.md`.
  case onePostALine
  /// One post behind the other with nothing between them, as the original recipe wrote them.
  case unseparated
}

/// Writes cleaned text; the file takes its name only when it is whole.
public final class CorpusWriter {
  /// How the posts stand in the file.
  public let layout: CorpusLayout
  /// How many posts were written.
  public private(set) var postCount = 0
  /// How many characters (Unicode scalars) the posts have, newlines not counted.
  public private(set) var characterCount = 0
  /// How many bytes of UTF-8 the posts have, newlines not counted.
  public private(set) var byteCount = 0

  private let file: OutputFile

  /// Creates the file at `path`, and the folders above it where they are missing.
  ///
  /// The path `-` stands for standard output, which is written as it comes.
  ///
  /// - Throws: `FileError`.
  public init(path: String, layout: CorpusLayout = .onePostALine) throws {
    file = try OutputFile(path: path)
    self.layout = layout
  }

  /// Appends a post, which must be UTF-8; in lines it must be one line, and not an empty one.
  ///
  /// - Throws: `FileError`.
  public func write(_ post: UnsafeRawBufferPointer) throws {
    postCount += 1
    byteCount += post.count
    characterCount += unicodeScalarCount(of: post)
    switch layout {
    case .unseparated: try file.write(post)
    case .onePostALine:
      guard let base = post.baseAddress, memchr(base, 0x0A, post.count) == nil, !post.isEmpty else {
        preconditionFailure("a post of a cleaned text is one line, and not an empty one")
      }
      try file.write(post)
      try file.write([0x0A])
    }
  }

  /// Brings everything to the disk, without the name as yet; after this ``commit()`` hardly fails.
  ///
  /// - Throws: `FileError`.
  public func synchronize() throws {
    try file.synchronize()
  }

  /// Brings everything to the disk and gives the file its name.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  public func commit() throws {
    try file.commit()
  }
}
