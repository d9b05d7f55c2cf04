#include "CKernels.h"

// Sixteen rows are computed over all hashes at a time, in one register or a few.
typedef uint32_t Rows __attribute__((ext_vector_type(16), aligned(4)));

void ckernels_minhash(uint32_t *restrict minima, const uint32_t *restrict multipliers,
                      const uint32_t *restrict addends, size_t groups,
                      const uint64_t *restrict hashes, size_t count) {
  for (size_t group = 0; group < groups; group++) {
    Rows multiplier = *(const Rows *)(multipliers + group * CKERNELS_MINHASH_ROWS);
    Rows addend = *(const Rows *)(addends + group * CKERNELS_MINHASH_ROWS);
    Rows minimum = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
      Rows hash = (uint32_t)hashes[i];
      minimum = __builtin_elementwise_min(minimum, hash * multiplier + addend);
    }
    *(Rows *)(minima + group * CKERNELS_MINHASH_ROWS) = minimum;
  }
}
