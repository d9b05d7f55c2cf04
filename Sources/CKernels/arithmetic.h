#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define RELAXED _Pragma("clang fp reassociate(on) contract(fast)")
#define INLINE static inline __attribute__((__always_inline__))

/// e^x to 2e-7 relative, in a form that vectorizes: 2^n times a polynomial in what is left
/// (coefficients of Cephes' expf). Below -87 it is as good as 0, above 88 it stays finite.
INLINE float exponential(float x) {
#pragma clang fp contract(fast)
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to the nearest whole number.
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

/// The root of x in a form that vectorizes: sqrtf has to set errno where x is negative.
INLINE float square_root(float x) { return __builtin_elementwise_sqrt(x); }

/// tanh x to 2e-7 absolute.
INLINE float hyperbolic_tangent(float x) {
  return 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
}

/// 0.5 (1 + erf(x/sqrt 2)), the distribution function of the normal distribution, to 2e-7 absolute.
///
/// erfc(z) = e^(-z^2) times a polynomial in t = 1/(1 + z p) (Abramowitz & Stegun 1964, 7.1.26).
INLINE float normal_distribution(float x) {
#pragma clang fp contract(fast)
  float z = fabsf(x) * 0.70710678118654752f;
  float t = 1.0f / (1.0f + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  float tail = 0.5f * p * t * exponential(-z * z);
  return x < 0 ? tail : 1.0f - tail;
}
