import FileSupport
import Synchronization
import Threading

/// Counts the words of texts, in several threads where there are many.
///
/// Which thread counted what does not show in the sums, and the order of words in no vocabulary.
struct WordCounter: Sendable {
  private let preTokenizer = PreTokenizer()
  /// What each thread counted.
  private var counts: [WordCounts]

  /// Bytes that are worth taking from the others' work at once.
  private static let partBytes = 1 << 17

  init(threads: Int) {
    precondition(threads > 0)
    counts = Array(repeating: WordCounts(), count: threads)
  }

  /// Counts the words of `text` `times` times.
  mutating func add(_ text: UnsafeRawBufferPointer, times: Int = 1) throws(InvalidUTF8) {
    try preTokenizer.count(text, times: times, in: &counts[0])
  }

  /// Counts the words of `batch`.
  ///
  /// - Throws: ``InvalidUTF8`` of the first text that is not UTF-8; its offset is that in the text.
  mutating func add(_ batch: TextBatch) throws(InvalidUTF8) {
    let parts = batch.parts(byteCount: Self.partBytes)
    let workers = counts.map { Worker($0, preTokenizer) }
    // The workers' tables are changed in place only while no one else holds them.
    counts = []
    let next = Atomic<Int>(0)
    inThreads(min(workers.count, parts.count)) { index in
      while true {
        let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard part < parts.count else { return }
        workers[index].add(parts[part], of: batch)
      }
    }
    counts = workers.map { $0.takeCounts() }
    let failures = workers.compactMap(\.failure)
    if let first = failures.min(by: { $0.text < $1.text }) { throw first.error }
  }

  /// All counts together; none is left.
  mutating func takeSum() -> WordCounts {
    var sum = counts.removeLast()
    while let other = counts.popLast() { sum.add(other) }
    counts = [WordCounts()]
    return sum
  }

  /// What belongs to one thread while texts are counted; no other touches it until all are done.
  private final class Worker: @unchecked Sendable {
    private var counts: WordCounts
    private let preTokenizer: PreTokenizer
    private(set) var failure: (text: Int, error: InvalidUTF8)?

    init(_ counts: WordCounts, _ preTokenizer: PreTokenizer) {
      self.counts = counts
      self.preTokenizer = preTokenizer
    }

    func add(_ texts: Range<Int>, of batch: TextBatch) {
      batch.bytes.withUnsafeBytes { bytes in
        for text in texts {
          do throws(InvalidUTF8) {
            try preTokenizer.count(
              UnsafeRawBufferPointer(rebasing: bytes[batch.range(text)]), times: 1, in: &counts)
          } catch {
            if text < failure?.text ?? Int.max { failure = (text, error) }
          }
        }
      }
    }

    func takeCounts() -> WordCounts {
      defer { counts = WordCounts() }
      return counts
    }
  }
}

extension PreTokenizer {
  /// Longer words are cut, so that places in them fit into a cell of ``MergedWords``.
  private static let longestWord = 1 << 30

  @inline(__always)
  fileprivate func count(
    _ text: UnsafeRawBufferPointer, times: Int, in counts: inout WordCounts
  ) throws(InvalidUTF8) {
    let text = text.bindMemory(to: UInt8.self)
    var start = 0
    while start < text.count {
      let end = min(try pieceEnd(in: text, from: start), start + Self.longestWord)
      counts.add(UnsafeBufferPointer(rebasing: text[start..<end]), times: times)
      start = end
    }
  }
}
