import CorpusFormat
import FileSupport
import Threading

/// What reading a corpus reports.
public enum CorpusEvent {
  /// The number of bytes of the files read so far, compressed where the files are; `total` if it is
  /// known.
  case read(bytes: Int, total: Int?)
  /// A file was read to its end, and some of its bytes were not UTF-8.
  case repaired(UTF8Repair)
  /// The number of tokens in the vocabulary being learned so far, and the number requested.
  case merged(tokens: Int, vocabularySize: Int)
}

/// Receives what is reported; an error stops the work and is thrown.
public typealias CorpusReport = (CorpusEvent) throws -> Void

/// The files of the corpus, and how they are read.
public struct CorpusInput: Sendable {
  public let paths: [String]
  /// How bytes that are not UTF-8 are handled.
  public let invalidUTF8: InvalidUTF8Policy
  /// The number of threads that work on the text.
  public let threads: Int

  /// The amount of text that a thread works on at a time: enough that taking turns costs nothing,
  /// but little enough that the text and its ids stay in the processor's caches.
  private static let bytesPerBlock = 1 << 18

  public init(paths: [String], invalidUTF8: InvalidUTF8Policy = .fail, threads: Int) {
    precondition(threads > 0)
    self.paths = paths
    self.invalidUTF8 = invalidUTF8
    self.threads = threads
  }

  /// The place of a block in the corpus.
  struct Place {
    /// The index of the file.
    var file = 0
    /// The number of lines before the block in its file.
    var lines = 0
    /// The number of bytes before the block in the line in which it begins.
    fileprivate var lineBytes = 0
  }

  /// Reads the files in blocks, has each processed with one of `states`, and takes the blocks in
  /// the order of reading.
  ///
  /// - Parameters:
  ///   - states: What each thread has to itself.
  ///   - lastCut: Finds the place at which a block ends; `nil` for blocks of whole lines.
  ///   - makeBlock: Makes a block; blocks are reused.
  ///   - work: Works on a block on any of the threads.
  ///   - report: Receives what was read and repaired.
  ///   - finish: Takes a block on the calling thread.
  /// - Throws: `InputError` for the first text that is not UTF-8; what reading, `report` and `finish`
  ///   throw.
  func forEachBlock<State, Block: CorpusBlock>(
    states: [State], lastCut: BlockReader.CutSearch? = nil,
    makeBlock: @escaping () -> Block,
    work: @escaping @Sendable (inout State, Block) -> Void,
    report: @escaping CorpusReport,
    finish: @escaping (Block, Place) throws -> Void
  ) throws {
    let total = try InputFile.totalSize(of: paths)
    var bytesBefore = 0
    for (file, path) in paths.enumerated() {
      let repair = invalidUTF8 == .fail ? nil : UTF8Repair(path: path, policy: invalidUTF8)
      var reader =
        if let lastCut {
          try BlockReader(
            path: path, as: .cleanedText, blockSize: Self.bytesPerBlock, filter: repair,
            lastCut: lastCut)
        } else {
          try CorpusReader.blocks(of: path, blockSize: Self.bytesPerBlock, filter: repair)
        }
      let input = reader.input
      var place = Place(file: file)
      try OrderedWork(
        makeBlock: makeBlock,
        read: { block in
          try report(.read(bytes: bytesBefore + input.bytesConsumed, total: total))
          return try reader.read(into: block.text)
        },
        work: work,
        finish: { block in
          if let failure = block.failure {
            let line = place.lines + failure.newlines + 1
            let offset =
              failure.lineBytes + (failure.newlines == 0 ? place.lineBytes : 0)
              + (line == 1 ? input.markLength : 0)
            throw CorpusReader.notUTF8(failure.text, at: offset, line: line, path: path)
          }
          try finish(block, place)
          place.lines += block.newlines
          place.lineBytes = block.lineBytes + (block.newlines == 0 ? place.lineBytes : 0)
        }
      ).run(states: states)
      if let repair, repair.sequences > 0 { try report(.repaired(repair)) }
      bytesBefore += input.bytesConsumed
    }
  }

  /// The error of a corpus of which nothing is left to train on.
  func error(allHeldBack posts: Int) -> InputError {
    InputError(
      paths.joined(separator: ", "),
      "all \(posts) posts went to validation; give more posts or a smaller --validation-fraction")
  }

  /// The error of a corpus without text.
  var isEmptyError: InputError {
    InputError(paths.joined(separator: ", "), "there is no text in it; expected one post per line")
  }
}
