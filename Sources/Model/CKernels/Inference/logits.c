#include "CKernels.h"
#include "../arithmetic.h"

// Each operation is rounded separately, and sums are taken in the same order everywhere, so that a
// seed gives the same text on every machine.
#pragma clang fp contract(off)

// Functions that take or return vectors are inlined, so the calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define LOGIT_LANES 16
typedef float Lanes __attribute__((ext_vector_type(LOGIT_LANES), aligned(4)));
typedef int32_t LaneBits __attribute__((ext_vector_type(LOGIT_LANES), aligned(4)));

INLINE Lanes load_lanes(const float *x) { return *(const Lanes *)x; }

INLINE void store_lanes(float *out, Lanes lanes) { *(Lanes *)out = lanes; }

INLINE size_t whole_lanes(size_t count) { return count / LOGIT_LANES * LOGIT_LANES; }

INLINE Lanes larger(Lanes x, Lanes y) { return y > x ? y : x; }

float ckernels_largest(const float *x, size_t count) {
  // Two chains hide the latency of a comparison.
  Lanes first = (Lanes)-INFINITY, second = first;
  size_t i = 0;
  for (; i + 2 * LOGIT_LANES <= count; i += 2 * LOGIT_LANES) {
    first = larger(first, load_lanes(x + i));
    second = larger(second, load_lanes(x + i + LOGIT_LANES));
  }
  first = larger(first, second);
  float largest = first[0];
  for (size_t v = 1; v < LOGIT_LANES; v++) largest = first[v] > largest ? first[v] : largest;
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

/// e^x as in arithmetic.h, except for the rounding; NaN stays NaN.
INLINE Lanes exponential_lanes(Lanes x) {
  x = x < (Lanes)-87.0f ? (Lanes)-87.0f : x;
  x = x > (Lanes)88.0f ? (Lanes)88.0f : x;
  const float rounder = 12582912.0f;
  Lanes shifted = x * 1.44269504088896341f + rounder;
  Lanes whole = shifted - rounder;
  Lanes rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  Lanes power = rest * 1.9875691500e-4f + 1.3981999507e-3f;
  power = power * rest + 8.3334519073e-3f;
  power = power * rest + 4.1665795894e-2f;
  power = power * rest + 1.6666665459e-1f;
  power = power * rest + 5.0000001201e-1f;
  power = power * (rest * rest) + rest + 1.0f;
  return power * (Lanes)(((LaneBits)shifted + 127) << 23);
}

INLINE double total(Lanes sum) {
  float total = sum[0];
  for (size_t v = 1; v < LOGIT_LANES; v++) total += sum[v];
  return (double)total;
}

/// How many elements are summed in single precision; the sums of these stretches are added in
/// double.
#define SUM_STRETCH (64 * LOGIT_LANES)

INLINE double exponentials(const int keeps, float *out, const float *x, float maximum,
                           size_t count) {
  double result = 0;
  const size_t whole = whole_lanes(count);
  size_t i = 0;
  while (i < whole) {
    const size_t end = i + SUM_STRETCH < whole ? i + SUM_STRETCH : whole;
    Lanes sum = (Lanes)0.0f;
    for (; i < end; i += LOGIT_LANES) {
      Lanes power = exponential_lanes(load_lanes(x + i) - maximum);
      if (keeps) store_lanes(out + i, power);
      sum += power;
    }
    result += total(sum);
  }
  if (whole < count) {
    Lanes tail = (Lanes)maximum;
    memcpy(&tail, x + whole, (count - whole) * sizeof *x);
    tail = exponential_lanes(tail - maximum);
    if (keeps) memcpy(out + whole, &tail, (count - whole) * sizeof *out);
    for (size_t v = 0; v < count - whole; v++) result += (double)tail[v];
  }
  return result;
}

double ckernels_log_sum_exp(const float *x, size_t count) {
  const float maximum = ckernels_largest(x, count);
  if (maximum > -INFINITY) return (double)maximum + log(exponentials(0, NULL, x, maximum, count));
  for (size_t i = 0; i < count; i++) {
    if (x[i] != maximum) return NAN;
  }
  return -INFINITY;
}

void ckernels_divide(float *x, float divisor, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] /= divisor;
}

float ckernels_probabilities(float *out, const float *x, size_t count) {
  const float maximum = ckernels_largest(x, count);
  const float sum = (float)exponentials(1, out, x, maximum, count);
  ckernels_divide(out, sum, count);
  return maximum + logf(sum);
}

double ckernels_total(const float *x, size_t count) {
  double result = 0;
  const size_t whole = whole_lanes(count);
  size_t i = 0;
  while (i < whole) {
    const size_t end = i + SUM_STRETCH < whole ? i + SUM_STRETCH : whole;
    Lanes sum = (Lanes)0.0f;
    for (; i < end; i += LOGIT_LANES) sum += load_lanes(x + i);
    result += total(sum);
  }
  for (; i < count; i++) result += (double)x[i];
  return result;
}

size_t ckernels_group_maxima(float *maxima, const float *x, size_t count) {
  const size_t stretch = CKERNELS_LOGIT_GROUP * LOGIT_LANES;
  size_t groups = 0;
  for (; count >= stretch; x += stretch, count -= stretch, groups += LOGIT_LANES) {
    Lanes largest = load_lanes(x);
    for (size_t i = LOGIT_LANES; i < stretch; i += LOGIT_LANES)
      largest = larger(largest, load_lanes(x + i));
    store_lanes(maxima + groups, largest);
  }
  return groups;
}

INLINE int any_at_least(const float *x, float bound) {
  LaneBits is_kept = load_lanes(x) >= (Lanes)bound;
  int32_t any = 0;
  for (size_t v = 0; v < LOGIT_LANES; v++) any |= is_kept[v];
  return any != 0;
}

INLINE size_t keep_at_least(const int has_tokens, float *x, int32_t *tokens, float bound,
                            size_t count) {
  size_t kept = 0;
  for (size_t start = 0; start < count; start += LOGIT_LANES) {
    size_t end = start + LOGIT_LANES;
    if (end > count)
      end = count;
    else if (!any_at_least(x + start, bound))
      continue;
    for (size_t i = start; i < end; i++) {
      float logit = x[i];
      // Written unconditionally: the processor cannot predict which are kept.
      x[kept] = logit;
      tokens[kept] = has_tokens ? tokens[i] : (int32_t)i;
      kept += logit >= bound;
    }
  }
  return kept;
}

size_t ckernels_keep_at_least(float *x, int32_t *tokens, float bound, size_t count) {
  return keep_at_least(1, x, tokens, bound, count);
}

size_t ckernels_keep_first_at_least(float *x, int32_t *tokens, float bound, size_t count) {
  return keep_at_least(0, x, tokens, bound, count);
}
