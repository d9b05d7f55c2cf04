#include "CKernels.h"
#include "arithmetic.h"

static const float sqrt_2_over_pi = 0.7978845608028654f;

void ckernels_gelu(float *restrict out, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    float t = hyperbolic_tangent(sqrt_2_over_pi * (x + 0.044715f * x * x * x));
    out[i] = 0.5f * x * (1.0f + t);
  }
}

void ckernels_gelu_backward(float *restrict gradient, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    float t = hyperbolic_tangent(sqrt_2_over_pi * (x + 0.044715f * x * x * x));
    float slope = sqrt_2_over_pi * (1.0f + 3.0f * 0.044715f * x * x);
    gradient[i] *= 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * slope;
  }
}
