#pragma once
#include <stddef.h>
#include <stdint.h>

// What inference computes otherwise than training does. The rules of CKernels.h apply.

// MARK: - Linear layers

/// The number of outputs of a panel, which holds their weights one input after another.
#define CKERNELS_PANEL 64

/// The number of inputs whose products are summed separately; in int8 they share a scale.
#define CKERNELS_INPUT_BLOCK 128

/// out += x * weights for one row x, `[inputs]`, one block or less, and the first `outputs` columns
/// of weights `[inputs, stride]`.
void ckernels_linear_row(float *out, const float *x, const float *weights, size_t stride,
                         size_t inputs, size_t outputs);

/// The number of chains of inputs whose products are summed separately if weights lie as
/// `[outputs, inputs]`: the first chain has every 16th input starting with the first, and so on.
#define CKERNELS_CHAINS 16

/// The number of inputs whose chains are summed before those of the next block.
#define CKERNELS_CHAIN_BLOCK 1024

/// out += x * transposed weights for one row x, `[inputs]`, and weights `[outputs, stride]`.
void ckernels_linear_row_transposed(float *out, const float *x, const float *weights,
                                    size_t stride, size_t inputs, size_t outputs);

/// The inputs of x, one block or less, chain after chain; shorter chains are padded with zero.
void ckernels_inputs_of_chains(float *out, const float *x, size_t inputs);

/// The panel of `rows` outputs, padded with zero, of weights `[rows, stride]` over one block of
/// inputs or less: chain after chain, `chain_stride` floats apart.
void ckernels_panel_of_chains(float *panel, size_t chain_stride, const float *weights,
                              size_t stride, size_t inputs, size_t rows);

/// out += x * panel for one row x, `[inputs]`, and a panel of bfloat16: those of two inputs side by
/// side, `[pairs of inputs, CKERNELS_PANEL, 2]`; the second of the last pair may be zero.
void ckernels_linear_row_bfloat16(float *out, const float *x, const uint16_t *panel,
                                  size_t inputs);

/// The inputs of a panel of int8 are padded to a multiple of this.
#define CKERNELS_INT8_UNIT 64

/// The number of inputs that share a scale in int4.
#define CKERNELS_INT4_BLOCK 32

/// The int4 weights of a panel over one block of inputs: integers from -8 to 7, with a scale for
/// each output, which are those of GGUF's Q4_0.
typedef struct CKernelsInt4Block {
  /// In half precision.
  uint16_t scales[CKERNELS_PANEL];
  /// The integers plus 8, those of eight inputs in each word: of the first four in the lower halves of
  /// its bytes, and of the others in the upper halves.
  uint32_t weights[CKERNELS_INT4_BLOCK / 8][CKERNELS_PANEL];
} CKernelsInt4Block;

/// Rows of inputs, rounded to integers that share a scale in each block.
typedef struct CKernelsIntegerRows {
  /// Two bytes for each input, padded to a multiple of CKERNELS_INT8_UNIT inputs, in an order that the
  /// kernels know; rows are `stride` bytes apart. If there are several, their number is padded to a
  /// multiple of ckernels_pair_tile_rows(), with anything.
  int8_t *integers;
  size_t stride;
  /// `[rows, blocks]`.
  float *scales;
  /// `[rows, blocks]`: what is to be subtracted from the sums of the blocks.
  int32_t *offsets;
} CKernelsIntegerRows;

/// Rounds x, `[inputs]`, to the integers of row `row` for a product with int8 or int4.
void ckernels_int8_inputs(CKernelsIntegerRows out, size_t row, const float *x,
                          size_t inputs);
void ckernels_int4_inputs(CKernelsIntegerRows out, size_t row, const float *x,
                          size_t inputs);

/// out += x * panel for rows of integers x, a panel of int8, the bytes of four inputs side by side,
/// `[inputs / 4, CKERNELS_PANEL, 4]`, with `[blocks of inputs, CKERNELS_PANEL]` scales, and rows of
/// out, `[rows, out_stride]`.
void ckernels_linear_int8(float *out, size_t out_stride, CKernelsIntegerRows x, size_t rows,
                          const int8_t *panel, const float *scales, size_t inputs);

/// The same for a panel of int4.
void ckernels_linear_int4(float *out, size_t out_stride, CKernelsIntegerRows x, size_t rows,
                          const CKernelsInt4Block *panel, size_t inputs);

/// The panels, one after another, of `columns` outputs, padded with zero, of weights
/// `[inputs, stride]`.
void ckernels_panels_of_columns(float *panels, const float *weights, size_t stride, size_t inputs,
                                size_t columns);

/// The panel of `rows` outputs, padded with zero, of weights `[rows, stride]`.
void ckernels_panel_of_rows(float *panel, const float *weights, size_t stride, size_t inputs,
                            size_t rows);

/// A panel of floats, `[inputs, CKERNELS_PANEL]`, from a panel of bfloat16.
void ckernels_panel_of_bfloat16(float *panel, const uint16_t *weights, size_t inputs);

/// A panel of floats, without its scales, from a panel of int8.
void ckernels_panel_of_int8(float *panel, const int8_t *weights, size_t inputs);

/// A panel of floats, without its scales, and the scales from a block of int4.
void ckernels_panel_of_int4(float *panel, float *scales, const CKernelsInt4Block *block,
                            size_t inputs);

/// out += x * panel for rows of x, `[rows, inputs]`, one block or less, and of out,
/// `[rows, CKERNELS_PANEL]`.
///
/// `next`, if not null, is what the next panel will be made from, `[inputs, next_stride]`; it is
/// prefetched meanwhile.
void ckernels_panel_product(float *out, size_t out_stride, const float *x, size_t x_stride,
                            size_t rows, const float *panel, size_t inputs, const float *next,
                            size_t next_stride);

/// Whether the processor multiplies pairs of bfloat16, at twice the rate of floats or more.
int ckernels_multiplies_pairs(void);

/// out += x * panel for rows of pairs of bfloat16 x, `[rows, x_stride]`, a panel of bfloat16, and rows
/// of out, `[rows, out_stride]`, using the processor's products of pairs if it has them.
///
/// The pairs of a row, and the number of rows that are more than one, are padded to multiples of
/// ckernels_pair_unit() and ckernels_pair_tile_rows(): the pairs with zero, the rows with anything.
void ckernels_linear_pairs(float *out, size_t out_stride, const uint32_t *x, size_t x_stride,
                           size_t rows, const uint16_t *panel, size_t inputs);

/// A panel of bfloat16 from a panel of floats, `[inputs, CKERNELS_PANEL]`.
void ckernels_bfloat16_of_panel(uint16_t *out, const float *panel, size_t inputs);

/// The nearest bfloat16 of each of `count` floats.
void ckernels_bfloat16_of_floats(uint16_t *out, const float *floats, size_t count);

/// The nearest bfloat16 of `count` floats, two neighbours to a word, the first in its lower half;
/// if the count is odd, the last one is paired with zero.
void ckernels_pairs_of_floats(uint32_t *out, const float *floats, size_t count);

/// Replaces the `count` floats in `memory` with the nearest bfloat16, which take its first half.
void ckernels_round_to_bfloat16_in_place(void *memory, size_t count);

/// The floats that correspond to `count` bfloat16.
void ckernels_floats_of_bfloat16(float *out, const uint16_t *values, size_t count);

/// A panel of int8 and its scales from a panel of floats of at most CKERNELS_INPUT_BLOCK inputs:
/// the largest weight of each output becomes 127. Inputs that only pad the panel are not written.
void ckernels_int8_of_panel(int8_t *out, float *scales, const float *panel, size_t inputs);

/// A block of int4 from a panel of floats of at most CKERNELS_INT4_BLOCK inputs, with the scales of
/// least squared error among some twenty; inputs that are missing become zero. Scales beyond half
/// precision become its largest number.
void ckernels_int4_of_panel(CKernelsInt4Block *block, const float *panel, size_t inputs);

// MARK: - Attention to kept keys and values

/// The number of positions whose keys lie together.
#define CKERNELS_KEY_BLOCK 16

/// The keys and values of one attention head, as floats or in half precision.
typedef struct CKernelsKeysAndValues {
  /// `[blocks of positions, size, CKERNELS_KEY_BLOCK]`.
  void *keys;
  /// `[positions, size]`.
  void *values;
  /// The channels of the head.
  size_t size;
  int has_halves;
} CKernelsKeysAndValues;

/// Keeps the key and the value, `[size]` each, of `position`. In half precision, those too large
/// become its largest number.
void ckernels_keep(const CKernelsKeysAndValues *kept, const float *key, const float *value,
                   size_t position);

/// scores = scale * query * keys, of the first `count` positions.
void ckernels_scores(float *scores, const float *query, const CKernelsKeysAndValues *kept,
                     size_t count, float scale);

/// out += weights * values, of the first `count` positions.
void ckernels_add_weighted(float *out, const float *weights, const CKernelsKeysAndValues *kept,
                           size_t count);
