import CheckpointFormat
import FileSupport
import TensorKernels
import TextSupport

extension ThreadPool {
  /// Copies the numbers of each of `tensors` to the same number of floats.
  ///
  /// The types must be floating-point: see ``StoredTensor/checkIsFloatingPoint()``. Copying is
  /// fastest in the order in which the tensors lie in their files. `progress` is called from time
  /// to time, on the calling thread.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a file has been truncated in the meantime, or a
  ///   number is NaN or infinite; what `progress` throws.
  package func copy(
    _ tensors: [(StoredTensor, to: Floats)], progress: () throws -> Void = {}
  ) throws {
    try copy(tensors.map { ($0, 0..<$0.count, to: $1) }, progress: progress)
  }

  /// Copies some of the numbers of each of `tensors` to the same number of floats.
  func copy(
    _ parts: [(StoredTensor, Range<Int>, to: Floats)], progress: () throws -> Void = {}
  ) throws {
    // A megabyte of floats: enough for the disk, and little for the last thread to finish.
    let length = 1 << 18
    let pieces = parts.flatMap { tensor, elements, floats in
      precondition(floats.count == elements.count)
      return stride(from: 0, to: floats.count, by: length).map { begin in
        let end = min(begin + length, floats.count)
        let first = elements.lowerBound
        return (tensor, first + begin..<first + end, floats[begin..<end])
      }
    }
    try withoutActuallyEscaping(progress) { progress in
      // Called only on the calling thread, which is the first of the pool.
      nonisolated(unsafe) let progress = progress
      try runThrowing(pieces.count) { index, thread in
        let (tensor, elements, target) = pieces[index]
        if thread == 0 { try progress() }
        try tensor.copy(elements, to: target.buffer)
        try tensor.checkAreFinite(UnsafeBufferPointer(target), from: elements.lowerBound)
      }
    }
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
