#include "CKernels.h"
#include "arithmetic.h"

// Uses what philox.c defines, which comes before it in each variant.

// How many elements get random numbers from the counters that go through the rounds together: 16 bits
// each. With 32, and drawing the masks of attention again in the backward pass, dropout took 3.2 % of
// a step instead of 1.7 %.
enum { stretch = CKERNELS_DROPOUT_STRETCH };
_Static_assert(stretch == 8 * counters, "a counter gives 128 bits, an element takes 16");

// The bits of each element of a stretch that are kept: all or none.
INLINE void kept_bits(uint32_t kept[stretch], const uint32_t words[4][counters],
                      uint32_t threshold) {
  // Element e takes the lower half of word e, and element 64 + e the upper half.
  const uint32_t *random = &words[0][0];
  for (size_t i = 0; i < stretch / 2; i++) {
    kept[i] = (random[i] & 0xFFFF) < threshold ? 0 : UINT32_MAX;
    kept[i + stretch / 2] = random[i] >> 16 < threshold ? 0 : UINT32_MAX;
  }
}

INLINE void drop(float *out, const float *input, const uint32_t kept[stretch], float scale,
                 size_t count) {
  // In memory of its own, or the loop would not be vectorized where the output is the input.
  uint32_t result[stretch];
  for (size_t i = 0; i < count; i++) {
    const float scaled = input[i] * scale;
    uint32_t bits;
    memcpy(&bits, &scaled, sizeof bits);
    result[i] = bits & kept[i];
  }
  memcpy(out, result, count * sizeof *out);
}

void ckernels_dropout(float *out, const float *input, const CKernelsDropout *dropout,
                      uint64_t first_group, size_t count) {
  uint32_t words[4][counters], kept[stretch];
  for (size_t start = 0; start < count; start += stretch) {
    random_words(words, &dropout->stream, first_group + start / 8);
    kept_bits(kept, words, dropout->threshold);
    if (count - start >= stretch)
      drop(out + start, input + start, kept, dropout->scale, stretch);
    else
      drop(out + start, input + start, kept, dropout->scale, count - start);
  }
}
