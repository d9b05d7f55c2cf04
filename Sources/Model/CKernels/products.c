#include "CKernels.h"
#include "arithmetic.h"

// Uses what packing.c defines, which comes before it in each variant.

#if defined(KERNELS_AVX512)

INLINE __m512 fused(int has_pairs, __m512 sum, uint32_t left, __m512i right) {
  __m512i x = _mm512_set1_epi32((int)left);
#if defined(KERNELS_BFLOAT16)
  if (has_pairs) return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)right);
#endif
  return _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(right), sum);
}

/// The nearest bfloat16 of 16 floats; ties go to the even one. NaN stays NaN.
INLINE __m256i bfloat16_of(__m512 x) {
#if defined(KERNELS_BFLOAT16)
  return (__m256i)_mm512_cvtneps_pbh(x);
#else
  const __m512i bits = _mm512_castps_si512(x), one = _mm512_set1_epi32(1);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(1 << 22));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i words = _mm512_mask_mov_epi32(up, is_nan, quiet);
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(words, 16));
#endif
}

INLINE void store(const CKernelsProduct *out, size_t row, size_t column, __m512 sum,
                  __mmask16 mask) {
  size_t place = row * out->stride + column;
  sum *= out->factor;
  if (out->bias) sum += _mm512_maskz_loadu_ps(mask, out->bias + column);
  if (out->out_is_bfloat16) {
    uint16_t *target = (uint16_t *)out->out + place;
    if (out->accumulates) {
      __m256i old = _mm256_maskz_loadu_epi16(mask, target);
      sum += _mm512_castsi512_ps(floats_of_bfloat16(old));
    }
    _mm256_mask_storeu_epi16(target, mask, bfloat16_of(sum));
    return;
  }
  float *target = (float *)out->out + place;
  if (out->accumulates) sum += _mm512_maskz_loadu_ps(mask, target);
  _mm512_mask_storeu_ps(target, mask, sum);
}

/// Reads the numbers of a tile of the product into the cache, to be written.
INLINE void read_ahead_of_stores(const CKernelsProduct *out, int rows, int width, size_t row,
                                 size_t column) {
  const size_t bytes = out->out_is_bfloat16 ? 2 : 4;
  char *first = (char *)out->out + (row * out->stride + column) * bytes;
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++, first += out->stride * bytes)
    for (size_t j = 0; j < (size_t)width * lanes * bytes; j += 64) __builtin_prefetch(first + j, 1);
}

/// A tile of `rows` rows and `width` vectors of columns.
///
/// The next panel of the left operand (of rows in place, the first of them) and the tile's place in
/// memory are read ahead: on a Zen 5, that made products of 4,096 rows in fp32 1.05 to 1.1 times as
/// fast, and those that add to `out` 1.1 to 1.2 times.
INLINE void tile(int has_pairs, int rows, int width, const CKernelsProduct *out, size_t row,
                 size_t column, const uint32_t *restrict left, const uint32_t *restrict right) {
  __m512 sums[tile_rows][vectors];
  // Unrolled, or the sums would lie in memory before and after the loop.
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < width; j++) sums[i][j] = _mm512_setzero_ps();
  const uint32_t *lines[tile_rows];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < (size_t)rows; i++) lines[i] = left + i * out->left_row_stride;
  read_ahead_of_stores(out, rows, width, row, column);
  const size_t next_panel = row + tile_rows < out->rows ? out->left_panel_words : 0;
  size_t place = 0;
#pragma clang loop unroll_count(2)
  for (size_t word = 0; word < out->words; word++) {
    __m512i columns[vectors];
    for (int j = 0; j < width; j++) columns[j] = _mm512_loadu_si512(right + j * lanes);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < width; j++)
        sums[i][j] = fused(has_pairs, sums[i][j], lines[i][place], columns[j]);
    _mm_prefetch((const char *)(left + next_panel + place), _MM_HINT_T1);
    place += out->left_word_stride;
    right += tile_columns;
  }
#pragma clang loop unroll(full)
  for (size_t j = 0; j < (size_t)width; j++) {
    if (column + j * lanes >= out->columns) return;
    const __mmask16 mask = first_lanes(out->columns - column - j * lanes);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
      store(out, row + (size_t)i, column + j * lanes, sums[i][j], mask);
  }
}

INLINE void tiles(int has_pairs, int rows, const CKernelsProduct *out, size_t row,
                  const uint32_t *left, const uint32_t *right) {
  for (size_t column = 0; column < out->columns; column += tile_columns) {
    if (panel_width(out->columns - column) == lanes)
      tile(has_pairs, rows, 1, out, row, column, left, right);
    else
      tile(has_pairs, rows, vectors, out, row, column, left, right);
    right += out->right_panel_words;
  }
}

// A panel of the left operand stays in the first-level cache while it is multiplied by all of the
// right one, which stays in the second-level cache.
INLINE void multiply(int has_pairs, const CKernelsProduct *out, const uint32_t *left,
                     const uint32_t *right) {
  for (size_t row = 0; row < out->rows; row += tile_rows, left += out->left_panel_words) {
    switch (out->rows - row) {
    case 1: return tiles(has_pairs, 1, out, row, left, right);
    case 2: return tiles(has_pairs, 2, out, row, left, right);
    case 3: return tiles(has_pairs, 3, out, row, left, right);
    case 4: return tiles(has_pairs, 4, out, row, left, right);
    case 5: return tiles(has_pairs, 5, out, row, left, right);
    default: tiles(has_pairs, tile_rows, out, row, left, right);
    }
  }
}

#if defined(KERNELS_TILES)
/// The shape of all tiles: 16 rows of 64 bytes.
typedef struct TileShapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} TileShapes;

static const TileShapes tile_shapes = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64},
                                       {16, 16, 16, 16, 16, 16, 16, 16}};

/// Begins the sums of two tiles of rows and two of columns.
INLINE void clear_tiles(void) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

/// Adds the products of 16 words: of one or two tiles of rows, whose rows are `row_bytes` apart, and
/// two of columns, which are adjacent in a panel.
INLINE void add_product_of_tiles(const uint32_t *upper, const uint32_t *lower, size_t row_bytes,
                                 const uint32_t *right) {
  enum { right_bytes = tile_columns * 4 };
  _tile_loadd(4, upper, row_bytes);
  _tile_loadd(6, right, right_bytes);
  _tile_loadd(7, right + lanes, right_bytes);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  if (!lower) return;
  _tile_loadd(5, lower, row_bytes);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

INLINE void store_tiles(float sums[2 * lanes][2 * lanes]) {
  _tile_stored(0, sums[0], sizeof(sums[0]));
  _tile_stored(1, sums[0] + lanes, sizeof(sums[0]));
  _tile_stored(2, sums[lanes], sizeof(sums[0]));
  _tile_stored(3, sums[lanes] + lanes, sizeof(sums[0]));
}

/// The sums of two tiles of rows and two of columns, which are written to the product some rows at a
/// time.
typedef struct FinishedTiles {
  float sums[2 * lanes][2 * lanes] __attribute__((aligned(64)));
  size_t row, column;
  /// The rows that the product has there, and those that are written.
  size_t rows, written;
} FinishedTiles;

INLINE void write_rows(const CKernelsProduct *out, FinishedTiles *tiles, size_t count) {
  const size_t left = tiles->rows - tiles->written;
  const size_t end = tiles->written + (left < count ? left : count);
  for (size_t i = tiles->written; i < end; i++)
    for (size_t j = 0; j < 2 * lanes && tiles->column + j < out->columns; j += lanes)
      store(out, tiles->row + i, tiles->column + j, _mm512_load_ps(tiles->sums[i] + j),
            first_lanes(out->columns - tiles->column - j));
  tiles->written = end;
}

/// Multiplies pairs with the processor's instructions for tiles. Sums are written between the next
/// products, which do not use the same parts of the processor: that is 1.05 to 1.1 times as fast.
static void multiply_tiles(const CKernelsProduct *out, const uint32_t *left,
                           const uint32_t *right) {
  FinishedTiles finished;
  finished.rows = finished.written = 0;
  _tile_loadconfig(&tile_shapes);
  for (size_t row = 0; row < out->rows; row += 2 * lanes, left += out->left_panel_words)
    for (size_t column = 0; column < out->columns; column += 2 * lanes) {
      const uint32_t *upper = left;
      const uint32_t *columns =
          right + column / tile_columns * out->right_panel_words + column % tile_columns;
      clear_tiles();
      for (size_t word = 0; word < out->words; word += lanes) {
        add_product_of_tiles(upper, upper + lanes * lanes, lanes * sizeof(*upper), columns);
        upper += 2 * lanes * lanes;
        columns += lanes * tile_columns;
        write_rows(out, &finished, 2);
      }
      write_rows(out, &finished, 2 * lanes);
      store_tiles(finished.sums);
      const size_t rows = out->rows - row;
      finished.row = row, finished.column = column;
      finished.rows = rows < 2 * lanes ? rows : 2 * lanes, finished.written = 0;
    }
  _tile_release();
  write_rows(out, &finished, 2 * lanes);
}
#endif

void ckernels_multiply_packed(const CKernelsProduct *product, const uint32_t *left,
                              const uint32_t *right) {
  // A copy, which stores to the product cannot change.
  const CKernelsProduct copy = *product, *const out = &copy;
  if (out->has_pairs)
#if defined(KERNELS_TILES)
    multiply_tiles(out, left, right);
#else
    multiply(1, out, left, right);
#endif
  else
    multiply(0, out, left, right);
}

#else

void ckernels_multiply_packed(const CKernelsProduct *product, const uint32_t *left,
                              const uint32_t *right) {
  __builtin_trap();
}

#endif
