// For processors with AVX-512, from Skylake-SP (2017) on.
#if defined(__x86_64__)
#define VARIANT avx512
#define TARGET "arch=skylake-avx512"
#define KERNELS_AVX512
#include "variant.h"
#endif
