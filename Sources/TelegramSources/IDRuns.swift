/// A set of numbers that come in ascending order, kept as runs of neighbours.
struct IDRuns {
  private var runs: [ClosedRange<Int>] = []
  /// How many numbers there are.
  private(set) var count = 0

  /// The greatest number.
  var last: Int? { runs.last?.upperBound }

  /// Adds `id`, which must be above ``last``.
  mutating func append(_ id: Int) {
    count += 1
    if let run = runs.last, run.upperBound == id - 1 {
      runs[runs.count - 1] = run.lowerBound...id
    } else {
      runs.append(id...id)
    }
  }

  /// Whether `id` was added.
  func contains(_ id: Int) -> Bool {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].upperBound < id { low = middle + 1 } else { high = middle }
    }
    return low < runs.count && runs[low].contains(id)
  }
}
