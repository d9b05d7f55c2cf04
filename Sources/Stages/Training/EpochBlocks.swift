import FileSupport
import TensorKernels
import TokenShardFormat

/// The blocks of an epoch, as they are cut from the training tokens.
package struct EpochBlocks {
  private let data: TrainingData
  /// The blocks in their order, if they are those of the shards.
  private var blocks: [Int] = []
  /// The posts in their order, if they are joined again and cut only then; and where each begins in the
  /// joined tokens, and where the last one ends.
  private var posts: [Range<Int>] = []
  private var starts: [Int] = []

  /// The blocks of epoch `epoch`; `posts` are the places of the posts in the shards, if it is they
  /// that are put into a new order.
  package init(_ data: TrainingData, _ plan: BatchPlan, posts: [Range<Int>], epoch: Int) {
    self.data = data
    guard plan.samplingStrategy == .posts else {
      blocks = plan.order(epoch: epoch)
      return
    }
    var generator = PhiloxGenerator(seed: plan.seed, .blockOrder, stream: epoch)
    self.posts = posts.shuffled(using: &generator)
    starts = self.posts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
  }

  /// The tokens of the block at `position` in the order of the epoch.
  package func tokens(at position: Int) -> [UInt32] {
    guard !posts.isEmpty else { return data.training.ids(in: data.block(blocks[position])) }
    let block = data.block(position)
    var tokens: [UInt32] = []
    tokens.reserveCapacity(block.count)
    // The last post that begins at or before the block.
    var post = starts.partitioningIndex { $0 > block.lowerBound } - 1
    while tokens.count < block.count {
      let skipped = max(0, block.lowerBound - starts[post])
      let rest = posts[post].dropFirst(skipped).prefix(block.count - tokens.count)
      tokens += data.training.ids(in: rest)
      post += 1
    }
    return tokens
  }
}

extension TrainingData {
  /// Where each post is in the training tokens, with the token that ends it.
  ///
  /// - Throws: ``InputError`` if the shards are not of posts.
  package func trainingPosts() throws -> [Range<Int>] {
    guard hasPosts else {
      throw InputError(
        folder,
        "the shards do not say where a post ends, which --train-sampling-strategy posts needs: encode "
          + "with --pack posts")
    }
    var posts: [Range<Int>] = []
    var start = 0
    // A part at a time, because all ids may be much more than the posts' places.
    for part in stride(from: 0, to: training.count, by: 1 << 16) {
      let ids = training.ids(in: part..<min(part + 1 << 16, training.count))
      for (index, id) in ids.enumerated() where id == manifest.endOfText {
        posts.append(start..<part + index + 1)
        start = part + index + 1
      }
    }
    if start < training.count { posts.append(start..<training.count) }
    return posts
  }
}
