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

// LAPACK's own routines, which OpenBLAS exports but does not declare. Fortran passes the length of
// each string behind the other arguments.
extern void ssyevr_(const char *, const char *, const char *, const int *, float *, const int *,
                    const float *, const float *, const int *, const int *, const float *, int *,
                    float *, float *, const int *, int *, float *, const int *, int *, const int *,
                    int *, size_t, size_t, size_t);
extern void dsyevr_(const char *, const char *, const char *, const int *, double *, const int *,
                    const double *, const double *, const int *, const int *, const double *,
                    int *, double *, double *, const int *, int *, double *, const int *, int *,
                    const int *, int *, size_t, size_t, size_t);

/// The `count` largest eigenvalues of a symmetric matrix, ascending, and their eigenvectors, each
/// of `size` consecutive numbers; returns 0 if they were found.
///
/// `matrix`, `[size, size]` in rows, has its upper triangle, and is overwritten. `values` has room for
/// `size` numbers, `vectors` for `count` times `size`, `work` for 26 times `size`, and `integers` for
/// 12 times `size`.
static inline int copenblas_ssyevr(int size, int count, float *matrix, float *values,
                                   float *vectors, float *work, int *integers) {
  int first = size - count + 1, found = 0, info = 0;
  int work_size = 26 * size, integer_size = 10 * size;
  float zero = 0;
  // Fortran takes rows for columns, so that the upper triangle is the lower one.
  ssyevr_("V", "I", "L", &size, matrix, &size, &zero, &zero, &first, &size, &zero, &found, values,
          vectors, &size, integers, work, &work_size, integers + 2 * size, &integer_size, &info, 1,
          1, 1);
  return info != 0 ? info : found != count;
}

/// The same in double precision.
static inline int copenblas_dsyevr(int size, int count, double *matrix, double *values,
                                   double *vectors, double *work, int *integers) {
  int first = size - count + 1, found = 0, info = 0;
  int work_size = 26 * size, integer_size = 10 * size;
  double zero = 0;
  dsyevr_("V", "I", "L", &size, matrix, &size, &zero, &zero, &first, &size, &zero, &found, values,
          vectors, &size, integers, work, &work_size, integers + 2 * size, &integer_size, &info, 1,
          1, 1);
  return info != 0 ? info : found != count;
}

extern void sgesdd_(const char *, const int *, const int *, float *, const int *, float *, float *,
                    const int *, float *, const int *, float *, const int *, int *, int *, size_t);

/// The singular value decomposition of `matrix`, `[rows, columns]`, which is overwritten; returns 0
/// if it was found. With k the smaller of `rows` and `columns`, `left` is `[rows, k]`, and `right`
/// `[k, columns]`. Tests compare with it.
///
/// Returns the number of floats that `work` needs if `work_size` is -1.
static inline int copenblas_sgesdd(int rows, int columns, float *matrix, float *values, float *left,
                                   float *right, float *work, int work_size, int *integers) {
  // Fortran takes rows for columns, so that it decomposes the transpose: left and right change
  // places.
  int k = rows < columns ? rows : columns, info = 0;
  sgesdd_("S", &columns, &rows, matrix, &columns, values, right, &columns, left, &k, work,
          &work_size, integers, &info, 1);
  return info == 0 && work_size == -1 ? (int)work[0] : info;
}
