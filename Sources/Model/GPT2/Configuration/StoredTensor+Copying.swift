import CheckpointFormat
import FileSupport
import Synchronization
import TensorKernels
import TextSupport

extension ThreadPool {
  /// Copies the numbers of each of `tensors` to floats, of which there are as many.
  ///
  /// The types must be of floating point: see ``StoredTensor/checkIsFloatingPoint()``. The order in
  /// which the tensors lie in their files is the fastest. `progress` is called now and then, on the
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
    // A megabyte of floats: enough for the disk, and not much for the last thread to finish.
    let piece = 1 << 18
    var pieces: [(part: Int, range: Range<Int>)] = []
    for (index, (_, range, floats)) in parts.enumerated() {
      precondition(floats.count == range.count)
      for begin in stride(from: 0, to: range.count, by: piece) {
        pieces.append((index, begin..<min(begin + piece, range.count)))
      }
    }
    let failure = Mutex<(any Error)?>(nil)
    withoutActuallyEscaping(progress) { progress in
      // Called on the calling thread alone, which is the first of the pool.
      nonisolated(unsafe) let progress = progress
      run(pieces.count) { [pieces] index, thread in
        guard failure.withLock({ $0 == nil }) else { return }
        let (tensor, whole, floats) = parts[pieces[index].part]
        let range = pieces[index].range
        do {
          if thread == 0 { try progress() }
          let target = floats[range]
          let first = whole.lowerBound + range.lowerBound
          try tensor.copy(first..<whole.lowerBound + range.upperBound, to: target.buffer)
          try tensor.checkAreFinite(UnsafeBufferPointer(target), from: first)
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
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
