#pragma once
#include "integer_sums.h"

#if defined(KERNELS_TILES)

/// The quads of a tile.
#define TILE_QUADS 16

typedef int32_t TileSums[2 * lanes][2 * lanes] __attribute__((aligned(64)));

/// Adds the products of TILE_QUADS quads: of one or two tiles of rows, and two of columns.
INLINE void add_tile_quads(const int has_lower, const int8_t *x, size_t x_stride,
                           const int8_t *weights) {
  _tile_loadd(4, x, x_stride);
  _tile_loadd(6, weights, QUAD * PANEL);
  _tile_loadd(7, weights + QUAD * lanes, QUAD * PANEL);
  _tile_dpbssd(0, 4, 6);
  _tile_dpbssd(1, 4, 7);
  if (!has_lower) return;
  _tile_loadd(5, x + lanes * x_stride, x_stride);
  _tile_dpbssd(2, 5, 6);
  _tile_dpbssd(3, 5, 7);
}

INLINE void store_integer_tiles(TileSums sums) {
  _tile_stored(0, sums[0], sizeof(sums[0]));
  _tile_stored(1, sums[0] + lanes, sizeof(sums[0]));
  _tile_stored(2, sums[lanes], sizeof(sums[0]));
  _tile_stored(3, sums[lanes] + lanes, sizeof(sums[0]));
}

/// The products of rows from `row` on and columns from `column` on with a block of int8: those of two
/// tiles of each, or if not `has_lower` of one tile of rows. `bytes` of what is `coming` are prefetched
/// between products.
INLINE void add_int8_tiles(const int has_lower, const IntegerBlock *block, size_t row, size_t rows,
                           size_t column, ComingBlock *coming, size_t bytes) {
  // With the upper and with the lower parts of inputs.
  TileSums sums[2];
  for (size_t part = 0; part < 2; part++) {
    const int8_t *x = block->x + row * block->x_stride + part * block->inputs;
    const int8_t *weights = (const int8_t *)block->weights + QUAD * column;
    clear_tiles();
    for (size_t input = 0; input < block->inputs; input += QUAD * TILE_QUADS) {
      add_tile_quads(has_lower, x + input, block->x_stride, weights + input * PANEL);
      prefetch_some(coming, bytes);
    }
    store_integer_tiles(sums[part]);
  }
  for (size_t r = 0; r < rows && r < 2 * lanes; r++) {
    float *out = block->out + (row + r) * block->out_stride + column;
    for (size_t v = 0; v < 2 * lanes; v += lanes) {
      const PartialSums both = {*(const Sums *)(sums[0][r] + v), *(const Sums *)(sums[1][r] + v)};
      add_total(out + v, total_of(both, int8_format.shift), block->scales + column + v,
                block->x_scales[(row + r) * block->blocks]);
    }
  }
}

/// The same with a block of int4 as bytes: first the integers times 16, for the upper parts of inputs,
/// then the integers, for the lower ones.
INLINE void add_int4_tiles(const int has_lower, const IntegerBlock *block, size_t row, size_t rows,
                           size_t column, ComingBlock *coming, size_t bytes) {
  TileSums sums;
  clear_tiles();
  add_tile_quads(has_lower, block->x + row * block->x_stride, block->x_stride,
                 (const int8_t *)block->weights + QUAD * column);
  prefetch_some(coming, bytes);
  store_integer_tiles(sums);
  for (size_t r = 0; r < rows && r < 2 * lanes; r++) {
    float *out = block->out + (row + r) * block->out_stride + column;
    for (size_t v = 0; v < 2 * lanes; v += lanes) {
      add_total(out + v, *(const Sums *)(sums[r] + v), block->scales + column + v,
                block->x_scales[(row + r) * block->blocks]);
    }
  }
}

/// Writes a block of int4 as add_int4_tiles reads it.
INLINE void unpack_int4_for_tiles(int8_t *out, const CKernelsInt4Block *block) {
  for (size_t quad = 0; quad < INT4_BLOCK / QUAD; quad++) {
    for (size_t v = 0; v < PANEL_VECTORS; v++) {
      const __m512i weights = _mm512_sub_epi8((__m512i)quads_of_int4(block, quad, v),
                                              _mm512_set1_epi8(8));
      int8_t *target = out + QUAD * (quad * PANEL + v * LANES);
      const __m512i nibbles = _mm512_and_si512(weights, _mm512_set1_epi8(15));
      _mm512_storeu_si512(target, _mm512_slli_epi16(nibbles, 4));
      _mm512_storeu_si512(target + TILE_QUADS / 2 * QUAD * PANEL, weights);
    }
  }
}

/// The products of all rows with a block, meanwhile prefetching what is `coming`.
INLINE void add_integer_tiles(const int is_int4, const IntegerBlock *block, size_t rows,
                              ComingBlock coming) {
  const size_t products = (rows + 2 * lanes - 1) / (2 * lanes) * 2 * (is_int4 ? 1 : 4);
  const size_t bytes = (size_t)(coming.end - coming.next) / products;
  for (size_t row = 0; row < rows; row += 2 * lanes) {
    for (size_t column = 0; column < PANEL; column += 2 * lanes) {
      const size_t rest = rows - row;
      if (is_int4) {
        if (rest > lanes) add_int4_tiles(1, block, row, rest, column, &coming, bytes);
        else add_int4_tiles(0, block, row, rest, column, &coming, bytes);
      } else {
        if (rest > lanes) add_int8_tiles(1, block, row, rest, column, &coming, bytes);
        else add_int8_tiles(0, block, row, rest, column, &coming, bytes);
      }
    }
  }
}

#endif
