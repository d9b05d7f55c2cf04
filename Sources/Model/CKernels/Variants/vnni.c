// For processors with AVX-512 that multiply bytes (VNNI): from Cascade Lake (2019) on.
#if defined(__x86_64__)
#define VARIANT vnni
#define TARGET "arch=cascadelake"
#define KERNELS_AVX512
#define KERNELS_QUADS
#include "variant.h"
#endif
