// For processors with AVX-512 that multiply bfloat16: Cooper Lake (2020), Zen 4 (2022), Sapphire
// Rapids (2023) and later. On these, vectors of 512 bits are worth using everywhere.
#if defined(__x86_64__)
#define VARIANT bfloat16
#define TARGET "arch=cooperlake,tune=znver4"
#define KERNELS_AVX512
#define KERNELS_QUADS
#define KERNELS_BFLOAT16
#include "variant.h"
#endif
