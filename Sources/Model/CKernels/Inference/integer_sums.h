#pragma once
#include "vectors.h"

// Weights that are integers are multiplied by integers: each block of a row of inputs is rounded to
// integers, which share a power of two as their scale. Sums of integers are exact, so that the bits are
// the same for any number of rows, in any order, and with any instruction; blocks are added in ascending
// order.
#pragma clang fp contract(off)

#define INT4_BLOCK CKERNELS_INT4_BLOCK

/// What is constant for a type of weights.
typedef struct IntegerFormat {
  /// The inputs of a block of weights, and its bytes; the last block may be shorter, by multiples of
  /// `unit` inputs.
  size_t inputs, bytes, unit;
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

INLINE Words quads_of_bytes(const void *block, size_t quad, size_t v) {
  return *(const Words *)((const char *)block + QUAD * (quad * PANEL + v * LANES));
}

INLINE Words quads_of_int8(const void *block, size_t quad, size_t v) {
  const Words words = quads_of_bytes(block, quad, v);
  return INT8_BIAS ? words ^ 0x80808080u : words;
}

INLINE Words quads_of_int4(const void *block, size_t quad, size_t v) {
  const CKernelsInt4Block *weights = block;
  const Words words = *(const Words *)(weights->weights[quad / 2] + v * LANES);
  return (quad % 2 ? words >> 4 : words) & 0x0F0F0F0Fu;
}

static const IntegerFormat int8_format = {
    INPUT_BLOCK, INPUT_BLOCK * PANEL, CKERNELS_INT8_UNIT, 14, 8, INT8_BIAS, quads_of_int8};
static const IntegerFormat int4_format = {
    INT4_BLOCK, sizeof(CKernelsInt4Block), INT4_BLOCK, 11, 4, 8, quads_of_int4};
/// int4 as bytes.
static const IntegerFormat unpacked_format = {
    INT4_BLOCK, INT4_BLOCK * PANEL, INT4_BLOCK, 11, 4, 8, quads_of_bytes};

INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/// The inputs of a block if there are `inputs` from its first on, with those that pad it.
INLINE size_t padded_inputs(const IntegerFormat format, size_t inputs) {
  return smaller(format.inputs, (inputs + format.unit - 1) / format.unit * format.unit);
}

// MARK: - Sums

typedef int32_t Sums __attribute__((ext_vector_type(LANES), aligned(4)));

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
  const __m512i w = (__m512i)weights;
  sums.upper = (Sums)_mm512_dpbusd_epi32((__m512i)sums.upper, w, (__m512i)(Sums)upper);
  sums.lower = (Sums)_mm512_dpbusd_epi32((__m512i)sums.lower, w, (__m512i)(Sums)lower);
  return sums;
}

INLINE Sums total_of(PartialSums sums, int shift) { return (sums.upper << shift) + sums.lower; }

/// The bytes of an input in each part.
#define INPUT_BYTES 1

#else

typedef struct PartialSums {
  Sums all;
} PartialSums;

typedef int16_t HalfWords __attribute__((ext_vector_type(2 * LANES), aligned(2)));

/// The sums of the products of the two halves of each word.
INLINE Sums products_of_halves(HalfWords weights, int32_t x) {
#if defined(KERNELS_AVX512)
  return (Sums)_mm512_madd_epi16((__m512i)weights, (__m512i)(Sums)x);
#elif defined(__x86_64__)
  return (Sums)_mm256_madd_epi16((__m256i)weights, (__m256i)(Sums)x);
#else
  const Sums words = (Sums)weights;
  return (words << 16 >> 16) * (x << 16 >> 16) + (words >> 16) * (x >> 16);
#endif
}

/// `x` is the first and third of a quad of inputs, then the second and fourth.
INLINE PartialSums add_quads(PartialSums sums, Words weights, const void *x, size_t block_inputs) {
  int32_t odd, even;
  memcpy(&odd, x, sizeof odd);
  memcpy(&even, (const char *)x + sizeof odd, sizeof even);
  // The lower and the upper byte of each half of a word, with their signs.
  sums.all += products_of_halves((HalfWords)weights << 8 >> 8, odd);
  sums.all += products_of_halves((HalfWords)weights >> 8, even);
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

/// A block of weights, by which that of some rows is multiplied.
typedef struct IntegerBlock {
  const void *weights;
  const float *scales;
  /// With those that pad it.
  size_t inputs;
  /// The block of the first row, with its scale and what is subtracted from its sums. From these to those
  /// of the next row there are `blocks`.
  const int8_t *x;
  size_t x_stride;
  const float *x_scales;
  const int32_t *offsets;
  size_t blocks;
  float *out;
  size_t out_stride;
} IntegerBlock;
