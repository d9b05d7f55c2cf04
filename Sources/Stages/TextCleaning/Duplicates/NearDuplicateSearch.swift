/// Decides which posts are dropped because they are nearly equal to a post that is kept.
///
/// The fingerprints and the posts that share a band are kept in memory, but no texts.
///
/// Posts that share long boilerplate agree in all bands whose rows it determines; comparing every
/// pair would take time quadratic in their number. So only the first ``mostCompared`` kept posts of
/// a group are compared with later ones. In bands with a row determined by other text, such posts
/// are still found.
struct NearDuplicateSearch {
  /// The fingerprints, one after the other; the value of a band is replaced by its group.
  private var fingerprints: [UInt32]
  private let valuesPerPost: Int
  /// The posts in order of preference.
  private let order: [UInt32]
  /// Where the posts of each group begin in ``members``.
  private var starts: [Int] = []
  /// The number of posts of each group that have been kept so far, up to ``mostCompared``; they are
  /// the first of its members.
  private var keptCounts: [UInt32] = []
  private var members: [UInt32] = []

  /// The greatest number of kept posts of a group that others are compared with.
  static let mostCompared = 64

  /// Stands for the group of a post that shares the band with no other post.
  private static let alone = UInt32.max

  /// A search among posts with `fingerprints` of `valuesPerPost` values each, preferred in the order
  /// `order`.
  init(fingerprints: consuming [UInt32], valuesPerPost: Int, order: [UInt32]) {
    precondition(fingerprints.count == order.count * valuesPerPost)
    self.fingerprints = fingerprints
    self.valuesPerPost = valuesPerPost
    self.order = order
  }

  /// Finds the post that is kept in place of each post.
  ///
  /// - Parameters:
  ///   - settings: `similarity`, the smallest fraction of common shingles at which posts are nearly
  ///     equal, and `shingle`, the number of characters in one.
  ///   - comparableBefore: A post is compared only with posts before the one that this returns.
  ///   - text: Reads the text of a post.
  ///   - check: Called from time to time; what it throws ends the search.
  /// - Returns: For each post the one that is kept in its place, or `nil` if it is kept itself.
  /// - Throws: What `text` and `check` throw.
  mutating func run(
    _ settings: RuleSettings, comparableBefore: (Int) -> Int = { _ in .max },
    text: (Int) throws -> [UInt8], check: () throws -> Void
  ) throws -> [Int?] {
    let similarity = settings.fraction("similarity")
    for band in 1..<valuesPerPost {
      try check()
      group(by: band)
    }
    var shingles = ShingleSet(shingleLength: settings.count("shingle"))
    var keptInstead = [Int?](repeating: nil, count: order.count)
    // The post with which each was last compared, counted from 1.
    var comparedWith = [UInt32](repeating: 0, count: order.count)
    for (step, post) in order.lazy.map(Int.init).enumerated() {
      if step % 1024 == 0 { try check() }
      let size = Int(fingerprints[post * valuesPerPost])
      let end = comparableBefore(post)
      var isLoaded = false
      search: for group in groups(of: post) {
        for member in starts[group]..<(starts[group] + Int(keptCounts[group])) {
          let kept = Int(members[member])
          guard kept < end, comparedWith[kept] != UInt32(post + 1) else { continue }
          comparedWith[kept] = UInt32(post + 1)
          let keptSize = Int(fingerprints[kept * valuesPerPost])
          guard Double(min(size, keptSize)) / Double(max(size, keptSize)) >= similarity else {
            continue
          }
          if !isLoaded {
            let bytes = try text(post)
            shingles.load(bytes.span)
            isLoaded = true
          }
          let bytes = try text(kept)
          let shared = shingles.countShared(with: bytes.span)
          if Double(shared) / Double(size + keptSize - shared) >= similarity {
            keptInstead[post] = kept
            break search
          }
        }
      }
      if keptInstead[post] == nil { keep(post) }
    }
    return keptInstead
  }

  private func groups(of post: Int) -> some Sequence<Int> {
    fingerprints[(post * valuesPerPost + 1)..<((post + 1) * valuesPerPost)].lazy
      .filter { $0 != Self.alone }.map(Int.init)
  }

  private mutating func keep(_ post: Int) {
    for group in groups(of: post) where keptCounts[group] < Self.mostCompared {
      members[starts[group] + Int(keptCounts[group])] = UInt32(post)
      keptCounts[group] += 1
    }
  }

  /// Groups the posts that share a value of `band`, wherever there are several.
  private mutating func group(by band: Int) {
    var posts: [UInt64] = []
    posts.reserveCapacity(order.count)
    for post in order.indices {
      let place = post * valuesPerPost
      // A text without shingles is like no other.
      if fingerprints[place] > 0 {
        posts.append(UInt64(fingerprints[place + band]) << 32 | UInt64(post))
      } else {
        fingerprints[place + band] = Self.alone
      }
    }
    posts.sort()
    var start = 0
    while start < posts.count {
      let value = posts[start] >> 32
      let end = posts[start...].firstIndex { $0 >> 32 != value } ?? posts.count
      var group = Self.alone
      if end - start > 1 {
        group = UInt32(starts.count)
        starts.append(members.count)
        keptCounts.append(0)
        members.append(contentsOf: repeatElement(0, count: min(end - start, Self.mostCompared)))
      }
      for post in posts[start..<end] {
        fingerprints[Int(truncatingIfNeeded: post & 0xFFFF_FFFF) * valuesPerPost + band] = group
      }
      start = end
    }
  }
}
