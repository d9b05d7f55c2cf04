import FileSupport
import Glibc
import Synchronization

/// One allocation of numbers, initially zero: all parameters, all gradients, or scratch memory.
///
/// The system provides the memory page by page as it is first touched. Several threads may use an
/// arena; it is unchecked `Sendable` for the reason given at ``VectorView``: the arena itself never
/// changes, only its elements do.
public final class Arena<Element: BitwiseCopyable>: @unchecked Sendable {
  /// All elements; this and any other view is valid as long as the arena exists.
  public let elements: VectorView<Element>
  private let byteCount: Int

  /// Allocates `count` elements; ends the process if there is not enough memory.
  public init(count: Int) {
    precondition(count >= 0)
    byteCount = max(count, 1) * MemoryLayout<Element>.stride
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else {
      ProcessMemory.end(MemoryError(byteCount: byteCount, for: "numbers of the model"))
    }
    ArenaMemory.add(byteCount)
    // Huge pages, where the kernel supports them, mean fewer page faults and address translations.
    madvise(address, byteCount, MADV_HUGEPAGE)
    elements = VectorView(
      base: address.bindMemory(to: Element.self, capacity: max(count, 1)), count: count)
  }

  deinit {
    ArenaMemory.add(-byteCount)
    munmap(elements.base, byteCount)
  }

  /// How many elements there are.
  public var count: Int { elements.count }

  /// The elements of `range`.
  public subscript(range: Range<Int>) -> VectorView<Element> { elements[range] }

  /// The elements from `offset` on as a matrix of `rows` × `columns`.
  public func matrix(at offset: Int = 0, rows: Int, columns: Int) -> RowMajorMatrix<Element> {
    RowMajorMatrix(elements[offset..<offset + rows * columns], rows: rows, columns: columns)
  }
}

/// An allocation of floats.
public typealias FloatArena = Arena<Float>

extension Arena<Float> {
  /// All floats, valid as long as the arena exists.
  public var floats: Floats { elements }
}

/// The combined memory of all arenas.
public enum ArenaMemory {
  private static let bytes = Atomic<Int>(0)

  /// The size of all existing arenas in bytes, whether touched or not.
  public static var byteCount: Int { bytes.load(ordering: .relaxed) }

  fileprivate static func add(_ count: Int) {
    bytes.wrappingAdd(count, ordering: .relaxed)
  }
}
