#include "integer_sums.h"
#include "integer_tiles.h"

// MARK: - Vectors

/// The rows and the vectors of outputs whose sums are kept in registers, if there are several rows.
#define INTEGER_ROWS 3
#if defined(KERNELS_AVX512)
#define SUMMED_VECTORS 4
#else
#define SUMMED_VECTORS 2
#endif

/// Rows from `row` on, `rows` of them, a constant, and the outputs of `vectors` vectors from `first` on.
/// If it `reads_on`, a constant too, what follows is prefetched.
INLINE void add_vectors(const IntegerFormat format, const IntegerBlock *block, const int reads_on,
                        size_t row, const size_t rows, size_t first, const size_t vectors) {
  const size_t quad_bytes = QUAD * format.bytes / format.inputs;
  PartialSums sums[INTEGER_ROWS][PANEL_VECTORS];
  memset(sums, 0, sizeof sums);
  for (size_t quad = 0; quad < block->inputs / QUAD; quad += 2) {
    for (size_t q = quad; q < quad + 2; q++) {
      if (reads_on) read_on((const char *)block->weights + q * quad_bytes, quad_bytes);
      Words weights[PANEL_VECTORS];
      for (size_t v = 0; v < vectors; v++) weights[v] = format.quads(block->weights, q, first + v);
      for (size_t r = 0; r < rows; r++) {
        const int8_t *x = block->x + (row + r) * block->x_stride + q * QUAD * INPUT_BYTES;
        for (size_t v = 0; v < vectors; v++) {
          sums[r][v] = add_quads(sums[r][v], weights[v], x, block->inputs);
        }
      }
    }
  }
  for (size_t r = row; r < row + rows; r++) {
    const float x_scale = block->x_scales[r * block->blocks];
    const int32_t offset = block->offsets[r * block->blocks];
    for (size_t v = 0; v < vectors; v++) {
      const size_t column = (first + v) * LANES;
      add_total(block->out + r * block->out_stride + column,
                total_of(sums[r - row][v], format.shift) - offset, block->scales + column, x_scale);
    }
  }
}

/// Writes a block of int4 as bytes, for several rows: there are not enough registers to do so between
/// their products.
INLINE void unpack_int4(Words *out, const CKernelsInt4Block *block) {
  const size_t quads = INT4_BLOCK / QUAD;
  for (size_t quad = 0; quad < quads; quad++) {
    read_on((const char *)block + quad * sizeof(*block) / quads, sizeof(*block) / quads);
    for (size_t v = 0; v < PANEL_VECTORS; v++) *out++ = quads_of_int4(block, quad, v);
  }
}

/// The products of all rows, more than one, with a block.
INLINE void add_rows_of_integers(const IntegerFormat format, const IntegerBlock *block,
                                 size_t rows) {
  for (size_t row = 0; row < rows; row += INTEGER_ROWS) {
    for (size_t v = 0; v < PANEL_VECTORS; v += SUMMED_VECTORS) {
      switch (rows - row) {
      case 1: add_vectors(format, block, 1, row, 1, v, SUMMED_VECTORS); break;
      case 2: add_vectors(format, block, 1, row, 2, v, SUMMED_VECTORS); break;
      default:
        if (row == 0 && v == 0) {
          add_vectors(format, block, 1, row, INTEGER_ROWS, v, SUMMED_VECTORS);
        } else {
          add_vectors(format, block, 0, row, INTEGER_ROWS, v, SUMMED_VECTORS);
        }
      }
    }
  }
}

// MARK: - Panels

/// Multiplies several rows by a block; weights are prefetched meanwhile.
INLINE void multiply_rows_by_block(const IntegerFormat format, IntegerBlock *block, size_t rows) {
  const int is_int4 = format.inputs == INT4_BLOCK;
#if defined(KERNELS_TILES)
  // About as far ahead in int4 as in int8.
  const char *next = (const char *)block->weights + (is_int4 ? 7 : 1) * format.bytes;
  const ComingBlock coming = {next, next + format.bytes};
  int8_t bytes[TILE_QUADS * QUAD * PANEL] __attribute__((aligned(64)));
  if (is_int4) {
    unpack_int4_for_tiles(bytes, block->weights);
    block->weights = bytes;
  }
  add_integer_tiles(is_int4, block, rows, coming);
#else
  Words bytes[INT4_BLOCK / QUAD * PANEL_VECTORS];
  if (is_int4) {
    unpack_int4(bytes, block->weights);
    block->weights = bytes;
    add_rows_of_integers(unpacked_format, block, rows);
  } else {
    add_rows_of_integers(format, block, rows);
  }
#endif
}

/// out += x * panel. Scales of int4 are in the panel.
INLINE void multiply_integers(const IntegerFormat format, float *restrict out, size_t out_stride,
                              CKernelsIntegerRows x, size_t rows, const void *restrict panel,
                              const float *restrict scales, size_t inputs) {
  IntegerBlock block = {.out = out, .out_stride = out_stride, .x_stride = x.stride};
  block.blocks = (inputs + format.inputs - 1) / format.inputs;
#if defined(KERNELS_TILES)
  if (rows > 1) _tile_loadconfig(&tile_shapes);
#endif
  for (size_t number = 0; number < block.blocks; number++) {
    const size_t input = number * format.inputs;
    float int4_scales[PANEL];
    block.weights = (const char *)panel + number * format.bytes;
    block.scales = scales ? scales + number * PANEL : scales_of_int4(int4_scales, block.weights);
    block.inputs = padded_inputs(format, inputs - input);
    block.x = x.integers + 2 * input;
    block.x_scales = x.scales + number;
    block.offsets = x.offsets + number;
    if (rows == 1) {
      add_vectors(format, &block, 1, 0, 1, 0, PANEL_VECTORS);
    } else {
      multiply_rows_by_block(format, &block, rows);
    }
  }
#if defined(KERNELS_TILES)
  if (rows > 1) _tile_release();
#endif
}

void ckernels_linear_int8(float *restrict out, size_t out_stride, CKernelsIntegerRows x,
                          size_t rows, const int8_t *restrict panel, const float *restrict scales,
                          size_t inputs) {
  multiply_integers(int8_format, out, out_stride, x, rows, panel, scales, inputs);
}

void ckernels_linear_int4(float *restrict out, size_t out_stride, CKernelsIntegerRows x,
                          size_t rows, const CKernelsInt4Block *restrict panel, size_t inputs) {
  multiply_integers(int4_format, out, out_stride, x, rows, panel, 0, inputs);
}
