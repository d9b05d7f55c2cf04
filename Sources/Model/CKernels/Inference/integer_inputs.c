#include "integer_sums.h"

// Uses what integers.c defines, which comes before it in each variant.

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
  const float factor = power_of_two(shift);
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

INLINE void round_row(const IntegerFormat format, CKernelsIntegerRows out, size_t row,
                      const float *x, size_t inputs) {
  int8_t *target = out.integers + row * out.stride;
  const size_t blocks = (inputs + format.inputs - 1) / format.inputs;
  for (size_t block = 0; block < blocks; block++) {
    const size_t input = block * format.inputs, rest = inputs - input;
    int32_t sum;
    out.scales[row * blocks + block] =
        round_block(format, target + 2 * input, &sum, x + input, smaller(rest, format.inputs),
                    padded_inputs(format, rest));
    out.offsets[row * blocks + block] = format.bias * sum;
  }
}

void ckernels_int8_inputs(CKernelsIntegerRows out, size_t row, const float *x,
                          size_t inputs) {
  round_row(int8_format, out, row, x, inputs);
}

void ckernels_int4_inputs(CKernelsIntegerRows out, size_t row, const float *x,
                          size_t inputs) {
  round_row(int4_format, out, row, x, inputs);
}
