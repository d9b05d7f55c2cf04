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

// MARK: - Types of weights

/// How weights of a type are read; a constant wherever it is used.
typedef struct PairFormat {
  /// The inputs of a block, and its bytes.
  size_t inputs, bytes;
  /// The weights of a pair of inputs of a block, for the outputs of vector `v`. Weights after the
  /// last of `inputs` are zero.
  Words (*pairs)(const void *block, size_t pair, size_t v, size_t inputs);
  /// Whether blocks are pairs already.
  int is_pairs;
} PairFormat;

INLINE Words pairs_of_bfloat16(const void *block, size_t pair, size_t v, size_t inputs) {
  return from_pairs((const uint16_t *)block + 2 * (pair * PANEL + v * LANES));
}

INLINE Words pairs_of_int8(const void *block, size_t pair, size_t v, size_t inputs) {
  const int8_t *first = (const int8_t *)block + 2 * pair * PANEL + v * LANES;
  const int has_second = 2 * pair + 1 < inputs;
  return pairs_of(from_int8(first), has_second ? from_int8(first + PANEL) : (Vector)0.0f);
}

/// The integers from -8 to 7 as bfloat16.
#define INTEGERS                                                                                 \
  0xC100, 0xC0E0, 0xC0C0, 0xC0A0, 0xC080, 0xC040, 0xC000, 0xBF80, 0, 0x3F80, 0x4000, 0x4040,     \
      0x4080, 0x40A0, 0x40C0, 0x40E0

INLINE Words pairs_of_int4(const void *block, size_t pair, size_t v, size_t inputs) {
  const uint32_t *weights = ((const CKernelsInt4Block *)block)->weights[pair / PAIRS_OF_WORD];
  const uint32_t shift = nibble_shift(2 * pair % NIBBLES);
  const Words words = *(const Words *)(weights + v * LANES) >> shift;
#if defined(KERNELS_AVX512)
  // Twice, because a permutation looks at five bits of each half of a word.
  static const uint16_t integers[2 * LANES] __attribute__((aligned(64))) = {INTEGERS, INTEGERS};
  return (Words)_mm512_permutexvar_epi16((__m512i)words, _mm512_load_si512(integers));
#else
  return pairs_of(from_int4(words), from_int4(words >> 16));
#endif
}

// MARK: - One row

/// out += x * block, or with scales out += scales * (x * block), for the `inputs` of a block.
INLINE void add_block_of_row(const PairFormat format, float *restrict out,
                             const uint32_t *restrict x, const void *restrict block,
                             const float *restrict scales, size_t inputs) {
  const size_t pairs = (inputs + 1) / 2, pair_bytes = 2 * format.bytes / format.inputs;
  Vector sums[PANEL_VECTORS];
  for (size_t v = 0; v < PANEL_VECTORS; v++) sums[v] = (Vector)0.0f;
  for (size_t start = 0; start < pairs; start += CHAIN) {
    const size_t end = start + CHAIN < pairs ? start + CHAIN : pairs;
    Chain chains[PANEL_VECTORS];
    for (size_t v = 0; v < PANEL_VECTORS; v++) chains[v] = empty_chain();
    for (size_t pair = start; pair < end; pair++) {
      read_on((const char *)block + pair * pair_bytes, pair_bytes);
      for (size_t v = 0; v < PANEL_VECTORS; v++) {
        chains[v] = add_pairs(chains[v], x[pair], format.pairs(block, pair, v, inputs));
      }
    }
    for (size_t v = 0; v < PANEL_VECTORS; v++) sums[v] += sum_of(chains[v]);
  }
  add_sums(out, sums, scales, PANEL_VECTORS);
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

/// The block after the one that is multiplied, of which some pairs are made ready at a time.
typedef struct ComingBlock {
  const char *block;
  size_t inputs, next_pair;
  /// Where its pairs of bfloat16 are written, without its scales; unused if it has them already.
  uint16_t *pairs;
} ComingBlock;

INLINE size_t pairs_to_come(const ComingBlock *coming) {
  return (coming->inputs + 1) / 2 - coming->next_pair;
}

/// Makes `count` pairs ready: those that are read later are prefetched.
INLINE void prepare_pairs(const PairFormat format, ComingBlock *coming, size_t count) {
  const size_t pair_bytes = 2 * format.bytes / format.inputs, left = pairs_to_come(coming);
  const size_t end = coming->next_pair + (left < count ? left : count);
  for (size_t pair = coming->next_pair; pair < end; pair++) {
    const char *source = coming->block + pair * pair_bytes;
    if (format.is_pairs) {
      for (size_t line = 0; line < pair_bytes; line += 64) __builtin_prefetch(source + line, 0, 2);
      continue;
    }
    read_on(source, pair_bytes);
    for (size_t v = 0; v < PANEL_VECTORS; v++) {
      *(Words *)(coming->pairs + 2 * (pair * PANEL + v * LANES)) =
          format.pairs(coming->block, pair, v, coming->inputs);
    }
  }
  coming->next_pair = end;
}

#if defined(KERNELS_TILES)

/// The products of rows, of which those of the first two tiles are computed, with half of a block.
/// Meanwhile, `coming_pairs` are made ready for each chain.
INLINE void add_tiles(const int has_lower, const PairRows rows, const uint16_t *restrict block,
                      const uint16_t *restrict rest, const float *restrict scales, size_t pairs,
                      const PairFormat format, ComingBlock *coming, size_t coming_pairs) {
  float sums[2 * lanes][2 * lanes] __attribute__((aligned(64)));
  const uint32_t *upper = rows.x, *lower = has_lower ? upper + lanes * rows.x_stride : 0;
  clear_tiles();
  for (size_t pair = 0; pair < pairs; pair += CHAIN) {
    const uint16_t *right = pairs - pair < CHAIN ? rest : block + 2 * pair * PANEL;
    add_product_of_tiles(upper + pair, lower ? lower + pair : 0, rows.x_stride * sizeof(*upper),
                         (const uint32_t *)right);
    prepare_pairs(format, coming, coming_pairs);
  }
  store_tiles(sums);
  for (size_t row = 0; row < rows.count && row < 2 * lanes; row++) {
    add_sums(rows.out + row * rows.out_stride, (const Vector *)sums[row], scales, 2);
  }
}

/// out += x * block, or with scales out += scales * (x * block). The pairs of the coming block are
/// made ready between the products of tiles, which do not use the same parts of the processor.
INLINE void add_block(const PairRows rows, const uint16_t *restrict block,
                      const float *restrict scales, size_t pairs, const PairFormat format,
                      ComingBlock *coming) {
  // The pairs of a last, shorter chain, followed by zero.
  uint16_t rest[2 * CHAIN * PANEL];
  const size_t last = pairs % CHAIN, chains = (pairs + CHAIN - 1) / CHAIN;
  if (last > 0) {
    memset(rest, 0, sizeof(rest));
    memcpy(rest, block + 2 * (pairs - last) * PANEL, last * 2 * PANEL * sizeof(*block));
  }
  const size_t products = (rows.count + 2 * lanes - 1) / (2 * lanes) * 2 * chains;
  const size_t part = (pairs_to_come(coming) + products - 1) / products;
  for (size_t row = 0; row < rows.count; row += 2 * lanes) {
    for (size_t column = 0; column < PANEL; column += 2 * lanes) {
      const PairRows some = rows_from(rows, row, column);
      const uint16_t *b = block + 2 * column, *r = rest + 2 * column;
      const float *s = scales ? scales + column : 0;
      if (some.count > lanes) {
        add_tiles(1, some, b, r, s, pairs, format, coming, part);
      } else {
        add_tiles(0, some, b, r, s, pairs, format, coming, part);
      }
    }
  }
}

#else

enum { COLUMN_VECTORS = 4, COLUMNS = COLUMN_VECTORS * LANES };

/// The products of `count` rows, a constant, with COLUMNS columns of a block. If `coming`, as many
/// bytes as the block has are prefetched from there.
INLINE void add_rows(const size_t count, const PairRows rows, const uint16_t *restrict block,
                     const float *restrict scales, size_t pairs, const char *coming) {
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
    add_sums(rows.out + r * rows.out_stride, sums[r], scales, COLUMN_VECTORS);
  }
}

/// out += x * block, or with scales out += scales * (x * block). Pairs of the coming block are
/// prefetched meanwhile.
INLINE void add_block(const PairRows rows, const uint16_t *restrict block,
                      const float *restrict scales, size_t pairs, const PairFormat format,
                      ComingBlock *coming) {
  for (size_t row = 0; row < rows.count; row += ROWS_TOGETHER) {
    for (size_t column = 0; column < PANEL; column += COLUMNS) {
      const PairRows some = rows_from(rows, row, column);
      const uint16_t *b = block + 2 * column;
      const float *s = scales ? scales + column : 0;
      if (row == 0 && rows.count >= ROWS_TOGETHER && format.is_pairs) {
        add_rows(ROWS_TOGETHER, some, b, s, pairs, coming->block + 4 * column);
        continue;
      }
      switch (some.count) {
      case 1: add_rows(1, some, b, s, pairs, 0); break;
#if ROWS_TOGETHER > 2
      case 2: add_rows(2, some, b, s, pairs, 0); break;
      case 3: add_rows(3, some, b, s, pairs, 0); break;
      case 4: add_rows(4, some, b, s, pairs, 0); break;
      case 5: add_rows(5, some, b, s, pairs, 0); break;
#endif
      default: add_rows(ROWS_TOGETHER, some, b, s, pairs, 0); break;
      }
    }
  }
}

#endif

// MARK: - Panels

/// The inputs of a block if there are `inputs` from its first on.
INLINE size_t inputs_of_block(const PairFormat format, size_t inputs) {
  return inputs < format.inputs ? inputs : format.inputs;
}

/// out += x * panel. Scales of int4 are in the panel.
INLINE void linear(const PairFormat format, const PairRows rows, const void *restrict panel,
                   const float *restrict scales, size_t inputs) {
  const int is_int4 = format.inputs == CKERNELS_INT4_BLOCK;
  const char *block = panel;
  uint16_t memory[2][CKERNELS_INPUT_BLOCK * PANEL] __attribute__((aligned(64)));
#if defined(KERNELS_TILES)
  if (rows.count > 1) _tile_loadconfig(&tile_shapes);
#endif
  if (rows.count > 1 && !format.is_pairs) {
    ComingBlock first = {block, inputs_of_block(format, inputs), 0, memory[0]};
    prepare_pairs(format, &first, format.inputs);
  }
  for (size_t input = 0; input < inputs; input += format.inputs, block += format.bytes) {
    const size_t count = inputs_of_block(format, inputs - input);
    PairRows some = rows;
    some.x += input / 2;
    float int4_scales[PANEL];
    const float *s = scales ? scales + input / format.inputs * PANEL : 0;
    if (is_int4) s = scales_of_int4(int4_scales, (const CKernelsInt4Block *)block);
    if (rows.count == 1) {
      add_block_of_row(format, some.out, some.x, block, s, count);
      continue;
    }
    const size_t number = input / format.inputs, rest = inputs - input - count;
    const uint16_t *pairs = format.is_pairs ? (const uint16_t *)block : memory[number % 2];
    // After the last block of a panel comes the first of the next one.
    ComingBlock coming = {block + format.bytes,
                          format.is_pairs ? format.inputs : inputs_of_block(format, rest), 0,
                          memory[(number + 1) % 2]};
    add_block(some, pairs, s, (count + 1) / 2, format, &coming);
    if (!format.is_pairs) prepare_pairs(format, &coming, format.inputs);
  }
#if defined(KERNELS_TILES)
  if (rows.count > 1) _tile_release();
#endif
}

void ckernels_linear_pairs(float *restrict out, size_t out_stride, const uint32_t *restrict x,
                           size_t x_stride, size_t rows, const uint16_t *restrict panel,
                           size_t inputs) {
  const PairFormat format = {BFLOAT16_BLOCK, 2 * BFLOAT16_BLOCK * PANEL, pairs_of_bfloat16, 1};
  linear(format, (PairRows){out, out_stride, x, x_stride, rows}, panel, 0, inputs);
}

void ckernels_linear_int8_pairs(float *restrict out, size_t out_stride, const uint32_t *restrict x,
                                size_t x_stride, size_t rows, const int8_t *restrict panel,
                                const float *restrict scales, size_t inputs) {
  const PairFormat format = {INPUT_BLOCK, INPUT_BLOCK * PANEL, pairs_of_int8, 0};
  linear(format, (PairRows){out, out_stride, x, x_stride, rows}, panel, scales, inputs);
}

void ckernels_linear_int4_pairs(float *restrict out, size_t out_stride, const uint32_t *restrict x,
                                size_t x_stride, size_t rows,
                                const CKernelsInt4Block *restrict panel, size_t inputs) {
  const PairFormat format = {CKERNELS_INT4_BLOCK, sizeof(*panel), pairs_of_int4, 0};
  linear(format, (PairRows){out, out_stride, x, x_stride, rows}, panel, 0, inputs);
}

int ckernels_multiplies_pairs(void) {
#if defined(KERNELS_BFLOAT16)
  return 1;
#else
  return 0;
#endif
}
