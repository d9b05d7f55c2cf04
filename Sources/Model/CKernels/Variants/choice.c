// For syscall.
#define _GNU_SOURCE
#include "CKernels.h"

// Which variant of the kernels this process runs. On x86-64 a call of a kernel is a jump through the
// table of the chosen one; elsewhere there is one variant, and nothing to choose.
#if defined(__x86_64__)
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL(name) \
  extern const char haswell_##name, avx512_##name, vnni_##name, bfloat16_##name, tiles_##name;
#include "names.h"
#undef KERNEL

#define KERNEL(name) &haswell_##name,
static const void *const haswell[] = {
#include "names.h"
};
#undef KERNEL

#define KERNEL(name) &avx512_##name,
static const void *const avx512[] = {
#include "names.h"
};
#undef KERNEL

#define KERNEL(name) &vnni_##name,
static const void *const vnni[] = {
#include "names.h"
};
#undef KERNEL

#define KERNEL(name) &bfloat16_##name,
static const void *const bfloat16[] = {
#include "names.h"
};
#undef KERNEL

#define KERNEL(name) &tiles_##name,
static const void *const tiles[] = {
#include "names.h"
};
#undef KERNEL

static const struct {
  const char *name;
  const void *const *kernels;
} variants[] = {{"haswell", haswell}, {"avx512", avx512}, {"vnni", vnni}, {"bfloat16", bfloat16},
                {"tiles", tiles}};

static int chosen;
// Named in the jumps below.
__attribute__((used)) static const void *const *table = haswell;

/// Whether this process may use tiles, whose registers the system saves only for those who ask.
static int may_use_tiles(void) {
#if defined(__linux__)
  const long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return 0;
#endif
}

/// The best variant that this processor can run.
static int best(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return 0;
  if (!__builtin_cpu_supports("avx512vnni")) return 1;
  if (!__builtin_cpu_supports("avx512bf16")) return 2;
  const int has_tiles = __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("amx-int8");
  return has_tiles && may_use_tiles() ? 4 : 3;
}

// Before main, so that no thread sees the choice change.
__attribute__((constructor)) static void choose(void) {
  chosen = best();
  const char *wanted = getenv("BUGURT_KERNELS");
  for (int i = 0; wanted && i < chosen; i++)
    if (strcmp(wanted, variants[i].name) == 0) chosen = i;
  table = variants[chosen].kernels;
}

const char *ckernels_variant(void) { return variants[chosen].name; }

enum {
#define KERNEL(name) place_of_##name,
#include "names.h"
#undef KERNEL
};

#define KERNEL(name) \
  __attribute__((naked)) void ckernels_jump_##name(void) __asm__("ckernels_" #name); \
  __attribute__((naked)) void ckernels_jump_##name(void) { \
    __asm__("movq %0, %%r11\n\tjmpq *%c1(%%r11)" : : "m"(table), "i"(8 * place_of_##name)); \
  }
#include "names.h"

#else

const char *ckernels_variant(void) { return "baseline"; }

#endif
