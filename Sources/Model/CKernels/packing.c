#include "CKernels.h"
#include "arithmetic.h"

#if defined(KERNELS_AVX512)

enum { tile_rows = CKERNELS_TILE_ROWS, tile_columns = CKERNELS_TILE_COLUMNS };
enum { lanes = 16, vectors = tile_columns / lanes };
_Static_assert(tile_columns % lanes == 0, "a tile is some vectors wide");

int ckernels_packs_floats(void) { return 1; }

#if defined(KERNELS_TILES)
size_t ckernels_pair_tile_rows(void) { return 2 * lanes; }
size_t ckernels_pair_unit(void) { return lanes; }
#else
size_t ckernels_pair_tile_rows(void) { return tile_rows; }
size_t ckernels_pair_unit(void) { return 1; }
#endif

/// The words of a packed line.
INLINE size_t words_of(const CKernelsLines *x) {
  if (x->kind != CKERNELS_BFLOAT16_PAIRS) return x->inner;
  const size_t unit = ckernels_pair_unit();
  return ((x->inner + 1) / 2 + unit - 1) / unit * unit;
}

/// How many columns of a panel are used if it has `columns`: adapters of rank 16 or less fill one
/// vector.
INLINE size_t panel_width(size_t columns) { return columns <= lanes ? lanes : tile_columns; }

INLINE __mmask16 first_lanes(size_t count) {
  return count >= lanes ? 0xFFFF : (__mmask16)((1u << count) - 1);
}

/// Transposes a matrix of 16 × 16 words.
INLINE void transpose(__m512i rows[lanes]) {
  __m512i pairs[lanes], quads[lanes];
  for (int i = 0; i < lanes; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < lanes; i += 4) {
    quads[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
    quads[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
    quads[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    quads[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
  for (int half = 0; half < lanes; half += 8)
    for (int i = half; i < half + 4; i++) {
      pairs[i] = _mm512_shuffle_i32x4(quads[i], quads[i + 4], 0x88);
      pairs[i + 4] = _mm512_shuffle_i32x4(quads[i], quads[i + 4], 0xDD);
    }
  for (int i = 0; i < 8; i++) {
    rows[i] = _mm512_shuffle_i32x4(pairs[i], pairs[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(pairs[i], pairs[i + 8], 0xDD);
  }
}

/// The floats of 16 bfloat16.
INLINE __m512i floats_of_bfloat16(__m256i numbers) {
  return _mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16);
}

/// 16 words of a line whose numbers are adjacent, zero from number `inner` on.
INLINE __m512i line_words(CKernelsWordKind kind, const void *line, size_t word, size_t inner) {
  if (kind == CKERNELS_BFLOAT16_PAIRS) {
    size_t left = inner - 2 * word;
    __mmask32 mask = left >= 2 * lanes ? UINT32_MAX : (1u << left) - 1;
    return _mm512_maskz_loadu_epi16(mask, (const uint16_t *)line + 2 * word);
  }
  __mmask16 mask = first_lanes(inner - word);
  if (kind == CKERNELS_FLOATS) return _mm512_maskz_loadu_epi32(mask, (const float *)line + word);
  return floats_of_bfloat16(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)line + word));
}

/// The address `bytes` after `address`, where the processor is to read ahead.
INLINE void read_ahead(const void *address, size_t bytes) {
  _mm_prefetch((const char *)address + bytes, _MM_HINT_T0);
}

/// 16 words from `word` on of line `index`, whose numbers are adjacent; zero after the last line.
INLINE __m512i words_of_line(CKernelsWordKind kind, const CKernelsLines *x, size_t index,
                             size_t word) {
  size_t line_bytes = x->stride * (kind == CKERNELS_FLOATS ? 4 : 2);
  if (index >= x->count) return _mm512_setzero_si512();
  const char *line = (const char *)x->numbers + index * line_bytes;
  read_ahead(line, word * (kind == CKERNELS_BFLOAT16 ? 2 : 4) + 512);
  return line_words(kind, line, word, x->inner);
}

/// Packs `width` lines whose numbers are adjacent in a panel for the right operand.
INLINE void pack_wide(CKernelsWordKind kind, size_t width, uint32_t *out, const CKernelsLines *x,
                      size_t first_line, size_t words) {
  for (size_t first = 0; first < width; first += lanes)
    for (size_t word = 0; word < words; word += lanes) {
      __m512i rows[lanes];
#pragma clang loop unroll(full)
      for (size_t i = 0; i < lanes; i++)
        rows[i] = words_of_line(kind, x, first_line + first + i, word);
      transpose(rows);
      uint32_t *target = out + word * tile_columns + first;
#pragma clang loop unroll(full)
      for (size_t i = 0; i < lanes; i++)
        if (word + i < words) _mm512_storeu_si512(target + i * tile_columns, rows[i]);
    }
}

/// Packs lines whose numbers are adjacent in a panel for the left operand.
INLINE void pack_narrow(CKernelsWordKind kind, uint32_t *out, const CKernelsLines *x,
                        size_t first_line, size_t words) {
  _Static_assert(tile_rows == 6, "three pairs of rows");
  // Lane j of vector v of a block of 16 words is word (16 v + j) / 6 of row (16 v + j) % 6.
  __m512i places[tile_rows];
  __mmask16 is_second[tile_rows], is_third[tile_rows];
#pragma clang loop unroll(full)
  for (int vector = 0; vector < tile_rows; vector++) {
    uint32_t place[lanes];
    is_second[vector] = is_third[vector] = 0;
    for (int lane = 0; lane < lanes; lane++) {
      int word = (vector * lanes + lane) / tile_rows, row = (vector * lanes + lane) % tile_rows;
      place[lane] = (uint32_t)(word + lanes * (row % 2));
      is_second[vector] |= (__mmask16)((row / 2 == 1) << lane);
      is_third[vector] |= (__mmask16)((row / 2 == 2) << lane);
    }
    places[vector] = _mm512_loadu_si512(place);
  }
  for (size_t word = 0; word < words; word += lanes, out += lanes * tile_rows) {
    __m512i rows[tile_rows];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < tile_rows; i++) rows[i] = words_of_line(kind, x, first_line + i, word);
    size_t left = (words - word) * tile_rows;
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < tile_rows; vector++) {
      __m512i place = places[vector], packed = _mm512_permutex2var_epi32(rows[0], place, rows[1]);
      packed = _mm512_mask_mov_epi32(packed, is_second[vector],
                                     _mm512_permutex2var_epi32(rows[2], place, rows[3]));
      packed = _mm512_mask_mov_epi32(packed, is_third[vector],
                                     _mm512_permutex2var_epi32(rows[4], place, rows[5]));
      if (left >= (vector + 1) * lanes)
        _mm512_storeu_si512(out + vector * lanes, packed);
      else if (left > vector * lanes)
        _mm512_mask_storeu_epi32(out + vector * lanes, first_lanes(left - vector * lanes), packed);
    }
  }
}

/// The word that begins with number `i` of 16 lines that are side by side; zero after the last
/// number or line.
INLINE __m512i words_side_by_side(CKernelsWordKind kind, const CKernelsLines *x, size_t line,
                                  size_t i) {
  if (i >= x->inner) return _mm512_setzero_si512();
  size_t place = i * x->stride + line;
  __mmask16 mask = first_lanes(x->count > line ? x->count - line : 0);
  if (kind == CKERNELS_FLOATS) {
    const float *numbers = (const float *)x->numbers + place;
    read_ahead(numbers, 16 * 4 * x->stride);
    return _mm512_maskz_loadu_epi32(mask, numbers);
  }
  const uint16_t *numbers = (const uint16_t *)x->numbers + place;
  __m512i row = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, numbers));
  read_ahead(numbers, 16 * 2 * x->stride);
  if (kind == CKERNELS_BFLOAT16) return _mm512_slli_epi32(row, 16);
  if (i + 1 == x->inner) return row;
  __m256i next = _mm256_maskz_loadu_epi16(mask, numbers + x->stride);
  read_ahead(numbers, 17 * 2 * x->stride);
  return _mm512_or_si512(row, floats_of_bfloat16(next));
}

/// The word of each line of a panel that begins with number `i`, of lines that are side by side.
INLINE void pack_word(CKernelsWordKind kind, size_t width, uint32_t *out, const CKernelsLines *x,
                      size_t first_line, size_t i) {
  for (size_t first = 0; first < width; first += lanes) {
    __m512i row = words_side_by_side(kind, x, first_line + first, i);
    // The words after those of a narrow panel are overwritten by the next ones.
    if (width >= lanes)
      _mm512_storeu_si512(out + first, row);
    else if (i + 2 < x->inner)
      _mm256_storeu_si256((__m256i *)(out + first), _mm512_castsi512_si256(row));
    else
      _mm512_mask_storeu_epi32(out + first, first_lanes(width - first), row);
  }
}

#if defined(KERNELS_TILES)
/// Packs pairs in panels of two tiles, one below the other: the tiles of the first 16 words, then
/// those of the next ones.
static void pack_left_tiles(uint32_t *out, size_t panel_words, const CKernelsLines *x) {
  const size_t words = words_of(x);
  for (size_t first = 0; first < x->count; first += 2 * lanes, out += panel_words) {
    uint32_t *target = out;
    for (size_t word = 0; word < words; word += lanes)
      for (size_t line = first; line < first + 2 * lanes; line += lanes, target += lanes * lanes) {
        __m512i rows[lanes];
        for (size_t i = 0; i < lanes; i++)
          rows[i] = x->lines_are_rows
                        ? words_of_line(CKERNELS_BFLOAT16_PAIRS, x, line + i, word)
                        : words_side_by_side(CKERNELS_BFLOAT16_PAIRS, x, line, 2 * (word + i));
        if (!x->lines_are_rows) transpose(rows);
        for (size_t i = 0; i < lanes; i++) _mm512_store_si512(target + i * lanes, rows[i]);
      }
  }
}
#endif

INLINE void pack_left(CKernelsWordKind kind, uint32_t *out, size_t panel_words,
                      const CKernelsLines *x) {
  size_t step = kind == CKERNELS_BFLOAT16_PAIRS ? 2 : 1, words = (x->inner + step - 1) / step;
  // Lines that are side by side share cache lines, so some panels are packed together.
  size_t together = x->lines_are_rows ? tile_rows : 16 * tile_rows;
  for (size_t first = 0; first < x->count; first += together) {
    uint32_t *target = out + first / tile_rows * panel_words;
    if (x->lines_are_rows) {
      pack_narrow(kind, target, x, first, words);
      continue;
    }
    size_t end = x->count - first < together ? x->count : first + together;
    for (size_t i = 0; i < x->inner; i += step, target += tile_rows) {
      uint32_t *word = target;
      for (size_t line = first; line < end; line += tile_rows, word += panel_words)
        pack_word(kind, tile_rows, word, x, line, i);
    }
  }
}

INLINE void pack_right(CKernelsWordKind kind, uint32_t *out, size_t panel_words,
                       const CKernelsLines *x) {
  size_t step = kind == CKERNELS_BFLOAT16_PAIRS ? 2 : 1, words = words_of(x);
  for (size_t first = 0; first < x->count; first += tile_columns, out += panel_words) {
    const size_t width = panel_width(x->count - first);
    if (x->lines_are_rows) {
      pack_wide(kind, width, out, x, first, words);
      continue;
    }
    for (size_t word = 0; word < words; word++)
      pack_word(kind, width, out + word * tile_columns, x, first, word * step);
  }
}

void ckernels_pack_left(uint32_t *out, size_t panel_words, const CKernelsLines *lines) {
  // A copy, which stores to the panels cannot change.
  const CKernelsLines copy = *lines, *const x = &copy;
  switch (x->kind) {
  case CKERNELS_FLOATS: return pack_left(CKERNELS_FLOATS, out, panel_words, x);
  case CKERNELS_BFLOAT16: return pack_left(CKERNELS_BFLOAT16, out, panel_words, x);
#if defined(KERNELS_TILES)
  case CKERNELS_BFLOAT16_PAIRS: return pack_left_tiles(out, panel_words, x);
#else
  case CKERNELS_BFLOAT16_PAIRS: return pack_left(CKERNELS_BFLOAT16_PAIRS, out, panel_words, x);
#endif
  }
}

void ckernels_pack_right(uint32_t *out, size_t panel_words, const CKernelsLines *lines) {
  // A copy, which stores to the panels cannot change.
  const CKernelsLines copy = *lines, *const x = &copy;
  switch (x->kind) {
  case CKERNELS_FLOATS: return pack_right(CKERNELS_FLOATS, out, panel_words, x);
  case CKERNELS_BFLOAT16: return pack_right(CKERNELS_BFLOAT16, out, panel_words, x);
  case CKERNELS_BFLOAT16_PAIRS: return pack_right(CKERNELS_BFLOAT16_PAIRS, out, panel_words, x);
  }
}

#else

int ckernels_packs_floats(void) { return 0; }

size_t ckernels_pair_tile_rows(void) { return CKERNELS_TILE_ROWS; }

size_t ckernels_pair_unit(void) { return 1; }

void ckernels_pack_left(uint32_t *out, size_t panel_words, const CKernelsLines *x) {
  __builtin_trap();
}

void ckernels_pack_right(uint32_t *out, size_t panel_words, const CKernelsLines *x) {
  __builtin_trap();
}

#endif
