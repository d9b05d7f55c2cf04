import FileSupport
import Glibc
import Synchronization

/// One allocation of numbers, zero at first: all parameters, all gradients, or scratch memory.
///
/// The memory comes from the system page by page when it is first touched.
///
/// Unchecked, because which thread touches which numbers is up to those who share them.
public final class Arena<Element: BitwiseCopyable>: @unchecked Sendable {
  /// How many numbers there are.
  public let count: Int
  /// All numbers, valid as long as this object, as is every view of them.
  public let elements: UnsafeMutableBufferPointer<Element>
  private let byteCount: Int

  /// Allocates `count` numbers; ends the process if there is no memory for them.
  public init(count: Int) {
    precondition(count >= 0)
    self.count = count
    byteCount = max(count, 1) * MemoryLayout<Element>.stride
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else {
      ProcessMemory.end(MemoryError(byteCount: byteCount, for: "numbers of the model"))
    }
    ArenaMemory.add(byteCount)
    // Fewer page faults and address look-ups where the kernel has huge pages to give.
    madvise(address, byteCount, MADV_HUGEPAGE)
    elements = UnsafeMutableBufferPointer(
      start: address.bindMemory(to: Element.self, capacity: max(count, 1)), count: count)
  }

  deinit {
    ArenaMemory.add(-byteCount)
    munmap(elements.baseAddress, byteCount)
  }

  /// The numbers of `range`.
  public subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(rebasing: elements[range])
  }
}

/// The memory of all arenas together.
public enum ArenaMemory {
  private static let bytes = Atomic<Int>(0)

  /// Bytes of the arenas there are, touched or not.
  public static var byteCount: Int { bytes.load(ordering: .relaxed) }

  fileprivate static func add(_ count: Int) {
    bytes.wrappingAdd(count, ordering: .relaxed)
  }
}

/// An allocation of floats.
public typealias FloatArena = Arena<Float>

extension Arena<Float> {
  /// All floats, valid as long as this object.
  public var floats: UnsafeMutableBufferPointer<Float> { elements }

  /// The floats from `offset` on as a matrix of `rows` × `columns`.
  public func matrix(at offset: Int = 0, rows: Int, columns: Int) -> MatrixView {
    MatrixView(self[offset..<offset + rows * columns], rows: rows, columns: columns)
  }
}

/// A row-major matrix in memory that somebody else owns.
public struct MatrixView {
  /// The first element.
  public let base: UnsafeMutablePointer<Float>
  /// How many rows there are.
  public let rows: Int
  /// How many columns there are.
  public let columns: Int
  /// How many floats lie between the beginnings of two rows.
  public let stride: Int

  /// The matrix of `rows` × `columns` that fills `floats`.
  public init(_ floats: UnsafeMutableBufferPointer<Float>, rows: Int, columns: Int) {
    precondition(floats.count == rows * columns, "the floats are not rows × columns")
    guard let base = floats.baseAddress else { preconditionFailure("a matrix of nothing") }
    self.init(base: base, rows: rows, columns: columns, stride: columns)
  }

  init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// Whether the rows lie without a gap.
  public var isContiguous: Bool { stride == columns }

  /// Floats from the first element to the last, what lies between the rows included.
  var extent: Int { rows > 0 ? (rows - 1) * stride + columns : 0 }

  /// All floats of a matrix whose rows lie without a gap.
  public var floats: UnsafeMutableBufferPointer<Float> {
    precondition(isContiguous)
    return UnsafeMutableBufferPointer(start: base, count: rows * columns)
  }

  /// The floats of one row.
  public func row(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
    precondition(row >= 0 && row < rows)
    return UnsafeMutableBufferPointer(start: base + row * stride, count: columns)
  }

  /// The part of the matrix in `rows` and `columns`.
  public func block(rows: Range<Int>, columns: Range<Int>) -> MatrixView {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
    precondition(columns.lowerBound >= 0 && columns.upperBound <= self.columns)
    return MatrixView(
      base: base + rows.lowerBound * stride + columns.lowerBound, rows: rows.count,
      columns: columns.count, stride: stride)
  }

  /// The part of the matrix in `rows`.
  public func rows(_ rows: Range<Int>) -> MatrixView {
    block(rows: rows, columns: 0..<columns)
  }
}

/// Where `elements` begin; there must be some.
func base<Element>(_ elements: UnsafeMutableBufferPointer<Element>) -> UnsafeMutablePointer<Element>
{
  guard let base = elements.baseAddress else { preconditionFailure("a buffer of nothing") }
  return base
}
