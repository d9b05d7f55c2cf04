#include "vectors.h"

// Products of weights that are integers. Each block of a row of inputs is rounded to integers too,
// which share a power of two as their scale. Sums of integers are exact, so that the bits are the same
// for any number of rows, in any order, and with any instruction; blocks are added in ascending order.
#pragma clang fp contract(off)

typedef int32_t Sums __attribute__((ext_vector_type(LANES), aligned(4)));

/// Four weights of an output, and their inputs.
#define QUAD 4

/// What is constant for a type of weights.
typedef struct IntegerFormat {
  /// The inputs of a block of weights, and its bytes.
  size_t inputs, bytes;
  /// Inputs are less than 2^bits.
  int bits;
  /// An input is 2^shift times its upper part plus its lower part, if it is multiplied in parts.
  int shift;
  /// What is added to the integers of weights so that they have no sign.
  int bias;
  /// The weights of quad `quad` of a block for the outputs of vector `v`: a byte each.
  Words (*quads)(const void *block, size_t quad, size_t v);
} IntegerFormat;

// Instructions for quads multiply bytes without a sign by bytes with one.
#if defined(KERNELS_QUADS)
#define INT8_BIAS 128
#else
#define INT8_BIAS 0
#endif

INLINE Words quads_of_int8(const void *block, size_t quad, size_t v) {
  const Words words = *(const Words *)((const char *)block + QUAD * (quad * PANEL + v * LANES));
  // Without a branch of their own, which would keep the loops around from being unrolled.
  return INT8_BIAS ? words ^ 0x80808080u : words;
}

INLINE Words quads_of_int4(const void *block, size_t quad, size_t v) {
  const CKernelsInt4Block *weights = block;
  const Words words = *(const Words *)(weights->weights[quad / 2] + v * LANES);
  return (quad % 2 ? words >> 4 : words) & 0x0F0F0F0Fu;
}

static const IntegerFormat int8_format = {
    INPUT_BLOCK, INPUT_BLOCK * PANEL, 14, 8, INT8_BIAS, quads_of_int8};
static const IntegerFormat int4_format = {
    CKERNELS_INT4_BLOCK, sizeof(CKernelsInt4Block), 11, 4, 8, quads_of_int4};

// MARK: - Inputs

/// Writes `count` inputs, a multiple of QUAD, of a block.
INLINE void write_integers(const IntegerFormat format, void *out, const int32_t *integers,
                           size_t count) {
#if defined(KERNELS_QUADS)
  // All upper parts, then all lower ones.
  int8_t *parts = out;
  for (size_t i = 0; i < count; i++) {
    const int32_t nearest = (integers[i] + (1 << format.shift) / 2) >> format.shift;
    const int32_t upper = nearest < 127 ? nearest : 127;
    parts[i] = (int8_t)upper;
    parts[count + i] = (int8_t)(integers[i] - upper * (1 << format.shift));
  }
#else
  // Of each quad the first and third, then the second and fourth.
  int16_t *words = out;
  for (size_t i = 0; i < count; i++) {
    words[i / QUAD * QUAD + i % 2 * 2 + i / 2 % 2] = (int16_t)integers[i];
  }
#endif
}

INLINE float power_of_two(int exponent) {
  const uint32_t bits = (uint32_t)(exponent + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

/// Rounds `count` inputs of a block to integers, which are padded with zero up to `padded` ones.
/// Returns their scale, and adds them up in `sum`. A block with an input that is not finite gets NaN
/// as its scale.
INLINE float round_block(const IntegerFormat format, void *out, int32_t *sum, const float *x,
                         size_t count, size_t padded) {
  int32_t integers[CKERNELS_INPUT_BLOCK] = {0};
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    largest = largest < bits ? bits : largest;
  }
  // The inputs are less than 2^exponent, at least one of them not by more than half, unless all of them
  // are so small that a power of two would not be a normal number.
  const int exponent = (int)(largest >> 23) - 126, least = -64, infinite = 129;
  const int shift = format.bits - (exponent < least ? least : exponent);
  const float factor = power_of_two(shift), rounder = 12582912.0f;
  *sum = 0;
  if (exponent < infinite) {
    for (size_t i = 0; i < count; i++) {
      integers[i] = (int32_t)((x[i] * factor + rounder) - rounder);
      *sum += integers[i];
    }
  }
  write_integers(format, out, integers, padded);
  return exponent < infinite ? power_of_two(-shift) : NAN;
}

/// Rounds a row; its blocks are padded to a multiple of `unit` inputs.
INLINE void round_row(const IntegerFormat format, size_t unit, CKernelsIntegerRows out,
                      size_t row, const float *x, size_t inputs) {
  int8_t *target = out.integers + row * out.stride;
  const size_t blocks = (inputs + format.inputs - 1) / format.inputs;
  for (size_t block = 0; block < blocks; block++) {
    const size_t input = block * format.inputs, rest = inputs - input;
    const size_t count = rest < format.inputs ? rest : format.inputs;
    int32_t sum;
    out.scales[row * blocks + block] = round_block(
        format, target + 2 * input, &sum, x + input, count, (count + unit - 1) / unit * unit);
    out.offsets[row * blocks + block] = format.bias * sum;
  }
}

void ckernels_int8_inputs(CKernelsIntegerRows out, size_t row, const float *x,
                          size_t inputs) {
  round_row(int8_format, CKERNELS_INT8_UNIT, out, row, x, inputs);
}

void ckernels_int4_inputs(CKernelsIntegerRows out, size_t row, const float *x,
                          size_t inputs) {
  round_row(int4_format, CKERNELS_INT4_BLOCK, out, row, x, inputs);
}

// MARK: - Sums

#if defined(KERNELS_QUADS)

/// The sums of the products with the upper and with the lower parts of inputs.
typedef struct PartialSums {
  Sums upper, lower;
} PartialSums;

/// `x` is the upper part of a quad of inputs; the lower one follows after the block's upper parts.
INLINE PartialSums add_quads(PartialSums sums, Words weights, const void *x, size_t block_inputs) {
  int32_t upper, lower;
  memcpy(&upper, x, sizeof upper);
  memcpy(&lower, (const char *)x + block_inputs, sizeof lower);
  sums.upper = (Sums)_mm512_dpbusd_epi32((__m512i)sums.upper, (__m512i)weights, (__m512i)(Sums)upper);
  sums.lower = (Sums)_mm512_dpbusd_epi32((__m512i)sums.lower, (__m512i)weights, (__m512i)(Sums)lower);
  return sums;
}

INLINE Sums total_of(PartialSums sums, int shift) { return (sums.upper << shift) + sums.lower; }

/// The bytes of an input in each part.
#define INPUT_BYTES 1

#else

typedef struct PartialSums {
  Sums all;
} PartialSums;

typedef int16_t Halves16 __attribute__((ext_vector_type(2 * LANES), aligned(2)));

/// The sums of the products of the two halves of each word.
INLINE Sums products_of_halves(Halves16 weights, int32_t x) {
#if defined(KERNELS_AVX512)
  return (Sums)_mm512_madd_epi16((__m512i)weights, (__m512i)(Sums)x);
#elif defined(__x86_64__)
  return (Sums)_mm256_madd_epi16((__m256i)weights, (__m256i)(Sums)x);
#else
  const Sums words = (Sums)weights;
  return (words << 16 >> 16) * (x << 16 >> 16) + (words >> 16) * (x >> 16);
#endif
}

INLINE PartialSums add_quads(PartialSums sums, Words weights, const void *x, size_t block_inputs) {
  int32_t odd, even;
  memcpy(&odd, x, sizeof odd);
  memcpy(&even, (const char *)x + sizeof odd, sizeof even);
  sums.all += products_of_halves((Halves16)weights << 8 >> 8, odd);
  sums.all += products_of_halves((Halves16)weights >> 8, even);
  return sums;
}

INLINE Sums total_of(PartialSums sums, int shift) { return sums.all; }

#define INPUT_BYTES 2

#endif

/// out += scales * x scale * total.
INLINE void add_total(float *out, Sums total, const float *scales, float x_scale) {
  const Vector factors = from_floats(scales) * x_scale;
  *(Vector *)out = FUSED(*(Vector *)out, __builtin_convertvector(total, Vector), factors);
}

// MARK: - Vectors

/// The block of some rows that is multiplied.
typedef struct IntegerBlock {
  float *out;
  size_t out_stride;
  const int8_t *x;
  size_t x_stride, inputs;
  const float *x_scales;
  const int32_t *offsets;
  /// From those of a row to those of the next.
  size_t blocks;
  const void *weights;
  const float *scales;
} IntegerBlock;

/// The rows and the vectors of outputs whose sums are kept in registers, if there are several rows.
#define INTEGER_ROWS 3
#if defined(KERNELS_AVX512)
#define SUMMED_VECTORS 4
#else
#define SUMMED_VECTORS 2
#endif

/// Rows from `row` on, `rows` of them, a constant, and the outputs of `vectors` vectors from `first` on.
INLINE void add_vectors(const IntegerFormat format, const IntegerBlock *block, size_t row,
                        const size_t rows, size_t first, const size_t vectors) {
  const size_t quad_bytes = QUAD * format.bytes / format.inputs;
  PartialSums sums[INTEGER_ROWS][PANEL_VECTORS];
  memset(sums, 0, sizeof sums);
  for (size_t quad = 0; quad < block->inputs / QUAD; quad += 2) {
    for (size_t q = quad; q < quad + 2; q++) {
      if (rows == 1) read_on((const char *)block->weights + q * quad_bytes, quad_bytes);
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

INLINE void add_rows_of_integers(const IntegerFormat format, const IntegerBlock *block,
                                 size_t rows) {
  if (rows == 1) return add_vectors(format, block, 0, 1, 0, PANEL_VECTORS);
  for (size_t row = 0; row < rows; row += INTEGER_ROWS) {
    for (size_t v = 0; v < PANEL_VECTORS; v += SUMMED_VECTORS) {
      switch (rows - row) {
      case 1: add_vectors(format, block, row, 1, v, SUMMED_VECTORS); break;
      case 2: add_vectors(format, block, row, 2, v, SUMMED_VECTORS); break;
      default: add_vectors(format, block, row, INTEGER_ROWS, v, SUMMED_VECTORS); break;
      }
    }
  }
}

// MARK: - Tiles

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
/// tiles of each.
INLINE void add_int8_tiles(const int has_lower, const IntegerBlock *block, size_t row, size_t rows,
                           size_t column) {
  TileSums sums[2];
  for (size_t part = 0; part < 2; part++) {
    const int8_t *x = block->x + row * block->x_stride + part * block->inputs;
    const int8_t *weights = (const int8_t *)block->weights + QUAD * column;
    clear_tiles();
    for (size_t input = 0; input < block->inputs; input += QUAD * TILE_QUADS) {
      add_tile_quads(has_lower, x + input, block->x_stride, weights + input * PANEL);
    }
    store_integer_tiles(sums[part]);
  }
  for (size_t r = 0; r < rows && r < 2 * lanes; r++) {
    float *out = block->out + (row + r) * block->out_stride + column;
    for (size_t v = 0; v < 2 * lanes; v += lanes) {
      const PartialSums both = {*(const Sums *)(sums[0][r] + v), *(const Sums *)(sums[1][r] + v)};
      add_total(out + v, total_of(both, 8), block->scales + column + v,
                block->x_scales[(row + r) * block->blocks]);
    }
  }
}

/// The same with a block of int4 as bytes: first the integers times 16, for the upper parts of inputs,
/// then the integers, for the lower ones.
INLINE void add_int4_tiles(const int has_lower, const IntegerBlock *block, size_t row, size_t rows,
                           size_t column) {
  TileSums sums;
  clear_tiles();
  add_tile_quads(has_lower, block->x + row * block->x_stride, block->x_stride,
                 (const int8_t *)block->weights + QUAD * column);
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
INLINE void unpack_int4(int8_t *out, const CKernelsInt4Block *block) {
  for (size_t quad = 0; quad < CKERNELS_INT4_BLOCK / QUAD; quad++) {
    for (size_t v = 0; v < PANEL_VECTORS; v++) {
      const __m512i weights = _mm512_sub_epi8((__m512i)quads_of_int4(block, quad, v),
                                              _mm512_set1_epi8(8));
      int8_t *target = out + QUAD * (quad * PANEL + v * LANES);
      _mm512_storeu_si512(target, _mm512_slli_epi16(_mm512_and_si512(weights, _mm512_set1_epi8(15)), 4));
      _mm512_storeu_si512(target + TILE_QUADS / 2 * QUAD * PANEL, weights);
    }
  }
}

INLINE void add_integer_tiles(const int is_int4, const IntegerBlock *block, size_t rows) {
  for (size_t row = 0; row < rows; row += 2 * lanes) {
    for (size_t column = 0; column < PANEL; column += 2 * lanes) {
      const size_t rest = rows - row;
      if (is_int4) {
        if (rest > lanes) add_int4_tiles(1, block, row, rest, column);
        else add_int4_tiles(0, block, row, rest, column);
      } else {
        if (rest > lanes) add_int8_tiles(1, block, row, rest, column);
        else add_int8_tiles(0, block, row, rest, column);
      }
    }
  }
}

#endif

// MARK: - Panels

/// out += x * panel. Scales of int4 are in the panel.
INLINE void multiply_integers(const IntegerFormat format, size_t unit, float *restrict out,
                              size_t out_stride, CKernelsIntegerRows x, size_t rows,
                              const void *restrict panel, const float *restrict scales,
                              size_t inputs) {
  const int is_int4 = format.inputs == CKERNELS_INT4_BLOCK;
  IntegerBlock block = {.out = out, .out_stride = out_stride, .x_stride = x.stride};
  block.blocks = (inputs + format.inputs - 1) / format.inputs;
#if defined(KERNELS_TILES)
  if (rows > 1) _tile_loadconfig(&tile_shapes);
#endif
  for (size_t number = 0; number < block.blocks; number++) {
    const size_t input = number * format.inputs, rest = inputs - input;
    const size_t count = rest < format.inputs ? rest : format.inputs;
    float int4_scales[PANEL];
    block.weights = (const char *)panel + number * format.bytes;
    block.scales = is_int4 ? scales_of_int4(int4_scales, block.weights) : scales + number * PANEL;
    block.x = x.integers + 2 * input;
    block.x_scales = x.scales + number;
    block.offsets = x.offsets + number;
    block.inputs = (count + unit - 1) / unit * unit;
#if defined(KERNELS_TILES)
    if (rows > 1) {
      int8_t bytes[TILE_QUADS * QUAD * PANEL] __attribute__((aligned(64)));
      if (is_int4) {
        unpack_int4(bytes, block.weights);
        block.weights = bytes;
      }
      add_integer_tiles(is_int4, &block, rows);
      continue;
    }
#endif
    add_rows_of_integers(format, &block, rows);
  }
#if defined(KERNELS_TILES)
  if (rows > 1) _tile_release();
#endif
}

void ckernels_linear_int8(float *restrict out, size_t out_stride, CKernelsIntegerRows x,
                          size_t rows, const int8_t *restrict panel, const float *restrict scales,
                          size_t inputs) {
  multiply_integers(int8_format, CKERNELS_INT8_UNIT, out, out_stride, x, rows, panel, scales,
                    inputs);
}

void ckernels_linear_int4(float *restrict out, size_t out_stride, CKernelsIntegerRows x,
                          size_t rows, const CKernelsInt4Block *restrict panel, size_t inputs) {
  multiply_integers(int4_format, CKERNELS_INT4_BLOCK, out, out_stride, x, rows, panel, 0, inputs);
}
