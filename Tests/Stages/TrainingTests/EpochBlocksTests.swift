import CheckpointFormat
import FileSupport
import JSONSupport
import TestSupport
import Testing
import TokenShardFormat
import Training

@Suite("Posts in a new order each epoch")
struct EpochBlocksTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
    // With this offset the last token ends a text, as the last one of every corpus of posts does.
    try fixture.writeShards(offset: 6, posts: 8)
  }

  private func settings(seed: UInt64 = 42) -> TrainingSettings {
    var settings = TrainingFixture.settings
    settings.samplingStrategy = .posts
    settings.seed = seed
    return settings
  }

  private func data() throws -> TrainingData {
    try TrainingData(folder: fixture.folder.path("tokens"), blockSize: TrainingFixture.blockSize)
  }

  /// The tokens of all blocks of an epoch, one after another.
  private func tokens(epoch: Int, seed: UInt64 = 42) throws -> [UInt32] {
    let data = try data()
    let plan = BatchPlan(settings(seed: seed), blockCount: data.blockCount)
    let blocks = EpochBlocks(data, plan, posts: try data.trainingPosts(), epoch: epoch)
    return (0..<data.blockCount).flatMap(blocks.tokens)
  }

  /// The posts in `tokens`, each with its end.
  private func posts(_ tokens: [UInt32]) -> [[UInt32]] {
    tokens.reduce(into: [[]]) { posts, id in
      posts[posts.count - 1].append(id)
      if id == 2 { posts.append([]) }
    }.filter { !$0.isEmpty }
  }

  @Test("the posts cover the tokens, and each ends with the end of text")
  func places() throws {
    let posts = try data().trainingPosts()
    let ids = TrainingFixture.ids(.train, count: 83, offset: 6)
    #expect(posts.flatMap { $0 } == Array(0..<83))
    #expect(posts.map { Array(ids[$0]) } == self.posts(ids))
  }

  @Test("an epoch joins whole posts and leaves out only what is after the last whole block")
  func whole() throws {
    let all = posts(TrainingFixture.ids(.train, count: 83, offset: 6))
    for epoch in 0..<4 {
      let tokens = try tokens(epoch: epoch)
      #expect(tokens.count == 80)
      var missing = all
      for post in posts(tokens).dropLast() {
        let index = missing.firstIndex(of: post)
        #expect(index != nil, "epoch \(epoch): \(post) is no post")
        if let index { missing.remove(at: index) }
      }
    }
  }

  @Test("the order is another in each epoch and for each seed, and the same each time")
  func orders() throws {
    let epochs = try (0..<4).map { try tokens(epoch: $0) }
    #expect(Set(epochs).count == 4)
    #expect(try tokens(epoch: 0, seed: 43) != epochs[0])
    #expect(try tokens(epoch: 2) == epochs[2])
  }

  @Test("a training that is stopped and resumed gives the same bytes as one in one go")
  func resumed() throws {
    let change: (inout TrainingSettings) -> Void = { $0.samplingStrategy = .posts }
    try fixture.trainer("whole", change).run { _ in }
    let expected = try fixture.bytes("whole/final/model.safetensors")
    for step in [2, 3, 7] {
      try fixture.runAndStop("run-\(step)", after: step, change)
      let resumed = try fixture.trainer("run-\(step)", seed: 99, change)
      #expect(try resumed.start(.init(resumes: true, restarts: false)) == .resumed(step: step))
      try resumed.run { _ in }
      #expect(try fixture.bytes("run-\(step)/final/model.safetensors") == expected)
    }
    let other = try fixture.trainer("whole")
    #expect {
      _ = try other.start(.init(resumes: true, restarts: false))
    } throws: {
      "\($0)".contains("train_sampling_strategy was \"posts\", is \"random\"")
    }
  }

  @Test("shards without posts are refused, with the remedy")
  func noPosts() throws {
    try fixture.writeShards(to: "continuous")
    #expect {
      _ = try fixture.trainer(tokens: "continuous") { $0.samplingStrategy = .posts }
    } throws: {
      "\($0)".hasSuffix("encode with --pack posts")
    }
  }
}
