#pragma once
#include <oneapi/dnnl/dnnl.h>

// Of the OpenMP runtime that Debian's oneDNN is built with; absent where it is built with another.
extern void omp_set_num_threads(int) __attribute__((weak));

/// Whether oneDNN has kernels for the AVX-512 of this processor.
static inline int conednn_has_avx512(void) {
#if defined(__x86_64__)
  // The sets of instructions are numbered by their bits, each of which a larger one has too.
  int avx512 = dnnl_cpu_isa_avx512_core;
  return ((int)dnnl_get_effective_cpu_isa() & avx512) == avx512;
#else
  return 0;
#endif
}

/// Keeps products on the thread that asks for them, which OpenMP remembers for each thread.
static inline void conednn_stay_on_thread(void) {
  static _Thread_local int is_set;
  if (is_set) return;
  if (omp_set_num_threads) omp_set_num_threads(1);
  is_set = 1;
}
