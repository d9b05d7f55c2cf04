/// Consecutive elements in memory that the view does not own, such as that of an ``Arena``.
///
/// Unchecked `Sendable`, because a view does not say who may touch its elements: in every loop that
/// threads share, an element that is written belongs to only one piece of the loop.
public struct VectorView<Element: BitwiseCopyable>: Sequence, @unchecked Sendable {
  @usableFromInline let base: UnsafeMutablePointer<Element>
  /// How many elements there are.
  public let count: Int

  @inlinable
  init(base: UnsafeMutablePointer<Element>, count: Int) {
    self.base = base
    self.count = count
  }

  /// The view of `elements`, which must not be empty.
  @inlinable
  public init(_ elements: UnsafeMutableBufferPointer<Element>) {
    guard let base = elements.baseAddress else { preconditionFailure("a view of nothing") }
    self.init(base: base, count: elements.count)
  }

  /// The memory, for functions that take a buffer pointer.
  @inlinable public var buffer: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: base, count: count)
  }

  @inlinable public var indices: Range<Int> { 0..<count }

  @inlinable
  public subscript(index: Int) -> Element {
    get {
      assert(indices.contains(index))
      return base[index]
    }
    nonmutating set {
      assert(indices.contains(index))
      base[index] = newValue
    }
  }

  /// The elements of `range`, counted from 0 again.
  @inlinable
  public subscript(range: Range<Int>) -> VectorView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return VectorView(base: base + range.lowerBound, count: range.count)
  }

  @inlinable
  public func makeIterator() -> UnsafeMutableBufferPointer<Element>.Iterator {
    buffer.makeIterator()
  }

  /// Replaces every element with `value`.
  @inlinable
  public func update(repeating value: Element) { buffer.update(repeating: value) }

  /// Replaces the first elements with those of `source`; returns the index after them.
  @inlinable @discardableResult
  public func update(fromContentsOf source: some Collection<Element>) -> Int {
    buffer.update(fromContentsOf: source)
  }

  /// Replaces the first elements with those of `source`.
  @inlinable
  public func update(from source: VectorView) {
    precondition(source.count <= count)
    base.update(from: source.base, count: source.count)
  }
}

public typealias Floats = VectorView<Float>

extension UnsafeBufferPointer where Element: BitwiseCopyable {
  /// The memory of `view`.
  @inlinable
  public init(_ view: VectorView<Element>) { self.init(view.buffer) }
}

extension UnsafeBufferPointer<Float> {
  /// The index of the first number that is NaN or infinite; `nil` if there is none.
  public var firstNonFinite: Int? {
    let infinity = Float.infinity.bitPattern
    // A maximum of integers, which the compiler vectorizes.
    let stretch = 4096
    for start in stride(from: 0, to: count, by: stretch) {
      let part = self[start..<Swift.min(start + stretch, count)]
      var largest: UInt32 = 0
      for number in part { largest = Swift.max(largest, number.bitPattern & 0x7FFF_FFFF) }
      if largest >= infinity { return part.firstIndex { !$0.isFinite } }
    }
    return nil
  }
}
