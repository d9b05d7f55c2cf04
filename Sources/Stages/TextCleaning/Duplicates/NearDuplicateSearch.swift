/// Finds which posts go because a post that is kept is nearly equal to them.
///
/// In memory are the fingerprints and the posts that share a band, no texts.
///
/// Posts that share long boilerplate agree in the bands whose rows it decides, all of them; to compare
/// each with each would take time that grows with the square of their number. So of the posts of a group
/// only the first ``mostCompared`` kept ones are compared with those that come after. In a band of which
/// a row is decided by what is their own, posts are found as ever.
struct NearDuplicateSearch {
  /// The fingerprints one behind the other; the number of a band gives way to that of a group.
  private var fingerprints: [UInt32]
  private let numbersPerPost: Int
  /// The posts in the order of preference.
  private let order: [UInt32]
  /// Where the posts of each group begin in ``members``.
  private var starts: [Int] = []
  /// How many posts of each group are kept so far, up to ``mostCompared``; they are the first of its
  /// members.
  private var keptCounts: [UInt32] = []
  private var members: [UInt32] = []

  /// The most kept posts of a group that others are compared with.
  static let mostCompared = 64

  /// Stands for the group of a post that shares the band with no other.
  private static let alone = UInt32.max

  /// A search among posts of `fingerprints`, each of `numbersPerPost` numbers, which are preferred in
  /// the order `order`.
  init(fingerprints: consuming [UInt32], numbersPerPost: Int, order: [UInt32]) {
    precondition(fingerprints.count == order.count * numbersPerPost)
    self.fingerprints = fingerprints
    self.numbersPerPost = numbersPerPost
    self.order = order
  }

  /// Finds for each post the one that is kept in its place.
  ///
  /// - Parameters:
  ///   - similarity: From which share of common shingles posts are nearly equal.
  ///   - shingleLength: How many characters a shingle has.
  ///   - text: Reads the text of a post.
  ///   - check: Called before each post; what it throws ends the search.
  /// - Returns: For each post the one that is kept in its place, or `nil` if it is kept itself.
  /// - Throws: What `text` and `check` throw.
  mutating func run(
    similarity: Double, shingleLength: Int, text: (Int) throws -> [UInt8], check: () throws -> Void
  ) throws -> [Int?] {
    for band in 1..<numbersPerPost {
      try check()
      group(by: band)
    }
    var shingles = ShingleSet(shingleLength: shingleLength)
    var instead = [Int?](repeating: nil, count: order.count)
    // The post that each was last compared with, counted from 1.
    var comparedWith = [UInt32](repeating: 0, count: order.count)
    for post in order.lazy.map(Int.init) {
      try check()
      let size = Int(fingerprints[post * numbersPerPost])
      var isLoaded = false
      search: for group in groups(of: post) {
        for member in starts[group]..<(starts[group] + Int(keptCounts[group])) {
          let kept = Int(members[member])
          guard comparedWith[kept] != UInt32(post + 1) else { continue }
          comparedWith[kept] = UInt32(post + 1)
          let keptSize = Int(fingerprints[kept * numbersPerPost])
          guard Double(min(size, keptSize)) / Double(max(size, keptSize)) >= similarity else {
            continue
          }
          if !isLoaded { try text(post).withUnsafeBytes { shingles.load($0) } }
          isLoaded = true
          let shared = try text(kept).withUnsafeBytes { shingles.countShared(with: $0) }
          if Double(shared) / Double(size + keptSize - shared) >= similarity {
            instead[post] = kept
            break search
          }
        }
      }
      if instead[post] == nil { keep(post) }
    }
    return instead
  }

  private func groups(of post: Int) -> some Sequence<Int> {
    fingerprints[(post * numbersPerPost + 1)..<((post + 1) * numbersPerPost)].lazy
      .filter { $0 != Self.alone }.map(Int.init)
  }

  private mutating func keep(_ post: Int) {
    for group in groups(of: post) where keptCounts[group] < Self.mostCompared {
      members[starts[group] + Int(keptCounts[group])] = UInt32(post)
      keptCounts[group] += 1
    }
  }

  /// Makes a group of the posts that share the number `band`, wherever there are several.
  private mutating func group(by band: Int) {
    var posts: [UInt64] = []
    posts.reserveCapacity(order.count)
    for post in order.indices {
      let place = post * numbersPerPost
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
      var end = start + 1
      while end < posts.count, posts[end] >> 32 == posts[start] >> 32 { end += 1 }
      var group = Self.alone
      if end - start > 1 {
        group = UInt32(starts.count)
        starts.append(members.count)
        keptCounts.append(0)
        members.append(contentsOf: repeatElement(0, count: min(end - start, Self.mostCompared)))
      }
      for post in posts[start..<end] {
        fingerprints[Int(truncatingIfNeeded: post & 0xFFFF_FFFF) * numbersPerPost + band] = group
      }
      start = end
    }
  }
}
