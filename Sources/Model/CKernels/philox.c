#include "CKernels.h"
#include "arithmetic.h"

// Philox 4x32-10: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11.
enum { rounds = 10 };
static const uint32_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
static const uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;

INLINE void philox_round(uint32_t *c0, uint32_t *c1, uint32_t *c2, uint32_t *c3, uint32_t key0,
                         uint32_t key1) {
  uint64_t product0 = (uint64_t)multiplier0 * *c0, product1 = (uint64_t)multiplier1 * *c2;
  uint32_t next0 = (uint32_t)(product1 >> 32) ^ *c1 ^ key0;
  uint32_t next2 = (uint32_t)(product0 >> 32) ^ *c3 ^ key1;
  *c1 = (uint32_t)product1;
  *c3 = (uint32_t)product0;
  *c0 = next0;
  *c2 = next2;
}

CKernelsWords ckernels_philox(CKernelsWords counter, uint64_t key) {
  uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32), *words = counter.words;
  for (int round = 0; round < rounds; round++) {
    philox_round(&words[0], &words[1], &words[2], &words[3], key0, key1);
    key0 += weyl0;
    key1 += weyl1;
  }
  return counter;
}

// How many counters go through the rounds side by side, one in each vector lane.
enum { counters = 16 };

/// The random words of the counters from `first` on, word by word.
static void random_words(uint32_t words[4][counters], const CKernelsStream *stream,
                         uint64_t first) {
  for (size_t lane = 0; lane < counters; lane++) {
    uint64_t counter = first + lane;
    words[0][lane] = (uint32_t)counter;
    words[1][lane] = (uint32_t)(counter >> 32);
    words[2][lane] = stream->place[0];
    words[3][lane] = stream->place[1];
  }
  uint32_t key0 = stream->key[0], key1 = stream->key[1];
  for (int round = 0; round < rounds; round++) {
    for (size_t lane = 0; lane < counters; lane++)
      philox_round(&words[0][lane], &words[1][lane], &words[2][lane], &words[3][lane], key0, key1);
    key0 += weyl0;
    key1 += weyl1;
  }
}
