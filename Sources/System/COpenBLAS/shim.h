#pragma once
#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Present in OpenBLAS built for many processors (DYNAMIC_ARCH, as in Debian), but not declared.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/// Makes OpenBLAS choose kernels by the processor's capabilities if it does not know the
/// processor's name.
///
/// OpenBLAS 0.3.21 takes processors newer than itself for a Prescott of 2004, at a fifth of the
/// speed of its AVX-512 kernels. OPENBLAS_CORETYPE is its own way to override that, but it is read
/// only when the library is loaded, so the choice is made again here. Call this before any other
/// thread uses the library.
static inline void copenblas_fit_processor(void) {
#if defined(__x86_64__)
  if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit || getenv("OPENBLAS_CORETYPE") ||
      strcmp(openblas_get_corename(), "Prescott") != 0)
    return;
  __builtin_cpu_init();
  const char *core = NULL;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    core = "SkylakeX";
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    core = "Haswell";
  if (!core) return;
  setenv("OPENBLAS_CORETYPE", core, 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
#endif
}

// The memory for products, which OpenBLAS keeps for later ones; exported, but not declared.
extern void *blas_memory_alloc(int) __attribute__((weak));
extern void blas_memory_free(void *) __attribute__((weak));

/// Bytes of address space for the memory of a product: 128 MB plus alignment.
static const long copenblas_buffer_size = (128L << 20) + (64L << 10);

/// Allocates the memory for the products of as many threads as there is room for, and returns the
/// number of these threads, at most `threads`.
///
/// blas_memory_alloc of OpenBLAS 0.3.21 does not return until there is room, so this is tested
/// first.
static inline int copenblas_reserve(int threads) {
  // The number of threads that Debian's OpenBLAS keeps memory for; for more it has a fallback.
  enum { most = 64 };
  if (!blas_memory_alloc || !blas_memory_free) return threads;
  void *buffers[most];
  int count = 0;
  while (count < threads && count < most) {
    void *room = mmap(0, copenblas_buffer_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) break;
    munmap(room, copenblas_buffer_size);
    if (!(buffers[count] = blas_memory_alloc(0))) break;
    count++;
  }
  int reserved = count == most ? threads : count;
  while (count > 0) blas_memory_free(buffers[--count]);
  return reserved;
}
