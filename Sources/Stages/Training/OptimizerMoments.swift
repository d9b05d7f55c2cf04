import CheckpointFormat
import Communication
import GPT2
import TensorKernels

/// The moments of AdamW: all of them, or those of the numbers that this process updates for all others
/// (the first stage of ZeRO: Rajbhandari and others 2020).
final class OptimizerMoments {
  /// How the trained numbers are divided among the processes that update them.
  let division: Division
  /// The first and the second moments of the numbers that this process updates, without gaps.
  let first, second: FloatArena
  private let communicator: Communicator
  private let trained: ParameterArray
  /// Memory for the moments of one parameter, while they are read or written.
  private var scratch: FloatArena?

  /// Zeros for `trained`; if `isShared`, each process has those of a part.
  init(_ trained: ParameterArray, _ communicator: Communicator, isShared: Bool) {
    (self.trained, self.communicator) = (trained, communicator)
    let count = trained.floats.count
    division = Division(
      count: count, among: isShared ? communicator.size : 1,
      unit: ThreadPool.normStretch(of: count))
    let own = division.ranges(of: isShared ? communicator.rank : 0).reduce(0) { $0 + $1.count }
    (first, second) = (FloatArena(count: own), FloatArena(count: own))
    self.isShared = isShared && communicator.size > 1
  }

  /// Whether there are other processes that have the rest of the moments.
  let isShared: Bool

  private var rank: Int { isShared ? communicator.rank : 0 }

  /// What this process updates of the trained numbers in `range`, and where the moments of that are.
  func parts(in range: Range<Int>) -> [(all: Range<Int>, kept: Range<Int>)] {
    division.parts(of: rank, in: range)
  }

  /// The norm of `gradients`, of which this process has the sum where it has moments.
  ///
  /// It has the bits of the norm that a process with all of the sum would find.
  func norm(of gradients: FloatArena, _ threadPool: ThreadPool) -> Double {
    guard isShared else { return threadPool.norm(gradients.floats) }
    let stretch = ThreadPool.normStretch(of: gradients.count)
    let own = division.ranges(of: rank).flatMap {
      threadPool.sumsOfSquares(gradients[$0], stretch: stretch)
    }
    var sums = [Double](repeating: 0, count: gradients.count.dividedRoundingUp(by: stretch))
    for (rank, bytes) in communicator.gather(own.withUnsafeBytes { Array($0) }).enumerated() {
      bytes.withUnsafeBytes { bytes in
        var offset = 0
        for range in division.ranges(of: rank) {
          for start in stride(from: range.lowerBound, to: range.upperBound, by: stretch) {
            sums[start / stretch] = bytes.loadUnaligned(fromByteOffset: offset, as: Double.self)
            offset += MemoryLayout<Double>.stride
          }
        }
      }
    }
    return sums.reduce(0, +).squareRoot()
  }

  // MARK: - In checkpoints

  /// Calls `body` in the first process, which may ask the others for their moments meanwhile, or give
  /// them theirs; those return `others`.
  func serving<Result>(others: Result, _ body: () throws -> Result) rethrows -> Result {
    guard isShared else { return communicator.isRoot ? try body() : others }
    guard communicator.isRoot else {
      while let (tensor, toRoot) = request(nil) { move(tensor, whole: nil, toRoot: toRoot) }
      return others
    }
    defer {
      _ = request(nil)
      scratch = nil
    }
    return try body()
  }

  /// The moments in the form of a checkpoint, for the first process within ``serving(others:_:)``.
  var tensors: [SafetensorsWriter.Tensor] {
    guard isShared else {
      return trained.tensors(of: first, prefix: Self.prefixes[0])
        + trained.tensors(of: second, prefix: Self.prefixes[1])
    }
    return names.enumerated().map { index, name in
      .init(name: name.text, shape: name.parameter.shape) { [self] in
        UnsafeBufferPointer(exchange(index, toRoot: true) {})
      }
    }
  }

  /// Reads what ``tensors`` wrote into `file`, in the first process within ``serving(others:_:)``.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a tensor is missing or damaged; what `progress` throws.
  func read(
    _ file: SafetensorsFile, _ threadPool: ThreadPool, progress: () throws -> Void
  ) throws {
    guard isShared else {
      return try threadPool.copy(
        try trained.destinations(of: file, prefix: Self.prefixes[0], in: first)
          + trained.destinations(of: file, prefix: Self.prefixes[1], in: second),
        progress: progress)
    }
    for (index, name) in names.enumerated() {
      let tensor = try file.tensor(name.text, shape: name.parameter.shape)
      try tensor.checkIsFloatingPoint()
      _ = try exchange(index, toRoot: false) {
        try threadPool.copy([(tensor, to: scratchFloats(index))], progress: progress)
      }
    }
  }

  private static let prefixes = ["exp_avg.", "exp_avg_sq."]

  /// The tensors of a checkpoint.
  private var names: [(text: String, parameter: ParameterLayout.Parameter)] {
    Self.prefixes.flatMap { prefix in trained.parameters.map { (prefix + $0.name, $0) } }
  }

  /// Has the other processes send their parts of a tensor, or receive them, and returns the whole, which
  /// is valid until the next call; `prepare` is called before.
  private func exchange(_ tensor: Int, toRoot: Bool, prepare: () throws -> Void) rethrows -> Floats
  {
    try prepare()
    let whole = scratchFloats(tensor)
    _ = request((tensor, toRoot))
    move(tensor, whole: whole.buffer, toRoot: toRoot)
    return whole
  }

  private func scratchFloats(_ tensor: Int) -> Floats {
    let parameters = trained.parameters
    let scratch = scratch ?? FloatArena(count: parameters.map(\.range.count).max() ?? 0)
    self.scratch = scratch
    return scratch[0..<parameters[tensor % parameters.count].range.count]
  }

  private func move(_ tensor: Int, whole: UnsafeMutableBufferPointer<Float>?, toRoot: Bool) {
    let parameters = trained.parameters
    let kept = tensor < parameters.count ? first : second
    communicator.move(
      parameters[tensor % parameters.count].range, of: division, kept: kept.floats.buffer,
      whole: whole, toRoot: toRoot)
  }

  /// What the first process wants of the others; `nil` if nothing any more.
  private func request(_ move: (tensor: Int, toRoot: Bool)?) -> (tensor: Int, toRoot: Bool)? {
    let moves = communicator.gather([Double(move?.tensor ?? -1), move?.toRoot == true ? 1 : 0])
    return moves[0][0] < 0 ? nil : (Int(moves[0][0]), moves[0][1] != 0)
  }
}
