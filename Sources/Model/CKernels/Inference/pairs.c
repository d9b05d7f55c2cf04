#include "vectors.h"

// Products of pairs of bfloat16: every output is a sum over blocks of inputs in ascending order, and
// each block is a sum of chains of pairs. The bits are those of the processor's instruction, but the
// same for any number of rows and threads.
#pragma clang fp contract(off)

#if defined(KERNELS_TILES)

/// The pairs of a chain: what an instruction multiplies. It sums the first and the second products
/// of the pairs apart.
#define CHAIN 16
/// The inputs of a block of bfloat16: the more, the less often sums are added.
#define BFLOAT16_BLOCK (4 * INPUT_BLOCK)

typedef struct Chain {
  Vector first, second;
} Chain;

INLINE Chain empty_chain(void) { return (Chain){(Vector)0.0f, (Vector)0.0f}; }

INLINE Chain add_pairs(Chain chain, uint32_t x, Words weights) {
  const Words pairs = (Words)x;
  return (Chain){FUSED(chain.first, first_of(pairs), first_of(weights)),
                 FUSED(chain.second, second_of(pairs), second_of(weights))};
}

INLINE Vector sum_of(Chain chain) { return chain.first + chain.second; }

#else

/// The pairs of a chain: all of a block.
#define CHAIN (INPUT_BLOCK / 2)
#define BFLOAT16_BLOCK INPUT_BLOCK

typedef Vector Chain;

INLINE Chain empty_chain(void) { return (Vector)0.0f; }

/// The chain and the products of the pair x with each pair of weights.
INLINE Chain add_pairs(Chain chain, uint32_t x, Words weights) {
#if defined(KERNELS_BFLOAT16)
  return (Vector)_mm512_dpbf16_ps((__m512)chain, (__m512bh)(Words)x, (__m512bh)weights);
#else
  chain = FUSED(chain, second_of((Words)x), second_of(weights));
  return FUSED(chain, first_of((Words)x), first_of(weights));
#endif
}

INLINE Vector sum_of(Chain chain) { return chain; }

#endif

// MARK: - One row

/// out += x * block, for one row.
INLINE void add_block_of_row(float *restrict out, const uint32_t *restrict x,
                             const uint16_t *restrict block, size_t pairs) {
  Vector sums[PANEL_VECTORS];
  for (size_t v = 0; v < PANEL_VECTORS; v++) sums[v] = (Vector)0.0f;
  for (size_t start = 0; start < pairs; start += CHAIN) {
    const size_t end = start + CHAIN < pairs ? start + CHAIN : pairs;
    Chain chains[PANEL_VECTORS];
    for (size_t v = 0; v < PANEL_VECTORS; v++) chains[v] = empty_chain();
    for (size_t pair = start; pair < end; pair++) {
      const uint16_t *weights = block + 2 * pair * PANEL;
      read_on(weights, 2 * PANEL * sizeof(*weights));
      for (size_t v = 0; v < PANEL_VECTORS; v++) {
        chains[v] = add_pairs(chains[v], x[pair], from_pairs(weights + 2 * v * LANES));
      }
    }
    for (size_t v = 0; v < PANEL_VECTORS; v++) sums[v] += sum_of(chains[v]);
  }
  add_sums(out, sums, PANEL_VECTORS);
}

// MARK: - Several rows

/// Rows of a product with a panel.
typedef struct PairRows {
  float *out;
  size_t out_stride;
  const uint32_t *x;
  size_t x_stride, count;
} PairRows;

/// The rows from `row` on, and their outputs from `column` on.
INLINE PairRows rows_from(PairRows rows, size_t row, size_t column) {
  return (PairRows){rows.out + row * rows.out_stride + column, rows.out_stride,
                    rows.x + row * rows.x_stride, rows.x_stride, rows.count - row};
}

#if defined(KERNELS_TILES)

/// The products of rows, of which those of the first two tiles are computed, with half of a block.
/// Meanwhile, `coming_bytes` are prefetched for each chain.
INLINE void add_tiles(const int has_lower, const PairRows rows, const uint16_t *restrict block,
                      const uint16_t *restrict rest, size_t pairs, ComingBlock *coming,
                      size_t coming_bytes) {
  float sums[2 * lanes][2 * lanes] __attribute__((aligned(64)));
  const uint32_t *upper = rows.x, *lower = has_lower ? upper + lanes * rows.x_stride : 0;
  clear_tiles();
  for (size_t pair = 0; pair < pairs; pair += CHAIN) {
    const uint16_t *right = pairs - pair < CHAIN ? rest : block + 2 * pair * PANEL;
    add_product_of_tiles(upper + pair, lower ? lower + pair : 0, rows.x_stride * sizeof(*upper),
                         (const uint32_t *)right);
    prefetch_some(coming, coming_bytes);
  }
  store_tiles(sums);
  for (size_t row = 0; row < rows.count && row < 2 * lanes; row++) {
    add_sums(rows.out + row * rows.out_stride, (const Vector *)sums[row], 2);
  }
}

/// out += x * block.
INLINE void add_block(const PairRows rows, const uint16_t *restrict block, size_t pairs,
                      ComingBlock coming) {
  // The pairs of a last, shorter chain, followed by zero.
  uint16_t rest[2 * CHAIN * PANEL];
  const size_t last = pairs % CHAIN, chains = (pairs + CHAIN - 1) / CHAIN;
  if (last > 0) {
    memset(rest, 0, sizeof(rest));
    memcpy(rest, block + 2 * (pairs - last) * PANEL, last * 2 * PANEL * sizeof(*block));
  }
  const size_t products = (rows.count + 2 * lanes - 1) / (2 * lanes) * 2 * chains;
  const size_t part = ((size_t)(coming.end - coming.next) + products - 1) / products;
  for (size_t row = 0; row < rows.count; row += 2 * lanes) {
    for (size_t column = 0; column < PANEL; column += 2 * lanes) {
      const PairRows some = rows_from(rows, row, column);
      const uint16_t *b = block + 2 * column, *r = rest + 2 * column;
      if (some.count > lanes) {
        add_tiles(1, some, b, r, pairs, &coming, part);
      } else {
        add_tiles(0, some, b, r, pairs, &coming, part);
      }
    }
  }
}

#else

enum { COLUMN_VECTORS = 4, COLUMNS = COLUMN_VECTORS * LANES };

/// The products of `count` rows, a constant, with COLUMNS columns of a block. If `coming`, as many
/// bytes as the block has are prefetched from there.
INLINE void add_rows(const size_t count, const PairRows rows, const uint16_t *restrict block,
                     size_t pairs, const char *coming) {
  Chain sums[ROWS_TOGETHER][COLUMN_VECTORS];
  for (size_t r = 0; r < count; r++) {
    for (size_t v = 0; v < COLUMN_VECTORS; v++) sums[r][v] = empty_chain();
  }
  for (size_t pair = 0; pair < pairs; pair++, block += 2 * PANEL) {
    Words weights[COLUMN_VECTORS];
    for (size_t v = 0; v < COLUMN_VECTORS; v++) {
      weights[v] = from_pairs(block + 2 * v * LANES);
      if (coming) __builtin_prefetch(coming + 4 * (pair * PANEL + v * LANES), 0, 2);
    }
    for (size_t r = 0; r < count; r++) {
      const uint32_t factor = rows.x[r * rows.x_stride + pair];
      for (size_t v = 0; v < COLUMN_VECTORS; v++) {
        sums[r][v] = add_pairs(sums[r][v], factor, weights[v]);
      }
    }
  }
  for (size_t r = 0; r < count; r++) {
    add_sums(rows.out + r * rows.out_stride, sums[r], COLUMN_VECTORS);
  }
}

/// out += x * block.
INLINE void add_block(const PairRows rows, const uint16_t *restrict block, size_t pairs,
                      ComingBlock coming) {
  for (size_t row = 0; row < rows.count; row += ROWS_TOGETHER) {
    for (size_t column = 0; column < PANEL; column += COLUMNS) {
      const PairRows some = rows_from(rows, row, column);
      const uint16_t *b = block + 2 * column;
      if (row == 0 && rows.count >= ROWS_TOGETHER) {
        add_rows(ROWS_TOGETHER, some, b, pairs, coming.next + 4 * column);
        continue;
      }
      switch (some.count) {
      case 1: add_rows(1, some, b, pairs, 0); break;
#if ROWS_TOGETHER > 2
      case 2: add_rows(2, some, b, pairs, 0); break;
      case 3: add_rows(3, some, b, pairs, 0); break;
      case 4: add_rows(4, some, b, pairs, 0); break;
      case 5: add_rows(5, some, b, pairs, 0); break;
#endif
      default: add_rows(ROWS_TOGETHER, some, b, pairs, 0); break;
      }
    }
  }
}

#endif

// MARK: - Panels

void ckernels_linear_pairs(float *restrict out, size_t out_stride, const uint32_t *restrict x,
                           size_t x_stride, size_t rows, const uint16_t *restrict panel,
                           size_t inputs) {
  const PairRows all = {out, out_stride, x, x_stride, rows};
#if defined(KERNELS_TILES)
  if (rows > 1) _tile_loadconfig(&tile_shapes);
#endif
  for (size_t input = 0; input < inputs; input += BFLOAT16_BLOCK) {
    const size_t rest = inputs - input, count = rest < BFLOAT16_BLOCK ? rest : BFLOAT16_BLOCK;
    const uint16_t *block = panel + input * PANEL, *next = block + BFLOAT16_BLOCK * PANEL;
    PairRows some = all;
    some.x += input / 2;
    if (rows == 1) {
      add_block_of_row(out, some.x, block, (count + 1) / 2);
    } else {
      // After the last block of a panel comes the first of the next one.
      const ComingBlock coming = {(const char *)next, (const char *)(next + BFLOAT16_BLOCK * PANEL)};
      add_block(some, block, (count + 1) / 2, coming);
    }
  }
#if defined(KERNELS_TILES)
  if (rows > 1) _tile_release();
#endif
}

int ckernels_multiplies_pairs(void) {
#if defined(KERNELS_BFLOAT16)
  return 1;
#else
  return 0;
#endif
}
