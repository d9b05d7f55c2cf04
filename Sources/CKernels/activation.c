#include "CKernels.h"
#include "arithmetic.h"

static const float sqrt_2_over_pi = 0.7978845608028654f;

static void gelu_tanh(float *restrict out, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    float t = hyperbolic_tangent(sqrt_2_over_pi * (x + 0.044715f * x * x * x));
    out[i] = 0.5f * x * (1.0f + t);
  }
}

static void gelu_tanh_backward(float *restrict gradient, const float *restrict input,
                               size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    float t = hyperbolic_tangent(sqrt_2_over_pi * (x + 0.044715f * x * x * x));
    float slope = sqrt_2_over_pi * (1.0f + 3.0f * 0.044715f * x * x);
    gradient[i] *= 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * slope;
  }
}

static void gelu(float *restrict out, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) out[i] = input[i] * normal_distribution(input[i]);
}

static void gelu_backward(float *restrict gradient, const float *restrict input, size_t count) {
  RELAXED
  // The density of the normal distribution: 1/sqrt(2 pi) e^(-x^2/2).
  const float peak = 0.3989422804014327f;
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    gradient[i] *= normal_distribution(x) + x * peak * exponential(-0.5f * x * x);
  }
}

static void relu(float *restrict out, const float *restrict input, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = input[i] > 0 ? input[i] : 0;
}

static void relu_backward(float *restrict gradient, const float *restrict input, size_t count) {
  for (size_t i = 0; i < count; i++) gradient[i] = input[i] > 0 ? gradient[i] : 0;
}

void ckernels_activation(CKernelsActivation activation, float *out, const float *x, size_t count) {
  switch (activation) {
  case CKERNELS_GELU_TANH: return gelu_tanh(out, x, count);
  case CKERNELS_GELU: return gelu(out, x, count);
  case CKERNELS_RELU: return relu(out, x, count);
  }
}

void ckernels_activation_backward(CKernelsActivation activation, float *gradient, const float *x,
                                  size_t count) {
  switch (activation) {
  case CKERNELS_GELU_TANH: return gelu_tanh_backward(gradient, x, count);
  case CKERNELS_GELU: return gelu_backward(gradient, x, count);
  case CKERNELS_RELU: return relu_backward(gradient, x, count);
  }
}
