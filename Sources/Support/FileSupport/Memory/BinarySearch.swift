extension RandomAccessCollection where Index == Int {
  /// The index of the first element that is `late`, as all after it are; the end if none is.
  @inlinable
  package func partitioningIndex(where late: (Element) throws -> Bool) rethrows -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if try late(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
