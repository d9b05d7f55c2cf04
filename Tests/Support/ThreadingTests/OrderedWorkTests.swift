import FileSupport
import Foundation
import Testing
import Threading

@Suite("OrderedWork")
struct OrderedWorkTests {
  /// A block with a number and what came of it.
  final class Block {
    var number = 0
    var square = 0
    var worker = 0
  }

  struct Failure: Error, Equatable {
    let number: Int
  }

  /// Squares the numbers below `count` with `threads` threads; the later ones take less time.
  private func squares(
    _ count: Int, threads: Int, failingRead: Int? = nil, failingFinish: Int? = nil
  ) throws -> (results: [Int], blocks: Int) {
    var next = 0
    var results: [Int] = []
    var blocks = 0
    try OrderedWork<Int, Block>(
      makeBlock: {
        blocks += 1
        return Block()
      },
      read: { block in
        if next == failingRead { throw Failure(number: next) }
        block.number = next
        next += 1
        return block.number < count
      },
      work: { worker, block in
        if block.number % 7 == 0 { usleep(500) }
        block.square = block.number * block.number
        block.worker = worker
      },
      finish: { block in
        if block.number == failingFinish { throw Failure(number: block.number) }
        results.append(block.square)
      }
    ).run(states: Array(0..<threads))
    return (results, blocks)
  }

  @Test("gives all results in the order of reading", arguments: [1, 2, 3, 8, 40], [0, 1, 5, 400])
  func order(threads: Int, count: Int) throws {
    let (results, blocks) = try squares(count, threads: threads)
    #expect(results == (0..<count).map { $0 * $0 })
    #expect(blocks <= threads * 2)
  }

  @Test(
    "reports a failure in reading only after finishing what was read before",
    arguments: [1, 2, 8])
  func failures(threads: Int) {
    #expect(throws: Failure(number: 30)) { try squares(100, threads: threads, failingRead: 30) }
    #expect(throws: Failure(number: 29)) {
      try squares(100, threads: threads, failingRead: 30, failingFinish: 29)
    }
    #expect(throws: Failure(number: 3)) { try squares(100, threads: threads, failingFinish: 3) }
  }
}
