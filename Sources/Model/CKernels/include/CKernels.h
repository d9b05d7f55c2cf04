#pragma once
#include <stddef.h>
#include <stdint.h>

#include "CKernelsInference.h"

// Loops over rows of numbers that the optimizer may reorder and therefore vectorize. None of them
// allocates, starts a thread or checks a size; the callers do.
//
// Outputs are overwritten unless the comment says that something is added to them.

// MARK: - Rows

/// Layer normalization of a row of `channels`; sets `mean` and `rstd` to its mean and 1/deviation.
void ckernels_layer_norm(float *out, float *mean, float *rstd, const float *input,
                         const float *weight, const float *bias, size_t channels, float epsilon);

/// Recomputes the same row from its mean and 1/deviation.
void ckernels_normalize(float *out, float mean, float rstd, const float *input,
                        const float *weight, const float *bias, size_t channels);

/// Adds the gradients of layer normalization to `input_gradient`, `weight_gradient` and
/// `bias_gradient`.
void ckernels_layer_norm_backward(float *input_gradient, float *weight_gradient,
                                  float *bias_gradient, const float *out_gradient,
                                  const float *mean, const float *rstd, const float *input,
                                  const float *weight, size_t rows, size_t channels);

/// out = x + y.
void ckernels_sum(float *out, const float *x, const float *y, size_t count);

/// y += x.
void ckernels_add(float *y, const float *x, size_t count);

/// y *= x.
void ckernels_multiply(float *y, const float *x, size_t count);

/// out = factor * x, which may be `out`.
void ckernels_scale(float *out, const float *x, float factor, size_t count);

/// y = factors * y + bias, which may be null.
void ckernels_scale_columns(float *y, const float *factors, const float *bias, size_t count);

/// Adds gradient * out to `products` and gradient to `gradients`; then gradient *= factors.
void ckernels_magnitude_backward(float *gradient, float *products, float *gradients,
                                 const float *out, const float *factors, size_t count);

/// The sum of the squares of `x`.
double ckernels_sum_of_squares(const float *x, size_t count);

/// The dot product of `x` and `y`.
float ckernels_dot(const float *x, const float *y, size_t count);

// MARK: - Activation

typedef enum CKernelsActivation {
  /// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
  CKERNELS_GELU_TANH,
  /// 0.5 x (1 + erf(x/sqrt 2)).
  CKERNELS_GELU,
  /// max(0, x).
  CKERNELS_RELU
} CKernelsActivation;

/// out = activation(x).
void ckernels_activation(CKernelsActivation activation, float *out, const float *x, size_t count);

/// gradient *= the derivative of the activation at x.
void ckernels_activation_backward(CKernelsActivation activation, float *gradient, const float *x,
                                  size_t count);

// MARK: - Softmax

/// Replaces the first `visible` scores by their softmax and the rest up to `count` by zero.
/// Returns the logarithm of the sum of the exponentials.
float ckernels_softmax(float *scores, size_t visible, size_t count);

/// The same, from the logarithm that `ckernels_softmax` returned.
void ckernels_recompute_softmax(float *scores, float log_sum_exp, size_t visible, size_t count);

/// The gradient of the scores from that of their dropped-out softmax:
/// gradient = dropped * gradient - probabilities * mean_gradient.
void ckernels_softmax_backward(float *gradient, const float *probabilities, const float *dropped,
                               float mean_gradient, size_t count);

/// Returns -log softmax(logits)[target] and replaces the logits by the gradient of that loss times
/// `scale`; with a scale of 0 the logits stay as they are.
double ckernels_cross_entropy(float *logits, size_t count, size_t target, float scale);

// MARK: - Logits

/// The largest of `x`, ignoring NaN; -infinity if there is none.
float ckernels_largest(const float *x, size_t count);

/// The logarithm of the sum of e^x; NaN if any of `x` is NaN.
double ckernels_log_sum_exp(const float *x, size_t count);

/// out = softmax(x); returns the logarithm of the sum of e^x.
float ckernels_probabilities(float *out, const float *x, size_t count);

/// x /= divisor.
void ckernels_divide(float *x, float divisor, size_t count);

/// The sum of `x`.
double ckernels_total(const float *x, size_t count);

/// How many logits share one of the maxima that the next function writes.
#define CKERNELS_LOGIT_GROUP 32

/// Writes the maxima of groups of logits and returns the number of groups. The last logits are left
/// out if they are too few for sixteen groups.
size_t ckernels_group_maxima(float *maxima, const float *x, size_t count);

/// Moves the logits that are at least `bound`, and their tokens, to the front in their original
/// order and returns how many there are.
size_t ckernels_keep_at_least(float *x, int32_t *tokens, float bound, size_t count);

/// The same where the token of a logit is its index: `tokens` is only written.
size_t ckernels_keep_first_at_least(float *x, int32_t *tokens, float bound, size_t count);

// MARK: - Random numbers

/// A counter of Philox 4x32-10, and the random words it gives.
typedef struct CKernelsWords {
  uint32_t words[4];
} CKernelsWords;

/// The random words of `counter` under `key`: Philox 4x32-10 (Salmon et al., SC11).
CKernelsWords ckernels_philox(CKernelsWords counter, uint64_t key);

/// The random words of all counters with these upper words.
typedef struct CKernelsStream {
  uint32_t key[2];
  uint32_t place[2];
} CKernelsStream;

/// How many numbers the kernel draws at a time, from a quarter as many counters.
#define CKERNELS_NORMAL_STRETCH 64

/// Normally distributed numbers with a mean of zero, from the counters from `first` on.
void ckernels_normal(float *out, float deviation, const CKernelsStream *stream, uint64_t first,
                     size_t count);

/// The random numbers of one dropout, where the counter is the index of a group of eight elements,
/// which take 16 bits each.
typedef struct CKernelsDropout {
  /// Its place says which pass and which place in the model.
  CKernelsStream stream;
  /// Elements with a smaller random number are dropped: probability times 2^16.
  uint32_t threshold;
  /// What the others are multiplied by: 1 / (1 - probability).
  float scale;
} CKernelsDropout;

/// How many elements the kernel handles at a time.
#define CKERNELS_DROPOUT_STRETCH 128

/// out = dropped-out input, which may be `out`; uses the stream's elements from 8 * `first_group`
/// on.
void ckernels_dropout(float *out, const float *input, const CKernelsDropout *dropout,
                      uint64_t first_group, size_t count);

// MARK: - Packed products

// A product is computed in tiles of CKERNELS_TILE_ROWS × CKERNELS_TILE_COLUMNS, which fill the
// registers of a processor with AVX-512. Its operands are first packed in panels as high or as wide
// as a tile. A panel is a sequence of words for each step of the sums: a float of each row or
// column, or a pair of bfloat16. Where the processor multiplies tiles of pairs (AMX), panels of pairs
// for the left operand have another height and order.
#define CKERNELS_TILE_ROWS 6
#define CKERNELS_TILE_COLUMNS 64

/// Whether this processor has the instructions for it; if not, the functions below must not be
/// called.
int ckernels_packs_floats(void);

/// The rows of a panel of pairs for the left operand.
size_t ckernels_pair_tile_rows(void);

/// The number of pairs of a packed line is a multiple of this.
size_t ckernels_pair_unit(void);

/// How numbers become words.
typedef enum CKernelsWordKind {
  /// Floats, which are words.
  CKERNELS_FLOATS,
  /// Bfloat16, each of which becomes a float.
  CKERNELS_BFLOAT16,
  /// Bfloat16, two of which become a word.
  CKERNELS_BFLOAT16_PAIRS
} CKernelsWordKind;

/// Rows of the left operand, or columns of the right one.
typedef struct CKernelsLines {
  /// Floats or bfloat16.
  const void *numbers;
  CKernelsWordKind kind;
  /// Whether the numbers of a line are adjacent and lines `stride` numbers apart; otherwise it is
  /// the other way round.
  int lines_are_rows;
  size_t stride;
  /// Lines, and numbers of a line.
  size_t count, inner;
} CKernelsLines;

/// Packs panels that begin `panel_words` words apart. The other half of the last of an odd number of
/// bfloat16 becomes zero, as does what follows it up to a multiple of ckernels_pair_unit() pairs; so do
/// lines that are missing in the last panel, where they are multiplied at all.
void ckernels_pack_left(uint32_t *out, size_t panel_words, const CKernelsLines *lines);
void ckernels_pack_right(uint32_t *out, size_t panel_words, const CKernelsLines *lines);

/// A product of packed operands: out = factor * left * right, plus a bias or the contents of out.
typedef struct CKernelsProduct {
  /// Floats or bfloat16, `stride` of them from row to row.
  void *out;
  size_t stride;
  int out_is_bfloat16;
  int accumulates;
  float factor;
  /// For each column; may be null.
  const float *bias;
  /// Whether words are pairs of bfloat16.
  int has_pairs;
  /// The last is the words of each row and column.
  size_t rows, columns, words;
  /// Words from the beginning of a panel to that of the next.
  size_t left_panel_words, right_panel_words;
  /// Words from one row of a panel of the left operand to the next, and from one word of a row to the
  /// next: 1 and CKERNELS_TILE_ROWS if it is packed. Tiles of pairs must be packed.
  size_t left_row_stride, left_word_stride;
} CKernelsProduct;

/// Multiplies operands of which the right one is packed, and the left one may be. Each output is summed
/// in the order of the words.
void ckernels_multiply_packed(const CKernelsProduct *product, const uint32_t *left,
                              const uint32_t *right);

// MARK: - Optimizer

/// The constants of an AdamW step.
typedef struct CKernelsAdamW {
  float learning_rate;
  float beta1;
  float beta2;
  /// 1 - beta, which would lose five digits if computed in single precision.
  float one_minus_beta1;
  float one_minus_beta2;
  float epsilon;
  float weight_decay;
  /// 1 - beta1^t.
  float correction1;
  /// sqrt(1 - beta2^t).
  float correction2;
  /// What the gradient is multiplied by first.
  float gradient_scale;
} CKernelsAdamW;

/// One step of AdamW, as torch.optim.AdamW does it.
void ckernels_adamw(float *parameters, const float *gradient, float *first_moment,
                    float *second_moment, const CKernelsAdamW *step, size_t count);

// MARK: - MinHash

/// How many rows the kernel handles at a time.
#define CKERNELS_MINHASH_ROWS 16

/// The minimum of multiplier * hash + addend modulo 2^32 over the lower halves of `count` hashes,
/// for each of `groups` times CKERNELS_MINHASH_ROWS rows; UINT32_MAX if there is no hash.
void ckernels_minhash(uint32_t *minima, const uint32_t *multipliers, const uint32_t *addends,
                      size_t groups, const uint64_t *hashes, size_t count);

// MARK: - Memory

/// Reads every cache line of `memory`.
static inline void ckernels_touch(const void *memory, size_t bytes) {
  for (size_t byte = 0; byte < bytes; byte += 64) (void)*((const volatile char *)memory + byte);
}

// MARK: - Threads

/// Tells the processor that a loop is waiting for another thread.
static inline void ckernels_spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// MARK: - Variants

/// The variant of the kernels that this process runs: haswell, avx512, vnni, bfloat16 or tiles, by what
/// the processor has, or less if the environment names it in BUGURT_KERNELS; baseline if it is not x86.
const char *ckernels_variant(void);
