// Prints the operations a second of multiplying and adding in registers, the best of some runs: in
// fp32, and of products of bfloat16 that are summed in fp32 (0 where the processor has none).
// usage: peak_arithmetic THREADS RUNS
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// As many independent sums as two units need that take four cycles for each, and some more.
#define SUMS 12
#define REPETITIONS 20000000

#define KERNEL(name, features, vector, operation)                                     \
  __attribute__((target(features))) static void *name(void *unused) {                 \
    vector sums[SUMS] = {0};                                                          \
    for (int run = 0; run < REPETITIONS; run++) {                                     \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) {             \
        sums[i] = operation;                                                          \
        /* The compiler must neither leave it out nor keep the sums in memory. */     \
        __asm__ volatile("" : "+x"(sums[i]));                                         \
      }                                                                               \
    }                                                                                 \
    return unused;                                                                    \
  }

KERNEL(fp32_avx2, "avx2,fma", __m256, _mm256_fmadd_ps(sums[i], sums[i], sums[i]))
KERNEL(fp32_avx512, "avx512f", __m512, _mm512_fmadd_ps(sums[i], sums[i], sums[i]))
KERNEL(bf16_avx512, "avx512f,avx512bf16", __m512,
       _mm512_dpbf16_ps(sums[i], (__m512bh)sums[i], (__m512bh)sums[i]))

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// `products` are those of one instruction.
static double rate(void *(*kernel)(void *), int products, int threads, int runs) {
  double best = 0;
  pthread_t *ids = calloc((size_t)threads, sizeof(pthread_t));
  if (!ids) exit(71);
  while (runs-- > 0) {
    double start = now();
    for (int index = 0; index < threads; index++) {
      if (pthread_create(&ids[index], NULL, kernel, NULL)) exit(71);
    }
    for (int index = 0; index < threads; index++) pthread_join(ids[index], NULL);
    double measured = 2.0 * products * REPETITIONS * SUMS * threads / (now() - start);
    if (measured > best) best = measured;
  }
  free(ids);
  return best;
}

int main(int count, char **arguments) {
  if (count != 3) return 64;
  int threads = atoi(arguments[1]), runs = atoi(arguments[2]);
  if (threads < 1 || runs < 1) return 64;
  double fp32 = __builtin_cpu_supports("avx512f") ? rate(fp32_avx512, 16, threads, runs)
                                                  : rate(fp32_avx2, 8, threads, runs);
  double bf16 = __builtin_cpu_supports("avx512bf16") ? rate(bf16_avx512, 32, threads, runs) : 0;
  printf("%.0f %.0f\n", fp32, bf16);
  return 0;
}
