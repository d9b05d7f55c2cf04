// For processors with AVX-512 that multiply tiles of bfloat16 and of bytes (AMX): Sapphire Rapids (2023) and later.
// Everything else is as for those that multiply vectors of bfloat16.
#if defined(__x86_64__)
#define VARIANT tiles
#define TARGET "arch=cooperlake,tune=znver4,amx-tile,amx-bf16,amx-int8"
#define KERNELS_AVX512
#define KERNELS_QUADS
#define KERNELS_BFLOAT16
#define KERNELS_TILES
#include "variant.h"
#endif
