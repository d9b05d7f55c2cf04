#include "vectors.h"

// Weights that lie as [outputs, inputs]. Every output is a sum over blocks of inputs. A block is
// the sum, in ascending order, of 16 chains of fused multiply-adds, the first over inputs 0, 16, 32
// and so on: side by side, the chains read consecutive inputs of a row.
#pragma clang fp contract(off)

#define CHAINS CKERNELS_CHAINS
#define CHAIN_BLOCK CKERNELS_CHAIN_BLOCK

typedef float Row __attribute__((ext_vector_type(CHAINS), aligned(4)));

// Macros, because a vector wider than the processor's cannot be passed to a function.
#define INTERLEAVED_LOWER(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVED_UPPER(a, b) \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/// Transposes 16 rows by interleaving the upper half of them with the lower half four times.
INLINE void transpose_rows(Row rows[16]) {
  for (size_t round = 0; round < 4; round++) {
    Row next[16];
    for (size_t pair = 0; pair < 8; pair++) {
      next[2 * pair] = INTERLEAVED_LOWER(rows[pair], rows[pair + 8]);
      next[2 * pair + 1] = INTERLEAVED_UPPER(rows[pair], rows[pair + 8]);
    }
    for (size_t row = 0; row < 16; row++) rows[row] = next[row];
  }
}

// Vectors are passed by pointer, for the same reason.

/// CHAINS floats: the first `count` from memory, the others zero.
INLINE void partly(Row *row, const float *x, size_t count) {
  *row = (Row)0.0f;
  memcpy(row, x, count * sizeof(float));
}

/// The weights of CHAINS inputs and outputs, transposed; those beyond `inputs` and `rows` are zero.
INLINE void transposed_square(Row square[CHAINS], const float *weights, size_t stride,
                              size_t inputs, size_t rows) {
  for (size_t r = 0; r < CHAINS; r++) {
    const float *source = weights + r * stride;
    square[r] = (Row)0.0f;
    if (r >= rows) continue;
    // The rows lie on different pages, and the processor does not prefetch across pages.
    __builtin_prefetch(source + 64);
    if (inputs >= CHAINS) {
      square[r] = *(const Row *)source;
    } else {
      partly(&square[r], source, inputs);
    }
  }
  transpose_rows(square);
}

void ckernels_panel_of_rows(float *restrict panel, const float *restrict weights, size_t stride,
                            size_t inputs, size_t rows) {
  for (size_t row = 0; row < PANEL; row += CHAINS) {
    for (size_t input = 0; input < inputs; input += CHAINS) {
      const size_t rest = inputs - input;
      Row square[CHAINS];
      transposed_square(square, weights + row * stride + input, stride, rest,
                        row < rows ? rows - row : 0);
      for (size_t i = 0; i < CHAINS && i < rest; i++) {
        *(Row *)(panel + (input + i) * PANEL + row) = square[i];
      }
    }
  }
}

/// The chains of a block of one row of weights.
INLINE void chains(Row *out, const float *x, const float *weights, size_t inputs) {
  Row sums = {0};
  size_t input = 0;
  for (; input + CHAINS <= inputs; input += CHAINS) {
    read_on_floats(weights + input, CHAINS);
    sums = FUSED(sums, *(const Row *)(x + input), *(const Row *)(weights + input));
  }
  if (input < inputs) {
    Row factors, rest;
    partly(&factors, x + input, inputs - input);
    partly(&rest, weights + input, inputs - input);
    sums = FUSED(sums, factors, rest);
  }
  *out = sums;
}

void ckernels_linear_row_transposed(float *restrict out, const float *restrict x,
                                    const float *restrict weights, size_t stride, size_t inputs,
                                    size_t outputs) {
  // How many blocks of a row are kept until there are as many rows as vector lanes, so that one row
  // after another is read at the speed of memory.
  enum { BLOCKS = 8 };
  for (size_t output = 0; output < outputs; output += CHAINS) {
    const size_t rows = outputs - output < CHAINS ? outputs - output : CHAINS;
    Row totals;
    partly(&totals, out + output, rows);
    for (size_t begin = 0; begin < inputs; begin += BLOCKS * CHAIN_BLOCK) {
      Row kept[BLOCKS][CHAINS] = {0};
      size_t blocks = 0;
      for (size_t row = 0; row < rows; row++) {
        const float *source = weights + (output + row) * stride;
        blocks = 0;
        for (size_t start = begin; start < inputs && blocks < BLOCKS; start += CHAIN_BLOCK) {
          const size_t rest = inputs - start;
          chains(&kept[blocks++][row], x + start, source + start,
                 rest < CHAIN_BLOCK ? rest : CHAIN_BLOCK);
        }
      }
      for (size_t block = 0; block < blocks; block++) {
        transpose_rows(kept[block]);
        for (size_t chain = 0; chain < CHAINS; chain++) totals += kept[block][chain];
      }
    }
    memcpy(out + output, &totals, rows * sizeof(float));
  }
}

void ckernels_inputs_of_chains(float *restrict out, const float *restrict x, size_t inputs) {
  const size_t length = (inputs + CHAINS - 1) / CHAINS;
  for (size_t chain = 0; chain < CHAINS; chain++) {
    for (size_t place = 0; place < length; place++) {
      const size_t input = place * CHAINS + chain;
      out[chain * length + place] = input < inputs ? x[input] : 0;
    }
  }
}

void ckernels_panel_of_chains(float *restrict panel, size_t chain_stride,
                              const float *restrict weights, size_t stride, size_t inputs,
                              size_t rows) {
  for (size_t row = 0; row < PANEL; row += CHAINS) {
    for (size_t input = 0; input < inputs; input += CHAINS) {
      Row square[CHAINS];
      transposed_square(square, weights + row * stride + input, stride, inputs - input,
                        row < rows ? rows - row : 0);
      float *target = panel + input / CHAINS * PANEL + row;
      for (size_t chain = 0; chain < CHAINS; chain++) {
        *(Row *)(target + chain * chain_stride) = square[chain];
      }
    }
  }
}
