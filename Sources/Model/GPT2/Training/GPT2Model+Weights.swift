import CheckpointFormat
import FileSupport
import Glibc
import JSONSupport
import Synchronization
import TensorKernels
import TextSupport

extension GPT2Model {
  /// The model in the Hugging Face folder `path`: `config.json` and weights of any kind that
  /// ``WeightFiles`` reads.
  ///
  /// `progress` is called now and then while it is read.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged or not supported; what
  ///   `progress` throws.
  public convenience init(
    folder path: String, threadPool: ThreadPool, progress: () throws -> Void = {}
  ) throws {
    let stored = try StoredModel(folder: path, threadPool)
    self.init(stored.configuration, threadPool: threadPool)
    generation = stored.generation
    notes = stored.notes
    try threadPool.copy(
      zip(layout.parameters, stored.tensors).map { ($1, to: parameters[$0.range]) },
      progress: progress)
  }

  /// Writes what `AutoModelForCausalLM` loads into the folder `path`.
  ///
  /// - Throws: ``FileError``.
  public func write(to path: String) throws {
    try replaceFile(
      at: "\(path)/\(CheckpointFile.configuration)",
      with: configuration.json.text(indent: 2) + "\n")
    try replaceFile(
      at: "\(path)/\(CheckpointFile.generationConfiguration)",
      with: (generation ?? GenerationConfiguration(configuration)).json.text(indent: 2) + "\n")
    try SafetensorsWriter.write(
      tensors(of: parameters), to: "\(path)/\(CheckpointFile.weights)")
  }

  /// The parameters as they lie in `arena`, which has this model's layout, for writing.
  public func tensors(of arena: FloatArena, prefix: String = "") -> [SafetensorsWriter.Tensor] {
    layout.parameters.map {
      .init(name: prefix + $0.name, shape: $0.shape, floats: arena[$0.range])
    }
  }

  /// The CRC-32 of all parameters, which tells two sets of weights apart.
  public var checksum: UInt32 {
    let floats = parameters.floats
    let piece = 1 << 22
    let pieces = (floats.count + piece - 1) / piece
    func range(_ index: Int) -> Range<Int> {
      index * piece..<min((index + 1) * piece, floats.count)
    }
    var checksums = [CRC32](repeating: CRC32(), count: pieces)
    checksums.withUnsafeMutableBufferPointer { checksums in
      // Each piece is of one thread alone.
      nonisolated(unsafe) let checksums = checksums
      threadPool.run(pieces) { index, _ in
        checksums[index].update(
          UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: floats[range(index)])))
      }
    }
    var checksum = CRC32()
    for (index, part) in checksums.enumerated() {
      checksum.append(part, count: range(index).count * MemoryLayout<Float>.stride)
    }
    return checksum.value
  }
}

extension ThreadPool {
  /// Copies the numbers of each of `tensors` to floats, of which there are as many.
  ///
  /// The types must be of floating point: see ``StoredTensor/checkIsFloatingPoint()``. Read fastest
  /// in the order in which the tensors lie in their files. `progress` is called now and then, on the
  /// calling thread.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a file was cut off meanwhile, or a number is NaN or
  ///   infinite; what `progress` throws.
  package func copy(
    _ tensors: [(StoredTensor, to: Floats)], progress: () throws -> Void = {}
  ) throws {
    try copy(tensors.map { ($0, 0..<$0.count, to: $1) }, progress: progress)
  }

  /// Copies numbers of each of `tensors` to floats, of which there are as many.
  func copy(
    _ parts: [(StoredTensor, Range<Int>, to: Floats)], progress: () throws -> Void = {}
  ) throws {
    // A megabyte of floats: enough for the disk, and little for the last thread to finish.
    let piece = 1 << 18
    var pieces: [(part: Int, range: Range<Int>)] = []
    for (index, (_, range, floats)) in parts.enumerated() {
      precondition(floats.count == range.count)
      for begin in stride(from: 0, to: range.count, by: piece) {
        pieces.append((index, begin..<min(begin + piece, range.count)))
      }
    }
    let failure = Mutex<(any Error)?>(nil)
    run(pieces.count) { index, worker in
      guard failure.withLock({ $0 == nil }) else { return }
      let (tensor, whole, floats) = parts[pieces[index].part]
      let range = pieces[index].range
      do {
        // The first worker is the calling thread.
        if worker == 0 { try progress() }
        let target = Floats(rebasing: floats[range])
        let first = whole.lowerBound + range.lowerBound
        try tensor.copy(first..<whole.lowerBound + range.upperBound, to: target)
        try tensor.checkAreFinite(UnsafeBufferPointer(target), from: first)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

extension StoredTensor {
  /// Checks that `numbers`, those of the tensor from element `first` on, are finite.
  ///
  /// - Throws: ``InputError`` that names the first that is not.
  func checkAreFinite(_ numbers: UnsafeBufferPointer<Float>, from first: Int) throws {
    guard let index = numbers.firstNonFinite else { return }
    var rest = first + index
    var place: [Int] = []
    for size in shape.reversed() {
      place.insert(rest % size, at: 0)
      rest /= size
    }
    throw InputError(
      path,
      "tensor '\(excerpt(name))' is \(numbers[index]) at \(place), expected a finite number: the "
        + "weights are damaged, or their training diverged")
  }
}
