#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define RELAXED _Pragma("clang fp reassociate(on) contract(fast)")
#define INLINE static inline __attribute__((__always_inline__))

/// sum + x * y of numbers or vectors, rounded once, in every loop: left to itself, the optimizer may
/// fuse differently in two loops.
#define FUSED(sum, x, y) __builtin_elementwise_fma(x, y, sum)

/// e^x to 2e-7 relative, in a form that vectorizes: 2^n times a polynomial in the remainder
/// (coefficients of Cephes' expf). Below -87 it is practically 0, above 88 it stays finite.
INLINE float exponential(float x) {
#pragma clang fp contract(fast)
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to the nearest integer.
  const float rounder = 12582912.0f;
  float shifted = x * 1.44269504088896341f + rounder;
  float n = shifted - rounder;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127u) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/// The square root of x in a form that vectorizes: sqrtf must set errno if x is negative.
INLINE float square_root(float x) { return __builtin_elementwise_sqrt(x); }

/// 1/(1 + e^-x) = 0.5 (1 + tanh(x/2)) and the same for -x, each to a relative error of a few 1e-7:
/// neither tail loses digits by subtraction from 1. Below -87 the sigmoid is 0.
typedef struct Sigmoid {
  float value, complement;
} Sigmoid;

INLINE Sigmoid sigmoid(float x) {
  float distance = fabsf(x);
  float e = distance > 87.0f ? 0.0f : exponential(-distance);
  float larger = 1.0f / (1.0f + e);
  float smaller = e * larger;
  return (Sigmoid){x < 0 ? smaller : larger, x < 0 ? larger : smaller};
}

/// 0.5 (1 + erf(x/sqrt 2)), the distribution function of the normal distribution, to a relative
/// error of a few 1e-7 where it is above 1e-4. Also sets `density` to e^(-x^2/2).
///
/// The tail is the density times a polynomial in t = 1/(1 + 0.4 z), z = |x|/sqrt 2, as in
/// Abramowitz & Stegun 1964, 7.1.26, but of degree 9: a minimax fit to e^(z^2) erfc(z)/2 of 6e-8
/// relative.
INLINE float normal_distribution(float x, float *density) {
#pragma clang fp contract(fast)
  float z = fabsf(x) * 0.70710678118654752f;
  float t = 1.0f / (1.0f + 0.4f * z);
  float p = 0.5f * 4.047522694e-02f;
  p = p * t - 0.5f * 1.364954561e-01f;
  p = p * t + 0.5f * 7.599167526e-02f;
  p = p * t + 0.5f * 9.722872823e-02f;
  p = p * t + 0.5f * 7.326810807e-02f;
  p = p * t + 0.5f * 1.961980909e-01f;
  p = p * t + 0.5f * 2.011586577e-01f;
  p = p * t + 0.5f * 2.265469879e-01f;
  p = p * t + 0.5f * 2.256280333e-01f;
  float square = 0.5f * x * x;
  *density = square > 87.0f ? 0.0f : exponential(-square);
  float tail = p * t * *density;
  return x < 0 ? tail : 1.0f - tail;
}
