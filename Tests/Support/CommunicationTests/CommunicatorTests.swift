import CommandLineSupport
import Communication
import FileSupport
import TestSupport
import Testing

@Suite("Communicator")
struct CommunicatorTests {
  @Test("a single process has only itself")
  func alone() throws {
    let alone = Communicator.alone
    #expect((alone.rank, alone.size, alone.isRoot) == (0, 1, true))
    #expect(alone.gather([1.5]) == [[1.5]])
    #expect(alone.inTurns(3) { Double($0) } == [0, 1, 2])
    #expect(throws: Stop.self) { try alone.together { throw Stop() } }
    var floats: [Float] = [1, 2]
    floats.withUnsafeMutableBufferPointer { alone.sum($0, contributors: 1) }
    #expect(floats == [1, 2])
  }

  @Test("everybody gets what everybody passes", arguments: 1...7)
  func gather(size: Int) throws {
    let results = withRanks(size) { ranks in
      (
        ranks.gather(Array("\(String(repeating: "x", count: ranks.rank))".utf8)).map(\.count),
        ranks.gather([Double(ranks.rank), -1]), ranks.hosts, ranks.root(ranks.rank == 0),
        ranks.inTurns(11) { Double($0 * $0) }, ranks.broadcast(ranks.isRoot ? [7, 8] : []),
        ranks.places
      )
    }
    for result in results {
      let (bytes, numbers, hosts, root, turns, sent, places) = try result.get()
      #expect(bytes == Array(0..<size))
      #expect(numbers == (0..<size).map { [Double($0), -1] })
      #expect(hosts == (0..<size).map { size == 1 ? "node0" : "node\($0)" })
      #expect(root)
      #expect(
        places == "\(size) process\(size == 1 ? "" : "es"): "
          + hosts.map { "1 on \($0)" }.joined(separator: ", "))
      #expect(turns == (0..<11).map { Double($0 * $0) })
      #expect(sent == [7, 8])
    }
  }

  @Test("memory of several pieces is passed on", arguments: [2, 3, 5])
  func broadcast(size: Int) throws {
    let count = 3 << 20 + 5
    for result in withRanks(
      size,
      { ranks in
        var bytes = (0..<count).map { ranks.isRoot ? UInt8(truncatingIfNeeded: $0 &* 31) : 0 }
        bytes.withUnsafeMutableBytes { ranks.broadcast($0) }
        return bytes.indices.allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: $0 &* 31) }
      })
    {
      #expect(try result.get())
    }
  }

  /// Numbers whose sum depends on the order.
  private static func terms(_ rank: Int, _ count: Int) -> [Float] {
    (0..<count).map { Float(($0 &* 7919 &+ rank &* 104729) % 1009) / 7 * (rank % 2 == 0 ? 1 : -3) }
  }

  /// The sum of neighbours first, then of neighbouring pairs, and so on.
  private static func sum(_ terms: [[Float]]) -> [Float] {
    guard terms.count > 1 else { return terms[0] }
    var half = 1
    while 2 * half < terms.count { half *= 2 }
    return zip(sum(Array(terms[..<half])), sum(Array(terms[half...]))).map { $0 + $1 }
  }

  @Test(
    "sums have the bits of one order, whatever the size and place",
    arguments: [(2, 2), (3, 3), (4, 4), (5, 5), (7, 7), (4, 3), (5, 1), (8, 6)])
  func sum(size: Int, contributors: Int) throws {
    // More than a bucket, a few numbers, and fewer than there are processes.
    for count in [1 << 22 + 3, 100, 3] {
      let expected = Self.sum((0..<contributors).map { Self.terms($0, count) })
      for result in withRanks(
        size,
        { ranks in
          var floats = Self.terms(ranks.rank, count)
          floats.withUnsafeMutableBufferPointer { ranks.sum($0, contributors: contributors) }
          return floats == expected
        })
      {
        #expect(try result.get(), "\(count) numbers")
      }
    }
  }

  @Test(
    "the parts of a sum, gathered, are the sum", arguments: [(2, 1), (3, 16), (4, 1000)])
  func parts(size: Int, unit: Int) throws {
    for count in [1 << 20 + 7, 100, 3] {
      let expected = Self.sum((0..<size).map { Self.terms($0, count) })
      let division = Division(count: count, among: size, unit: unit)
      for (rank, result) in withRanks(
        size,
        { ranks in
          var floats = Self.terms(ranks.rank, count)
          let own = division.ranges(of: ranks.rank)
          floats.withUnsafeMutableBufferPointer {
            ranks.sumParts(of: $0, division, contributors: size)
          }
          let sums = own.allSatisfy { floats[$0] == expected[$0] }
          floats.withUnsafeMutableBufferPointer { ranks.gatherParts(of: $0, division) }
          return sums && floats == expected
        }
      ).enumerated() {
        #expect(try result.get(), "\(count) numbers, process \(rank)")
      }
    }
  }

  @Test("parts begin at multiples of the unit, and together are everything")
  func division() {
    for (count, size, unit) in [(10_000_000, 3, 624), (1_000, 4, 16), (5, 3, 1), (0, 2, 16)] {
      let division = Division(count: count, among: size, unit: unit)
      let ranges = (0..<size).flatMap(division.ranges).sorted { $0.lowerBound < $1.lowerBound }
      var end = 0
      for range in ranges {
        #expect(range.lowerBound == end && end % unit == 0)
        end = range.upperBound
      }
      #expect(end == count)
    }
  }

  @Test("what is kept in parts is collected by the first process, and handed out by it")
  func moving() throws {
    let count = 600_000
    let all = Self.terms(0, count)
    let division = Division(count: count, among: 3, unit: 16)
    for result in withRanks(
      3,
      { ranks in
        let own = division.ranges(of: ranks.rank)
        var kept = [Float](repeating: 0, count: own.reduce(0) { $0 + $1.count })
        let expected = own.flatMap { all[$0] }
        var isSame = true
        // In pieces that have nothing to do with the division.
        for range in [0..<10, 10..<300_001, 300_001..<count] {
          var whole = ranks.isRoot ? Array(all[range]) : []
          kept.withUnsafeMutableBufferPointer { kept in
            whole.withUnsafeMutableBufferPointer { whole in
              ranks.move(
                range, of: division, kept: kept, whole: ranks.isRoot ? whole : nil, toRoot: false)
              if ranks.isRoot { whole.update(repeating: 0) }
              ranks.move(
                range, of: division, kept: kept, whole: ranks.isRoot ? whole : nil, toRoot: true)
            }
          }
          if ranks.isRoot { isSame = isSame && whole == Array(all[range]) }
        }
        return isSame && kept == expected
      })
    {
      #expect(try result.get())
    }
  }

  @Test(
    "in bfloat16, terms and sums are rounded, everywhere to the same bits", arguments: [2, 3, 4])
  func bfloat16(size: Int) throws {
    func rounded(_ floats: [Float]) -> [Float] {
      floats.map { float in
        let (bits, half) = (float.bitPattern, UInt32(0x8000))
        let tie = bits & 0xFFFF == half
        let up = tie ? bits >> 16 & 1 == 1 : bits & half != 0
        return Float(bitPattern: (bits >> 16 + (up ? 1 : 0)) << 16)
      }
    }
    for count in [1 << 22 + 3, 100, 1] {
      let expected = rounded(
        Self.sum((0..<size).map { rounded(Self.terms($0, count)) }))
      for result in withRanks(
        size,
        { ranks in
          ranks.sumsInBFloat16 = true
          var floats = Self.terms(ranks.rank, count)
          floats.withUnsafeMutableBufferPointer { ranks.sum($0, contributors: size) }
          return floats == expected
        })
      {
        #expect(try result.get(), "\(count) numbers")
      }
    }
  }

  struct Stop: Error, CustomStringConvertible { let description = "stopped" }

  @Test("an error of one process is thrown by all, once with its message")
  func failure() throws {
    let results = withRanks(4) { ranks in
      // An inner failure counts for the outer body, too.
      try ranks.together {
        try ranks.together {
          if ranks.rank == 2 { throw UsageError("no such option") }
        }
      }
    }
    for (rank, result) in results.enumerated() {
      let error = #expect(throws: PeerFailure.self) { try result.get() }
      #expect(error?.status == ExitStatus.usage.rawValue)
      #expect(error?.description == (rank == 0 ? "rank 2 on node2: no such option" : ""))
    }
  }

  @Test("an error of the first process is thrown as it is there")
  func failureOfRoot() throws {
    let results = withRanks(3) { ranks in
      try ranks.together {
        if ranks.rank != 1 { throw InputError("posts.jsonl", "rank \(ranks.rank)") }
      }
    }
    #expect("\(try #require(results[0].failure))" == "posts.jsonl: rank 0")
    for result in results.dropFirst() {
      let error = #expect(throws: PeerFailure.self) { try result.get() }
      #expect(error?.status == ExitStatus.data.rawValue && error?.description == "")
    }
  }

  @Test("after a failure that was dealt with, the next one is shared too")
  func twoFailures() throws {
    let results = withRanks(3) { ranks in
      _ = try? ranks.together { if ranks.rank == 1 { throw Stop() } }
      try ranks.together { if ranks.rank == 2 { throw Stop() } }
    }
    #expect("\(try #require(results[0].failure))" == "rank 2 on node2: stopped")
    #expect(results[1].failure is PeerFailure)
  }

  @Test("a process that differs is named")
  func difference() throws {
    let results = withRanks(3) { ranks in
      try ranks.checkSame(5, "other data", remedy: "none")
      try ranks.checkSame(ranks.rank == 2 ? 1 : 2, "other data", remedy: "copy it")
    }
    #expect(
      "\(try #require(results[0].failure))"
        == "rank 2 on node2: has other data than rank 0 on node0: copy it")
    #expect(results[2].failure is PeerFailure)
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
