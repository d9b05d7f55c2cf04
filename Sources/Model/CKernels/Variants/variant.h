// All kernels, compiled for the processors that the including file names: TARGET is the attribute
// for them, and the names of the kernels begin with VARIANT.
//
// It is an attribute and not a flag of the compiler, because SwiftPM passes the flags of the command
// line last, and cannot choose those of a target by architecture.
#include "CKernels.h"
#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define AS_PRAGMA(text) _Pragma(#text)
#define RENAME(name, variant) AS_PRAGMA(redefine_extname ckernels_##name variant##_##name)
#define RENAME_FOR(name, variant) RENAME(name, variant)
#define KERNEL(name) RENAME_FOR(name, VARIANT)
#include "names.h"
#undef KERNEL
#pragma clang attribute push(__attribute__((target(TARGET))), apply_to = function)
#endif

#include "../activation.c"
#include "../adamw.c"
#include "../philox.c"
#include "../dropout.c"
#include "../minhash.c"
#include "../packing.c"
#include "../products.c"
#include "../rows.c"
#include "../softmax.c"
// These do not let the optimizer fuse operations, up to the end of the file.
#include "../Inference/decoding.c"
#include "../Inference/integers.c"
#include "../Inference/integer_inputs.c"
#include "../Inference/integer_products.c"
#include "../Inference/linear.c"
#include "../Inference/logits.c"
#include "../normal.c"
#include "../Inference/pairs.c"
#include "../Inference/transposed.c"

#if defined(__x86_64__)
#pragma clang attribute pop
#endif
