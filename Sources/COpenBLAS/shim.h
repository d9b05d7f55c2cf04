#pragma once
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

// Present in OpenBLAS built for many processors (DYNAMIC_ARCH, as Debian's is), but not declared.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/// Makes OpenBLAS choose kernels by what the processor can do where it does not know its name.
///
/// OpenBLAS 0.3.21 takes processors newer than itself for a Prescott of 2004, at a fifth of the
/// speed of its AVX-512 kernels. OPENBLAS_CORETYPE is its own way to overrule that, but is read only
/// when the library is loaded; so the choice is made again. To be called before any other thread
/// uses the library.
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
