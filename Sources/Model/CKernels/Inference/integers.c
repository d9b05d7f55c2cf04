#include "vectors.h"

// Weights as integers, with scales that blocks of inputs share. The bits are the same for any vector
// width.
#pragma clang fp contract(off)

typedef int32_t Integers __attribute__((ext_vector_type(LANES), aligned(4)));

/// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
static const float rounder = 12582912.0f;

// MARK: - int8

void ckernels_panel_of_int8(float *restrict panel, const int8_t *restrict weights,
                            size_t inputs) {
  for (size_t input = 0; input < inputs; input++) {
    uint32_t words[PANEL];
    memcpy(words, weights + input / QUAD * sizeof words, sizeof words);
    for (size_t column = 0; column < PANEL; column++) {
      panel[input * PANEL + column] = (int8_t)(words[column] >> input % QUAD * 8);
    }
  }
}

void ckernels_int8_of_panel(int8_t *restrict out, float *restrict scales,
                            const float *restrict panel, size_t inputs) {
  float largest[PANEL] = {0}, inverse[PANEL];
  for (size_t input = 0; input < inputs; input++) {
    for (size_t column = 0; column < PANEL; column++) {
      float size = fabsf(panel[input * PANEL + column]);
      largest[column] = largest[column] < size ? size : largest[column];
    }
  }
  for (size_t column = 0; column < PANEL; column++) {
    scales[column] = largest[column] / 127.0f;
    inverse[column] = largest[column] > 0 ? 127.0f / largest[column] : 0;
  }
  for (size_t quad = 0; quad < inputs; quad += QUAD, out += QUAD * PANEL) {
    uint32_t words[PANEL] = {0};
    for (size_t i = 0; i < QUAD && quad + i < inputs; i++) {
      for (size_t column = 0; column < PANEL; column++) {
        const float shifted = panel[(quad + i) * PANEL + column] * inverse[column] + rounder;
        words[column] |= ((uint32_t)(int32_t)(shifted - rounder) & 0xFFu) << i * 8;
      }
    }
    memcpy(out, words, sizeof words);
  }
}

// MARK: - int4

/// Weights of an output that share a word.
#define NIBBLES 8

/// Where the weight of input `i` begins in a word.
INLINE uint32_t nibble_shift(size_t i) { return (uint32_t)(i % QUAD * 8 + i / QUAD * 4); }

/// The weights in the lowest four bits of each word.
INLINE Vector from_int4(Words words) {
  return __builtin_convertvector((Integers)(words & 15u), Vector) - 8.0f;
}

/// Finite numbers in half precision.
INLINE Vector from_halves(const uint16_t *x) {
  typedef _Float16 Halves __attribute__((ext_vector_type(LANES), aligned(2)));
  return __builtin_convertvector(*(const Halves *)x, Vector);
}

/// Writes the scales of a block of int4 as floats; returns `out`.
INLINE const float *scales_of_int4(float *out, const CKernelsInt4Block *block) {
  for (size_t v = 0; v < PANEL_VECTORS; v++) {
    *(Vector *)(out + v * LANES) = from_halves(block->scales + v * LANES);
  }
  return out;
}

/// The nearest number in half precision; ties go to the even one. Those too large become the
/// largest finite one.
INLINE uint16_t half_of(float x) {
  uint32_t bits, magnitude;
  memcpy(&bits, &x, sizeof bits);
  float size = fabsf(x);
  size = size < 65504.0f ? size : 65504.0f;
  memcpy(&magnitude, &size, sizeof magnitude);
  const uint32_t normal = ((magnitude + 0xFFFu + (magnitude >> 13 & 1u)) >> 13) - (112u << 10);
  const float small = size < 0x1p-14f ? size : 0x1p-14f;
  const uint32_t subnormal = (uint32_t)(int32_t)((small * 0x1p24f + rounder) - rounder);
  return (uint16_t)((bits >> 16 & 0x8000u) | (size < 0x1p-14f ? subnormal : normal));
}

void ckernels_panel_of_int4(float *restrict panel, float *restrict scales,
                            const CKernelsInt4Block *restrict block, size_t inputs) {
  scales_of_int4(scales, block);
  for (size_t v = 0; v < PANEL_VECTORS; v++) {
    for (size_t input = 0; input < inputs; input++) {
      const Words words = *(const Words *)(block->weights[input / NIBBLES] + v * LANES);
      *(Vector *)(panel + input * PANEL + v * LANES) =
          from_int4(words >> nibble_shift(input % NIBBLES));
    }
  }
}

/// `yes` where `mask` is set, otherwise `no`.
INLINE Vector chosen(Integers mask, Vector yes, Vector no) {
  return (Vector)(((Integers)yes & mask) | ((Integers)no & ~mask));
}

/// The nearest integers from -8 to 7.
INLINE Vector int4_of(Vector x) {
  const Vector clamped =
      __builtin_elementwise_max(__builtin_elementwise_min(x, (Vector)7.0f), (Vector)-8.0f);
  return (clamped + rounder) - rounder;
}

/// 1/x, or 0 for 0.
INLINE Vector inverse_of(Vector x) {
  return chosen(x == 0.0f, (Vector)0.0f, 1.0f / chosen(x == 0.0f, (Vector)1.0f, x));
}

/// What the weight of largest magnitude is divided by the candidate scales: first -8, which keeps
/// GGUF's Q4_0 as it is, and in the order in which they are tried.
static const float candidates[] = {-8.0f, -7.8f, -7.6f, -7.4f, -8.2f, -8.4f, -8.7f, -9.0f, -9.5f,
                                   -7.0f, 7.0f,  7.2f,  7.4f,  6.8f,  6.5f,  7.7f,  8.0f,  8.5f};
#define CANDIDATES (sizeof(candidates) / sizeof(*candidates))

/// The scales of least squared error for the weights of LANES outputs.
///
/// For integers q, the scale of least error of the weights w is sum(w q) / sum(q q), and it takes
/// sum(w q)^2 / sum(q q) off the sum of the squares. The integers are those of some scales that
/// make the weight of largest magnitude an integer or a number between two.
INLINE Vector best_scales(const float *weights, size_t inputs) {
  Vector largest = (Vector)0.0f;
  for (size_t input = 0; input < inputs; input++) {
    const Vector x = from_floats(weights + input * PANEL);
    largest = chosen(__builtin_elementwise_abs(x) > __builtin_elementwise_abs(largest), x, largest);
  }
  const Vector inverse = inverse_of(largest);
  Vector best = (Vector)0.0f, scales = (Vector)0.0f;
  for (size_t candidate = 0; candidate < CANDIDATES; candidate++) {
    const Vector factors = inverse * candidates[candidate];
    Vector products = (Vector)0.0f, squares = (Vector)0.0f;
    for (size_t input = 0; input < inputs; input++) {
      const Vector x = from_floats(weights + input * PANEL);
      const Vector q = int4_of(x * factors);
      products = FUSED(products, x, q);
      squares = FUSED(squares, q, q);
    }
    const Vector scale = products * inverse_of(squares);
    const Vector gain = scale * products;
    // A rounding error is no gain.
    const Integers better = gain > best * 1.000001f;
    scales = chosen(better, scale, scales);
    best = chosen(better, gain, best);
  }
  return scales;
}

void ckernels_int4_of_panel(CKernelsInt4Block *restrict block, const float *restrict panel,
                            size_t inputs) {
  for (size_t v = 0; v < PANEL_VECTORS; v++) {
    const float *weights = panel + v * LANES;
    uint16_t *halves = block->scales + v * LANES;
    const Vector scales = best_scales(weights, inputs);
    for (size_t lane = 0; lane < LANES; lane++) halves[lane] = half_of(scales[lane]);
    const Vector factors = inverse_of(from_halves(halves));
    for (size_t group = 0; group < CKERNELS_INT4_BLOCK / NIBBLES; group++) {
      Words words = (Words)0u;
      for (size_t i = 0; i < NIBBLES; i++) {
        const size_t input = group * NIBBLES + i;
        Vector q = (Vector)0.0f;
        if (input < inputs) q = int4_of(from_floats(weights + input * PANEL) * factors);
        words |= (Words)__builtin_convertvector(q + 8.0f, Integers) << nibble_shift(i);
      }
      *(Words *)(block->weights[group] + v * LANES) = words;
    }
  }
}
