#include "CKernels.h"
#include "arithmetic.h"

// Each score and each channel of the result is one chain of sums in ascending order, so that its
// bits do not depend on what else is computed.
#pragma clang fp contract(off)

#define BLOCK CKERNELS_KEY_BLOCK
typedef float Block __attribute__((ext_vector_type(BLOCK), aligned(4)));

void ckernels_store_key(float *restrict keys, const float *restrict key, size_t position,
                        size_t size) {
  float *target = keys + position / BLOCK * BLOCK * size + position % BLOCK;
  for (size_t channel = 0; channel < size; channel++) target[channel * BLOCK] = key[channel];
}

/// The scores of `blocks` blocks of keys, a constant: several chains at a time hide the latency of
/// an addition.
INLINE void score_blocks(const size_t blocks, Block *restrict scores, const float *restrict query,
                         const float *restrict keys, size_t size, float scale) {
  Block sums[4];
  for (size_t block = 0; block < blocks; block++) sums[block] = (Block)0.0f;
  for (size_t channel = 0; channel < size; channel++) {
    for (size_t block = 0; block < blocks; block++) {
      const float *key = keys + (block * size + channel) * BLOCK;
      sums[block] = FUSED(sums[block], (Block)query[channel], *(const Block *)key);
    }
  }
  for (size_t block = 0; block < blocks; block++) scores[block] = scale * sums[block];
}

void ckernels_scores(float *restrict scores, const float *restrict query,
                     const float *restrict keys, size_t count, size_t size, float scale) {
  size_t position = 0;
  for (; position + 4 * BLOCK <= count; position += 4 * BLOCK) {
    score_blocks(4, (Block *)(scores + position), query, keys + position * size, size, scale);
  }
  for (; position < count; position += BLOCK) {
    Block block;
    score_blocks(1, &block, query, keys + position * size, size, scale);
    size_t rest = count - position < BLOCK ? count - position : BLOCK;
    memcpy(scores + position, &block, rest * sizeof(float));
  }
}

void ckernels_add_weighted(float *restrict out, const float *restrict weights,
                           const float *restrict values, size_t count, size_t size) {
  size_t channel = 0;
  for (; channel + 64 <= size; channel += 64) {
    Block sums[4];
    for (size_t v = 0; v < 4; v++) sums[v] = *(const Block *)(out + channel + v * BLOCK);
    for (size_t position = 0; position < count; position++) {
      const float *value = values + position * size + channel;
      for (size_t v = 0; v < 4; v++) {
        sums[v] = FUSED(sums[v], (Block)weights[position], *(const Block *)(value + v * BLOCK));
      }
    }
    for (size_t v = 0; v < 4; v++) *(Block *)(out + channel + v * BLOCK) = sums[v];
  }
  if (channel == size) return;
  for (size_t position = 0; position < count; position++) {
    const float *value = values + position * size;
    for (size_t c = channel; c < size; c++) out[c] = FUSED(out[c], weights[position], value[c]);
  }
}
