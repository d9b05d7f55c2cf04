#pragma once
#include "CKernels.h"
#include "../arithmetic.h"

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

/// The rows that are multiplied together, so that their sums stay in registers.
#if defined(KERNELS_AVX512)
#define ROWS_TOGETHER 6
#else
#define ROWS_TOGETHER 2
#endif

/// Inputs whose integers lie side by side.
#define QUAD 4

#define PANEL CKERNELS_PANEL
#define PANEL_VECTORS (PANEL / LANES)
#define INPUT_BLOCK CKERNELS_INPUT_BLOCK

// Where weights are prefetched to, and how far ahead. Without this, reading bf16 is a tenth slower on a
// Zen 4. On processors with tiles, the second-level cache waits for more lines at a time than the first:
// int8 is read 1.06 times as fast.
#if defined(KERNELS_TILES)
#define PREFETCH_LOCALITY 2
#define PREFETCH_DISTANCE 8192
#else
#define PREFETCH_LOCALITY 3
#define PREFETCH_DISTANCE 4096
#endif

/// Prefetches `bytes` of what will be read some time after these weights.
INLINE void read_on(const void *weights, size_t bytes) {
  for (size_t line = 0; line < bytes; line += 64) {
    __builtin_prefetch((const char *)weights + PREFETCH_DISTANCE + line, 0, PREFETCH_LOCALITY);
  }
}

/// The same for weights in single precision: those with tiles read them 1.2 to 1.35 times as fast. A
/// Zen 4 prefetches by itself what lies in one row, and more only interferes.
INLINE void read_on_floats(const float *weights, size_t count) {
#if defined(KERNELS_TILES)
  read_on(weights, count * sizeof(*weights));
#endif
}

/// What is read after the block that is multiplied, and prefetched meanwhile, some of it at a time.
typedef struct ComingBlock {
  const char *next, *end;
} ComingBlock;

INLINE void prefetch_some(ComingBlock *coming, size_t bytes) {
  const size_t left = (size_t)(coming->end - coming->next);
  const char *end = coming->next + (left < bytes ? left : bytes);
  for (; coming->next < end; coming->next += 64) __builtin_prefetch(coming->next, 0, 2);
}

INLINE Vector from_floats(const float *x) { return *(const Vector *)x; }

/// out += sums.
INLINE void add_sums(float *out, const Vector *sums, size_t vectors) {
  for (size_t v = 0; v < vectors; v++) *(Vector *)(out + v * LANES) += sums[v];
}

// MARK: - Pairs of bfloat16

INLINE Words from_pairs(const uint16_t *x) { return *(const Words *)x; }

/// The first bfloat16 of each pair; a bfloat16 is the upper half of a float.
INLINE Vector first_of(Words pairs) { return (Vector)(pairs << 16); }

INLINE Vector second_of(Words pairs) { return (Vector)(pairs & 0xFFFF0000u); }
