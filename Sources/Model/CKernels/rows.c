#include "CKernels.h"
#include "arithmetic.h"

void ckernels_layer_norm(float *restrict out, float *restrict mean, float *restrict rstd,
                         const float *restrict input, const float *restrict weight,
                         const float *restrict bias, size_t channels, float epsilon) {
  RELAXED
  float sum = 0;
  for (size_t i = 0; i < channels; i++) sum += input[i];
  float m = sum / (float)channels;
  float squares = 0;
  for (size_t i = 0; i < channels; i++) squares += (input[i] - m) * (input[i] - m);
  *mean = m;
  *rstd = 1.0f / sqrtf(squares / (float)channels + epsilon);
  ckernels_normalize(out, *mean, *rstd, input, weight, bias, channels);
}

void ckernels_normalize(float *restrict out, float mean, float rstd, const float *restrict input,
                        const float *restrict weight, const float *restrict bias,
                        size_t channels) {
  RELAXED
  for (size_t i = 0; i < channels; i++) out[i] = (input[i] - mean) * rstd * weight[i] + bias[i];
}

void ckernels_layer_norm_backward(float *restrict input_gradient, float *restrict weight_gradient,
                                  float *restrict bias_gradient,
                                  const float *restrict out_gradient, const float *restrict mean,
                                  const float *restrict rstd, const float *restrict input,
                                  const float *restrict weight, size_t rows, size_t channels) {
  RELAXED
  for (size_t row = 0; row < rows; row++) {
    const float *x = input + row * channels;
    const float *dy = out_gradient + row * channels;
    float *dx = input_gradient + row * channels;
    float m = mean[row], s = rstd[row];
    float sum = 0, product = 0;
    for (size_t i = 0; i < channels; i++) {
      float normalized = (x[i] - m) * s;
      float g = dy[i] * weight[i];
      sum += g;
      product += g * normalized;
      weight_gradient[i] += dy[i] * normalized;
      bias_gradient[i] += dy[i];
    }
    sum /= (float)channels;
    product /= (float)channels;
    for (size_t i = 0; i < channels; i++) {
      float normalized = (x[i] - m) * s;
      dx[i] += s * (dy[i] * weight[i] - sum - normalized * product);
    }
  }
}

void ckernels_sum(float *restrict out, const float *x, const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = x[i] + y[i];
}

void ckernels_add(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

void ckernels_multiply(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

void ckernels_scale(float *out, const float *x, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = factor * x[i];
}

void ckernels_scale_columns(float *restrict y, const float *restrict factors,
                            const float *restrict bias, size_t count) {
  if (bias)
    for (size_t i = 0; i < count; i++) y[i] = factors[i] * y[i] + bias[i];
  else
    for (size_t i = 0; i < count; i++) y[i] *= factors[i];
}

void ckernels_magnitude_backward(float *restrict gradient, float *restrict products,
                                 float *restrict gradients, const float *restrict out,
                                 const float *restrict factors, size_t count) {
  for (size_t i = 0; i < count; i++) {
    products[i] += gradient[i] * out[i];
    gradients[i] += gradient[i];
    gradient[i] *= factors[i];
  }
}

double ckernels_sum_of_squares(const float *x, size_t count) {
  RELAXED
  double total = 0;
  // Short stretches are summed in single precision, which is twice as fast, and their sums in
  // double precision, so that the error does not grow with the count.
  for (size_t start = 0; start < count; start += 4096) {
    size_t end = start + 4096 < count ? start + 4096 : count;
    float sum = 0;
    for (size_t i = start; i < end; i++) sum += x[i] * x[i];
    total += sum;
  }
  return total;
}

float ckernels_dot(const float *restrict x, const float *restrict y, size_t count) {
  RELAXED
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += x[i] * y[i];
  return sum;
}
