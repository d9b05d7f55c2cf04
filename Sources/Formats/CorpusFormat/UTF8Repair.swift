import FileSupport
import TextSupport

/// How bytes that are not UTF-8 are handled.
public enum InvalidUTF8Policy: String, CaseIterable, Sendable {
  /// The first one is an error.
  case fail
  /// Each invalid sequence is replaced with U+FFFD.
  case replace
  /// They are removed.
  case drop
}

/// Turns bytes that are not UTF-8 into UTF-8 as they are read.
///
/// The extent of an invalid sequence follows the Unicode standard (chapter 3, "U+FFFD Substitution
/// of Maximal Subparts"): as many bytes as could begin a valid character, or else one byte. The
/// result is therefore that of Python's `bytes.decode("utf-8", errors="replace")`, or `"ignore"`
/// with ``InvalidUTF8Policy/drop``.
///
///     let repair = UTF8Repair(path: "posts.txt", policy: .replace)
///     var lines = try LineReader(path: "posts.txt", filter: repair)
public final class UTF8Repair: InputFilter {
  /// The location of an invalid sequence.
  public struct Place: Equatable, Sendable {
    /// The line, counted from 1.
    public let line: Int
    /// The byte in the line, counted from 1.
    public let byte: Int

    public init(line: Int, byte: Int) {
      self.line = line
      self.byte = byte
    }
  }

  /// The maximum number of places that are kept.
  public static let placesKept = 5

  /// How invalid sequences are handled.
  public let policy: InvalidUTF8Policy
  /// The number of invalid sequences.
  public private(set) var sequences = 0
  /// The number of bytes in them.
  public private(set) var bytes = 0
  /// The first places of invalid sequences, at most ``placesKept``.
  public private(set) var places: [Place] = []

  /// A report of what was repaired: how much, and where.
  ///
  ///     posts.txt: 3 bytes in 2 places, not UTF-8, dropped: line 4, byte 7; line 9, byte 1
  public var summary: String {
    let count =
      (bytes == 1 ? "1 byte" : "\(bytes) bytes")
      + (sequences == 1 ? " in 1 place" : " in \(sequences) places")
    let end = policy == .replace ? "replaced by U+FFFD" : "dropped"
    let named = places.map { "line \($0.line), byte \($0.byte)" }.joined(separator: "; ")
    return "\(path): \(count), not UTF-8, \(end): \(named)"
      + (sequences > places.count ? "; and \(sequences - places.count) more" : "")
  }

  private let path: String
  /// The possible beginning of a character whose remaining bytes have not been read yet.
  private var held: [UInt8] = []
  private var line = 1
  /// The number of bytes of the line that have been read.
  private var lineBytes = 0

  /// Repairs the input named `path`.
  public init(path: String, policy: InvalidUTF8Policy) {
    self.path = path
    self.policy = policy
  }

  /// Includes a byte order mark in the byte positions of the first line.
  public func passOverMark(length: Int) { lineBytes += length }

  /// Appends `bytes` to `output`, with what is not UTF-8 handled according to the policy.
  ///
  /// - Throws: `InputError` at the first byte that is not UTF-8, with ``InvalidUTF8Policy/fail``.
  public func filter(
    _ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]
  ) throws {
    guard !held.isEmpty else { return try repair(bytes, isLast: isLast, into: &output) }
    let joined = held + bytes
    held = []
    try joined.withUnsafeBytes { try repair($0, isLast: isLast, into: &output) }
  }

  private func repair(
    _ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]
  ) throws {
    var rest = bytes
    while let offset = offsetOfInvalidUTF8(in: rest) {
      pass(UnsafeRawBufferPointer(rebasing: rest[..<offset]), into: &output)
      rest = UnsafeRawBufferPointer(rebasing: rest[offset...])
      let broken = brokenCharacter(in: rest)
      if broken.mayGoOn && !isLast {
        held = Array(rest)
        return
      }
      try note(rest, length: broken.length)
      if policy == .replace { output += [0xEF, 0xBF, 0xBD] }
      rest = UnsafeRawBufferPointer(rebasing: rest[broken.length...])
    }
    pass(rest, into: &output)
  }

  /// Appends `bytes`, which are UTF-8.
  private func pass(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    output.append(contentsOf: bytes)
    var newlines = 0
    for byte in bytes where byte == 0x0A { newlines &+= 1 }
    line += newlines
    let last = newlines > 0 ? bytes.lastIndex(of: 0x0A) : nil
    lineBytes = last.map { bytes.count - $0 - 1 } ?? lineBytes + bytes.count
  }

  /// Records the invalid sequence of `length` bytes that `text` begins with.
  private func note(_ text: UnsafeRawBufferPointer, length: Int) throws {
    if policy == .fail {
      throw CorpusReader.notUTF8(text, at: lineBytes, line: line, path: path)
    }
    if places.count < Self.placesKept { places.append(Place(line: line, byte: lineBytes + 1)) }
    sequences += 1
    bytes += length
    lineBytes += length
  }
}
