// Prints the operations a second of multiplying and adding in registers, the best of some runs: in
// fp32, and of products of bfloat16 that are summed in fp32, in vectors or tiles (0 where the processor
// has neither).
// usage: peak_arithmetic THREADS RUNS
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Two units that take six cycles for a product of bfloat16 need 12 independent sums, and reach their
// peak only with some more: on a Zen 5, 12 sums gave 0.92 of it. There are registers for 16.
#define SUMS 16
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

// A product of two tiles takes as long as this many products of vectors.
#define TILE_STEPS 16

__attribute__((target("amx-tile,amx-bf16"))) static void *bf16_tiles(void *unused) {
  struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } shapes = {.palette = 1};
  for (int tile = 0; tile < 8; tile++) shapes.row_bytes[tile] = 64, shapes.rows[tile] = 16;
  _tile_loadconfig(&shapes);
  _tile_zero(6);
  _tile_zero(7);
  for (int run = 0; run < REPETITIONS / TILE_STEPS * SUMS / 6; run++) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
    _tile_dpbf16ps(4, 6, 7);
    _tile_dpbf16ps(5, 6, 7);
  }
  _tile_release();
  return unused;
}

// Whether the processor has tiles, which this process has to ask the system for.
static int has_tiles(void) {
  const long request_permission = 0x1023, tile_data = 18;
  return __builtin_cpu_supports("amx-bf16") &&
         syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

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
  double bf16 = has_tiles() ? rate(bf16_tiles, 16 * 16 * 32 / TILE_STEPS, threads, runs)
                : __builtin_cpu_supports("avx512bf16") ? rate(bf16_avx512, 32, threads, runs)
                                                       : 0;
  printf("%.0f %.0f\n", fp32, bf16);
  return 0;
}
