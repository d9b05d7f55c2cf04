#include "CKernels.h"
#include "arithmetic.h"

void ckernels_adamw(float *restrict parameters, const float *restrict gradient,
                    float *restrict first_moment, float *restrict second_moment,
                    const CKernelsAdamW *step, size_t count) {
  // Nothing is summed here, and allowing reordering would move the divisions back into the loop.
#pragma clang fp contract(fast)
  const CKernelsAdamW s = *step;
  const float decay = 1.0f - s.learning_rate * s.weight_decay;
  const float rate = s.learning_rate / s.correction1;
  // Divisions are the bottleneck of a core: one more would make the loop slower than memory.
  const float inverse_correction2 = 1.0f / s.correction2;
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] * s.gradient_scale;
    float m = s.beta1 * first_moment[i] + s.one_minus_beta1 * g;
    float v = s.beta2 * second_moment[i] + s.one_minus_beta2 * g * g;
    first_moment[i] = m;
    second_moment[i] = v;
    parameters[i] =
        parameters[i] * decay - rate * m / (square_root(v) * inverse_correction2 + s.epsilon);
  }
}
