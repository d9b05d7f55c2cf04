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
