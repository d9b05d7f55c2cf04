#pragma once
#include "CKernels.h"
#include "arithmetic.h"

// The vectors of the linear layers of inference: as wide as the processor's.

#if defined(KERNELS_AVX512)
#define LANES 16
#elif defined(__x86_64__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float Vector __attribute__((ext_vector_type(LANES), aligned(4)));
typedef uint32_t Words __attribute__((ext_vector_type(LANES), aligned(2)));

#define PANEL CKERNELS_PANEL
#define PANEL_VECTORS (PANEL / LANES)
#define INPUT_BLOCK CKERNELS_INPUT_BLOCK

/// How many bytes ahead to prefetch: without this, reading bf16 is a tenth slower.
#define AHEAD 4096

INLINE Vector from_floats(const float *x) { return *(const Vector *)x; }

// MARK: - Pairs of bfloat16

INLINE Words from_pairs(const uint16_t *x) { return *(const Words *)x; }

/// The first bfloat16 of each pair; a bfloat16 is the upper half of a float.
INLINE Vector first_of(Words pairs) { return (Vector)(pairs << 16); }

INLINE Vector second_of(Words pairs) { return (Vector)(pairs & 0xFFFF0000u); }

/// sum plus the products of the pair x with each pair of weights.
INLINE Vector add_pairs(Vector sum, uint32_t x, Words weights) {
#if defined(KERNELS_BFLOAT16)
  return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)(Words)x, (__m512bh)weights);
#else
  sum = FUSED(sum, second_of((Words)x), second_of(weights));
  return FUSED(sum, first_of((Words)x), first_of(weights));
#endif
}

/// Pairs of two numbers each that are bfloat16.
INLINE Words pairs_of(Vector first, Vector second) {
  return (Words)first >> 16 | ((Words)second & 0xFFFF0000u);
}
