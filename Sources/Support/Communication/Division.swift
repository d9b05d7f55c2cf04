/// How an array of floats is divided among processes that sum it: into buckets, each of which has a part
/// for every process.
///
/// A bucket is what is exchanged at once. So while one is exchanged, the next may still be computed, and
/// all processes send and receive equally much.
public struct Division: Sendable {
  /// How many floats there are, and among how many processes they are divided.
  let count, size: Int
  /// Parts begin at multiples of this.
  let unit: Int
  /// The number of floats in each bucket but the last, which may have fewer.
  let bucketCount: Int

  /// Divides `count` floats among `size` processes, so that parts begin at multiples of `unit`.
  public init(count: Int, among size: Int, unit: Int = 1) {
    (self.count, self.size, self.unit) = (count, size, unit)
    guard size > 1 else {
      bucketCount = max(1, count)
      return
    }
    // Small ones overlap better with the computation, large ones make better use of the network.
    let wanted = min(max(1 << 18, size << 15, count / 32), max(1 << 22, size << 17))
    bucketCount = (wanted + unit * size - 1) / (unit * size) * unit * size
  }

  /// The most floats that a part of a bucket has.
  var largestPart: Int { (bucketCount + size - 1) / size + unit }

  /// The buckets, in order.
  var buckets: [Range<Int>] {
    stride(from: 0, to: count, by: bucketCount).map { $0..<min($0 + bucketCount, count) }
  }

  /// The part of `bucket` that belongs to process `rank`.
  func part(of rank: Int, in bucket: Range<Int>) -> Range<Int> {
    let units = (bucket.count + unit - 1) / unit
    func start(_ rank: Int) -> Int {
      min(bucket.lowerBound + units * rank / size * unit, bucket.upperBound)
    }
    return start(rank)..<start(rank + 1)
  }

  /// What belongs to process `rank`, in order.
  public func ranges(of rank: Int) -> [Range<Int>] {
    buckets.map { part(of: rank, in: $0) }.filter { !$0.isEmpty }
  }

  /// What belongs to process `rank` of the floats in `range`: where it is among all floats, and where if
  /// the process keeps only its own, without gaps.
  public func parts(of rank: Int, in range: Range<Int>) -> [(all: Range<Int>, kept: Range<Int>)] {
    var offset = 0
    return ranges(of: rank).compactMap { own in
      defer { offset += own.count }
      let part = own.clamped(to: range)
      guard !part.isEmpty else { return nil }
      let start = offset + part.lowerBound - own.lowerBound
      return (part, start..<start + part.count)
    }
  }
}
