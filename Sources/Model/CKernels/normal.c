#include "CKernels.h"
#include "arithmetic.h"

// Uses what philox.c defines, which comes before it in each variant. The bits are the same for any
// vector width.
#pragma clang fp contract(off)

/// ln((word + 1/2) / 2^32), to a few units in the last place (coefficients of Cephes' logf).
INLINE float logarithm(uint32_t word) {
  const float x = ((float)word + 0.5f) * 0x1p-32f;
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  // x = 2^exponent * (1 + rest), with 1 + rest from sqrt(1/2) to sqrt(2).
  const uint32_t root_half = 0x3F3504F3, steps = bits - root_half;
  const float exponent = (float)((int32_t)steps >> 23);
  bits = (steps & 0x7FFFFF) + root_half;
  float rest;
  memcpy(&rest, &bits, sizeof rest);
  // Near 1, x itself has lost most of its distance from there.
  rest = exponent == 0.0f ? ((float)~word + 0.5f) * -0x1p-32f : rest - 1.0f;
  const float square = rest * rest;
  float p = 7.0376836292e-2f;
  p = FUSED(-1.1514610310e-1f, p, rest);
  p = FUSED(1.1676998740e-1f, p, rest);
  p = FUSED(-1.2420140846e-1f, p, rest);
  p = FUSED(1.4249322787e-1f, p, rest);
  p = FUSED(-1.6668057665e-1f, p, rest);
  p = FUSED(2.0000714765e-1f, p, rest);
  p = FUSED(-2.4999993993e-1f, p, rest);
  p = FUSED(3.3333331174e-1f, p, rest);
  const float low = FUSED(square * rest * p, exponent, -2.12194440e-4f) - 0.5f * square;
  return FUSED(rest + low, exponent, 0.693359375f);
}

/// The cosine and sine of a part of a full turn, in units of 2^-32 (coefficients of Cephes' sinf and
/// cosf).
INLINE void cosine_and_sine(uint32_t turn, float *cosine, float *sine) {
  // The nearest quarter, and the angle from there, at most an eighth of a turn.
  const uint32_t quarter = (turn + 0x20000000u) >> 30;
  const float x = (float)(int32_t)(turn - (quarter << 30)) * 1.46291807926715968e-9f;
  const float square = x * x;
  float s = FUSED(8.3321608736e-3f, -1.9515295891e-4f, square);
  s = FUSED(-1.6666654611e-1f, s, square);
  s = FUSED(x, x * square, s);
  float c = FUSED(-1.388731625493765e-3f, 2.443315711809948e-5f, square);
  c = FUSED(4.166664568298827e-2f, c, square);
  c = FUSED(FUSED(1.0f, -0.5f, square), square * square, c);
  const float first = quarter & 1 ? s : c, second = quarter & 1 ? c : s;
  *cosine = quarter == 1 || quarter == 2 ? -first : first;
  *sine = quarter >= 2 ? -second : second;
}

// The Box-Muller transform: two words, u1 and u2, make two numbers, sqrt(-2 ln u1) times the cosine
// and the sine of 2 pi u2.
void ckernels_normal(float *out, float deviation, const CKernelsStream *stream, uint64_t first,
                     size_t count) {
  enum { stretch = CKERNELS_NORMAL_STRETCH };
  _Static_assert(stretch == 4 * counters, "a counter gives four words");
  for (size_t start = 0; start < count; start += stretch, first += counters) {
    uint32_t words[4][counters];
    float numbers[4][counters];
    random_words(words, stream, first);
    for (size_t pair = 0; pair < 4; pair += 2)
      for (size_t lane = 0; lane < counters; lane++) {
        float cosine, sine;
        const float radius = deviation * square_root(-2.0f * logarithm(words[pair][lane]));
        cosine_and_sine(words[pair + 1][lane], &cosine, &sine);
        numbers[pair][lane] = radius * cosine;
        numbers[pair + 1][lane] = radius * sine;
      }
    const size_t rest = count - start < stretch ? count - start : stretch;
    memcpy(out + start, numbers, rest * sizeof(float));
  }
}
