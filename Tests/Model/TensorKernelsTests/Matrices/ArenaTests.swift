import TensorKernels
import Testing

@Suite("Arena")
struct ArenaTests {
  @Test("is zero at first, and may be empty")
  func zeros() {
    let (arena, empty) = (FloatArena(count: 5000), FloatArena(count: 0))
    withExtendedLifetime((arena, empty)) {
      #expect(arena.floats.allSatisfy { $0 == 0 })
      #expect(empty.floats.count == 0)
    }
  }

  @Test("parts, rows and blocks are views of the same floats")
  func views() {
    let arena = FloatArena(count: 24)
    for index in 0..<24 { arena.floats[index] = Float(index) }
    let matrix = arena.matrix(at: 4, rows: 4, columns: 5)
    #expect(Array(arena[2..<5]) == [2, 3, 4])
    #expect(Array(matrix.row(1)) == [9, 10, 11, 12, 13])
    #expect(Array(matrix.rows(1..<3).elements) == (9..<19).map(Float.init))
    let block = matrix.block(rows: 1..<3, columns: 2..<4)
    #expect((block.rows, block.columns, block.stride) == (2, 2, 5))
    #expect(!block.isContiguous && matrix.isContiguous)
    #expect(Array(block.row(1)) == [16, 17])
    block.row(1)[0] = -1
    #expect(arena.floats[16] == -1)
  }
}
