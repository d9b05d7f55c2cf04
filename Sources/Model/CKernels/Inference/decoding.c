#include "CKernels.h"
#include "../arithmetic.h"

// Each score and each channel of the result is one chain of sums in ascending order, so that its
// bits do not depend on what else is computed.
#pragma clang fp contract(off)

#define KEY_BLOCK CKERNELS_KEY_BLOCK
typedef float Keys __attribute__((ext_vector_type(KEY_BLOCK), aligned(4)));
typedef _Float16 HalfKeys __attribute__((ext_vector_type(KEY_BLOCK), aligned(2)));

/// Adds `factor` times as many numbers as a block has keys, from number `first` on.
INLINE void add_kept(const int has_halves, Keys *sums, float factor, const void *numbers,
                     size_t first) {
  const Keys kept =
      has_halves
          ? __builtin_convertvector(*(const HalfKeys *)((const _Float16 *)numbers + first), Keys)
          : *(const Keys *)((const float *)numbers + first);
  *sums = FUSED(*sums, (Keys)factor, kept);
}

INLINE float kept_number(const int has_halves, const void *numbers, size_t index) {
  return has_halves ? (float)((const _Float16 *)numbers)[index] : ((const float *)numbers)[index];
}

INLINE void keep_number(const int has_halves, void *numbers, size_t index, float x) {
  if (!has_halves) {
    ((float *)numbers)[index] = x;
    return;
  }
  // NaN stays NaN.
  const float largest = 65504.0f;
  x = x > largest ? largest : x;
  ((_Float16 *)numbers)[index] = (_Float16)(x < -largest ? -largest : x);
}

INLINE void keep(const int has_halves, const CKernelsKeysAndValues *kept,
                 const float *restrict key, const float *restrict value, size_t position) {
  const size_t size = kept->size, first_key = position / KEY_BLOCK * KEY_BLOCK * size;
  for (size_t i = 0; i < size; i++) {
    const size_t place = first_key + i * KEY_BLOCK + position % KEY_BLOCK;
    keep_number(has_halves, kept->keys, place, key[i]);
  }
  for (size_t i = 0; i < size; i++)
    keep_number(has_halves, kept->values, position * size + i, value[i]);
}

void ckernels_keep(const CKernelsKeysAndValues *kept, const float *key, const float *value,
                   size_t position) {
  if (kept->has_halves)
    keep(1, kept, key, value, position);
  else
    keep(0, kept, key, value, position);
}

/// The scores of `blocks` blocks of keys, a constant: several chains at a time hide the latency of
/// an addition.
INLINE void score_blocks(const int has_halves, const size_t blocks, Keys *restrict scores,
                         const float *restrict query, const CKernelsKeysAndValues *kept,
                         size_t position, float scale) {
  const size_t size = kept->size;
  Keys sums[4];
  for (size_t block = 0; block < blocks; block++) sums[block] = (Keys)0.0f;
  for (size_t i = 0; i < size; i++) {
    for (size_t block = 0; block < blocks; block++) {
      const size_t first = position * size + (block * size + i) * KEY_BLOCK;
      add_kept(has_halves, &sums[block], query[i], kept->keys, first);
    }
  }
  for (size_t block = 0; block < blocks; block++) scores[block] = scale * sums[block];
}

INLINE void all_scores(const int has_halves, float *restrict scores, const float *restrict query,
                       const CKernelsKeysAndValues *kept, size_t count, float scale) {
  size_t position = 0;
  for (; position + 4 * KEY_BLOCK <= count; position += 4 * KEY_BLOCK) {
    score_blocks(has_halves, 4, (Keys *)(scores + position), query, kept, position, scale);
  }
  for (; position < count; position += KEY_BLOCK) {
    Keys block;
    score_blocks(has_halves, 1, &block, query, kept, position, scale);
    size_t rest = count - position < KEY_BLOCK ? count - position : KEY_BLOCK;
    memcpy(scores + position, &block, rest * sizeof(float));
  }
}

void ckernels_scores(float *restrict scores, const float *restrict query,
                     const CKernelsKeysAndValues *kept, size_t count, float scale) {
  if (kept->has_halves)
    all_scores(1, scores, query, kept, count, scale);
  else
    all_scores(0, scores, query, kept, count, scale);
}

INLINE void add_values(const int has_halves, float *restrict out, const float *restrict weights,
                       const CKernelsKeysAndValues *kept, size_t count) {
  const size_t size = kept->size;
  size_t channel = 0;
  for (; channel + 4 * KEY_BLOCK <= size; channel += 4 * KEY_BLOCK) {
    Keys sums[4];
    for (size_t v = 0; v < 4; v++) sums[v] = *(const Keys *)(out + channel + v * KEY_BLOCK);
    for (size_t position = 0; position < count; position++) {
      const size_t first = position * size + channel;
      for (size_t v = 0; v < 4; v++)
        add_kept(has_halves, &sums[v], weights[position], kept->values, first + v * KEY_BLOCK);
    }
    for (size_t v = 0; v < 4; v++) *(Keys *)(out + channel + v * KEY_BLOCK) = sums[v];
  }
  if (channel == size) return;
  for (size_t position = 0; position < count; position++) {
    for (size_t c = channel; c < size; c++) {
      const float value = kept_number(has_halves, kept->values, position * size + c);
      out[c] = FUSED(out[c], weights[position], value);
    }
  }
}

void ckernels_add_weighted(float *restrict out, const float *restrict weights,
                           const CKernelsKeysAndValues *kept, size_t count) {
  if (kept->has_halves)
    add_values(1, out, weights, kept, count);
  else
    add_values(0, out, weights, kept, count);
}
