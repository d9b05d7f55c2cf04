#include "CKernels.h"
#include "arithmetic.h"

static float largest(const float *x, size_t count) {
  float largest = -INFINITY;
  for (size_t i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

float ckernels_softmax(float *scores, size_t visible, size_t count) {
  RELAXED
  float maximum = largest(scores, visible);
  float sum = 0;
  for (size_t i = 0; i < visible; i++) {
    scores[i] = exponential(scores[i] - maximum);
    sum += scores[i];
  }
  float factor = 1.0f / sum;
  for (size_t i = 0; i < visible; i++) scores[i] *= factor;
  for (size_t i = visible; i < count; i++) scores[i] = 0;
  return maximum + logf(sum);
}

void ckernels_recompute_softmax(float *scores, float log_sum_exp, size_t visible, size_t count) {
  for (size_t i = 0; i < visible; i++) scores[i] = exponential(scores[i] - log_sum_exp);
  for (size_t i = visible; i < count; i++) scores[i] = 0;
}

void ckernels_softmax_backward(float *restrict gradient, const float *restrict probabilities,
                               const float *restrict dropped, float mean_gradient, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++)
    gradient[i] = dropped[i] * gradient[i] - probabilities[i] * mean_gradient;
}

double ckernels_cross_entropy(float *logits, size_t count, size_t target, float scale) {
  RELAXED
  float maximum = largest(logits, count);
  float target_logit = logits[target];
  float sum = 0;
  if (scale == 0) {
    for (size_t i = 0; i < count; i++) sum += exponential(logits[i] - maximum);
  } else {
    for (size_t i = 0; i < count; i++) {
      logits[i] = exponential(logits[i] - maximum);
      sum += logits[i];
    }
    float factor = scale / sum;
    for (size_t i = 0; i < count; i++) logits[i] *= factor;
    logits[target] -= scale;
  }
  return (double)maximum + log((double)sum) - (double)target_logit;
}
