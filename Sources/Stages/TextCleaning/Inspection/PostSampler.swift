/// Draws posts at random: always the same ones from the same posts, however many threads clean
/// them.
public struct PostSampler: Sendable {
  /// A post as it was and as it came out.
  public struct Sample: Equatable, Sendable {
    public let id: Int
    /// The text as posted.
    public let before: String
    /// The text that was written.
    public let after: String
  }

  /// The number of posts to draw.
  let count: Int
  private let seed: UInt64
  /// The drawn posts with their lots, the highest first.
  private var drawn: [(lot: UInt64, sample: Sample)] = []

  /// A sampler of `count` posts; a different `seed` draws different ones.
  public init(count: Int, seed: UInt64 = 0) {
    self.count = count
    self.seed = seed
  }

  /// The drawn posts, in the order of the file.
  var samples: [Sample] { drawn.map(\.sample).sorted { $0.id < $1.id } }

  /// Draws the post `id` if its lot is among the lowest so far.
  mutating func consider(
    id: Int, before: @autoclosure () throws -> String, after: @autoclosure () throws -> String
  ) rethrows {
    guard count > 0 else { return }
    let lot = lot(of: id)
    guard drawn.count < count || lot < drawn[0].lot else { return }
    let sample = Sample(id: id, before: try before(), after: try after())
    drawn.insert((lot, sample), at: drawn.firstIndex { $0.lot < lot } ?? drawn.count)
    if drawn.count > count { drawn.removeFirst() }
  }

  /// The bits of `id` and the seed, mixed as SplitMix64 does.
  private func lot(of id: Int) -> UInt64 {
    var state = UInt64(bitPattern: Int64(id)) &+ seed &* 0x9E37_79B9_7F4A_7C15
    state = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ state >> 27) &* 0x94D0_49BB_1331_11EB
    return state ^ state >> 31
  }
}
