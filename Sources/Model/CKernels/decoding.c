#include "CKernels.h"
#include "arithmetic.h"

// Each score and each channel of the result is one chain of sums in ascending order, so that its
// bits do not depend on what else is computed.
#pragma clang fp contract(off)

#define KEY_BLOCK CKERNELS_KEY_BLOCK
typedef float Keys __attribute__((ext_vector_type(KEY_BLOCK), aligned(4)));

void ckernels_store_key(float *restrict keys, const float *restrict key, size_t position,
                        size_t size) {
  float *target = keys + position / KEY_BLOCK * KEY_BLOCK * size + position % KEY_BLOCK;
  for (size_t channel = 0; channel < size; channel++) target[channel * KEY_BLOCK] = key[channel];
}

/// The scores of `blocks` blocks of keys, a constant: several chains at a time hide the latency of
/// an addition.
INLINE void score_blocks(const size_t blocks, Keys *restrict scores, const float *restrict query,
                         const float *restrict keys, size_t size, float scale) {
  Keys sums[4];
  for (size_t block = 0; block < blocks; block++) sums[block] = (Keys)0.0f;
  for (size_t channel = 0; channel < size; channel++) {
    for (size_t block = 0; block < blocks; block++) {
      const float *key = keys + (block * size + channel) * KEY_BLOCK;
      sums[block] = FUSED(sums[block], (Keys)query[channel], *(const Keys *)key);
    }
  }
  for (size_t block = 0; block < blocks; block++) scores[block] = scale * sums[block];
}

void ckernels_scores(float *restrict scores, const float *restrict query,
                     const float *restrict keys, size_t count, size_t size, float scale) {
  size_t position = 0;
  for (; position + 4 * KEY_BLOCK <= count; position += 4 * KEY_BLOCK) {
    score_blocks(4, (Keys *)(scores + position), query, keys + position * size, size, scale);
  }
  for (; position < count; position += KEY_BLOCK) {
    Keys block;
    score_blocks(1, &block, query, keys + position * size, size, scale);
    size_t rest = count - position < KEY_BLOCK ? count - position : KEY_BLOCK;
    memcpy(scores + position, &block, rest * sizeof(float));
  }
}

void ckernels_add_weighted(float *restrict out, const float *restrict weights,
                           const float *restrict values, size_t count, size_t size) {
  size_t channel = 0;
  for (; channel + 64 <= size; channel += 64) {
    Keys sums[4];
    for (size_t v = 0; v < 4; v++) sums[v] = *(const Keys *)(out + channel + v * KEY_BLOCK);
    for (size_t position = 0; position < count; position++) {
      const float *value = values + position * size + channel;
      for (size_t v = 0; v < 4; v++) {
        sums[v] = FUSED(sums[v], (Keys)weights[position], *(const Keys *)(value + v * KEY_BLOCK));
      }
    }
    for (size_t v = 0; v < 4; v++) *(Keys *)(out + channel + v * KEY_BLOCK) = sums[v];
  }
  if (channel == size) return;
  for (size_t position = 0; position < count; position++) {
    const float *value = values + position * size;
    for (size_t c = channel; c < size; c++) out[c] = FUSED(out[c], weights[position], value[c]);
  }
}
