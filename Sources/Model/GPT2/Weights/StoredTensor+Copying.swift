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
    // A megabyte of floats: enough for the disk, and little for the last thread to finish.
    let length = 1 << 18
    let pieces = tensors.flatMap { tensor, floats in
      precondition(floats.count == tensor.count)
      let length = length.roundedUp(toMultipleOf: tensor.pieceLength)
      return stride(from: 0, to: floats.count, by: length).map {
        (tensor, $0..<min($0 + length, floats.count), floats)
      }
    }
    try withoutActuallyEscaping(progress) { progress in
      // Called only on the calling thread, which is the first of the pool.
      nonisolated(unsafe) let progress = progress
      try runThrowing(pieces.count) { index, thread in
        let (tensor, elements, floats) = pieces[index]
        if thread == 0 { try progress() }
        try tensor.copyFinite(elements, to: floats[elements])
      }
    }
  }

  /// The numbers of `tensor` where they are mapped, checked to be finite; `nil` if they are not floats.
  ///
  /// Nothing may write to them.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a number is NaN or infinite.
  func mappedFloats(of tensor: StoredTensor) throws -> Floats? {
    guard let mapped = tensor.mappedFloats else { return nil }
    let floats = Floats(UnsafeMutableBufferPointer(mutating: mapped))
    tensor.preferHugePages()
    try forEachBlock(of: tensor.count, length: 1 << 18) { range, _ in
      tensor.load(range)
      try tensor.checkAreFinite(UnsafeBufferPointer(floats[range]), from: range.lowerBound)
    }
    return floats
  }
}

extension StoredTensor {
  /// Copies `elements` to the same number of floats.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the file has been truncated in the meantime, or a
  ///   number is NaN or infinite.
  func copyFinite(_ elements: Range<Int>, to floats: Floats) throws {
    try copy(elements, to: floats.buffer)
    try checkAreFinite(UnsafeBufferPointer(floats), from: elements.lowerBound)
  }

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
