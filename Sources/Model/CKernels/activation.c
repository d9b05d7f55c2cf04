#include "CKernels.h"
#include "arithmetic.h"

// 2 sqrt(2/pi): 0.5 (1 + tanh u) is the sigmoid of 2u.
static const float twice_sqrt_2_over_pi = 1.5957691216057308f;
// 1/sqrt(2 pi), the density of the normal distribution at 0.
static const float normal_peak = 0.3989422804014327f;

static void gelu_tanh(float *restrict out, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    out[i] = x * sigmoid(twice_sqrt_2_over_pi * (x + 0.044715f * x * x * x)).value;
  }
}

static void gelu_tanh_backward(float *restrict gradient, const float *restrict input,
                               size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float x = input[i];
    Sigmoid s = sigmoid(twice_sqrt_2_over_pi * (x + 0.044715f * x * x * x));
    float slope = twice_sqrt_2_over_pi * (1.0f + 3.0f * 0.044715f * x * x);
    gradient[i] *= s.value + (s.value * s.complement * x) * slope;
  }
}

static void gelu(float *restrict out, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float density;
    out[i] = input[i] * normal_distribution(input[i], &density);
  }
}

static void gelu_backward(float *restrict gradient, const float *restrict input, size_t count) {
  RELAXED
  for (size_t i = 0; i < count; i++) {
    float density;
    float fraction = normal_distribution(input[i], &density);
    gradient[i] *= fraction + input[i] * normal_peak * density;
  }
}

// Written so that NaN passes through both, as in torch.
static void relu(float *restrict out, const float *restrict input, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = input[i] < 0 ? 0 : input[i];
}

static void relu_backward(float *restrict gradient, const float *restrict input, size_t count) {
  for (size_t i = 0; i < count; i++) gradient[i] = input[i] <= 0 ? 0 : gradient[i];
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
