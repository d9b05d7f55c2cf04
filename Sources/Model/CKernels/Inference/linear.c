#include "vectors.h"

// Every output is a sum over blocks of inputs in ascending order, each of which is one chain of
// fused multiply-adds. The bits are the same for any number of rows and threads and any vector
// width.
#pragma clang fp contract(off)

#define VECTORS 4
#define BLOCK_COLUMNS (LANES * VECTORS)

// MARK: - One row

void ckernels_linear_row(float *restrict out, const float *restrict x,
                         const float *restrict weights, size_t stride, size_t inputs,
                         size_t outputs) {
  // One input after another: memory is read fastest from front to back.
  for (size_t input = 0; input < inputs; input++, weights += stride) {
    size_t column = 0;
    for (; column + BLOCK_COLUMNS <= outputs; column += BLOCK_COLUMNS) {
      read_on_floats(weights + column, BLOCK_COLUMNS);
      for (size_t v = 0; v < VECTORS; v++) {
        Vector *sum = (Vector *)(out + column + v * LANES);
        *sum = FUSED(*sum, (Vector)x[input], from_floats(weights + column + v * LANES));
      }
    }
    for (; column < outputs; column++) out[column] = FUSED(out[column], x[input], weights[column]);
  }
}

void ckernels_linear_row_bfloat16(float *restrict out, const float *restrict x,
                                  const uint16_t *restrict panel, size_t inputs) {
  for (size_t start = 0; start < inputs; start += INPUT_BLOCK) {
    const size_t end = start + INPUT_BLOCK < inputs ? start + INPUT_BLOCK : inputs;
    Vector sums[PANEL_VECTORS];
    for (size_t v = 0; v < PANEL_VECTORS; v++) sums[v] = (Vector)0.0f;
    for (size_t input = start; input < end; input += 2, panel += 2 * PANEL) {
      read_on(panel, 2 * PANEL * sizeof(*panel));
      for (size_t v = 0; v < PANEL_VECTORS; v++) {
        const Words pairs = from_pairs(panel + 2 * v * LANES);
        sums[v] = FUSED(sums[v], (Vector)x[input], first_of(pairs));
        // The last pair may have only one input.
        if (input + 1 < end) sums[v] = FUSED(sums[v], (Vector)x[input + 1], second_of(pairs));
      }
    }
    add_sums(out, sums, PANEL_VECTORS);
  }
}

// MARK: - Panels of floats

void ckernels_panels_of_columns(float *restrict panels, const float *restrict weights,
                                size_t stride, size_t inputs, size_t columns) {
  const size_t ahead = 4;
  for (size_t input = 0; input < inputs; input++, weights += stride) {
    const float *next = weights + (input + ahead < inputs ? ahead * stride : 0);
    for (size_t column = 0; column < columns; column += PANEL) {
      float *target = panels + (column * inputs + input * PANEL);
      for (size_t line = 0; line < PANEL; line += 16) __builtin_prefetch(next + column + line);
      if (columns - column >= PANEL) {
        memcpy(target, weights + column, PANEL * sizeof(float));
      } else {
        size_t rest = columns - column;
        memcpy(target, weights + column, rest * sizeof(float));
        memset(target + rest, 0, (PANEL - rest) * sizeof(float));
      }
    }
  }
}

void ckernels_panel_of_bfloat16(float *restrict panel, const uint16_t *restrict weights,
                                size_t inputs) {
  for (size_t input = 0; input < inputs; input += 2, panel += 2 * PANEL, weights += 2 * PANEL) {
    for (size_t v = 0; v < PANEL_VECTORS; v++) {
      const Words pairs = from_pairs(weights + 2 * v * LANES);
      *(Vector *)(panel + v * LANES) = first_of(pairs);
      if (input + 1 < inputs) *(Vector *)(panel + PANEL + v * LANES) = second_of(pairs);
    }
  }
}

/// `rows` rows, a constant, of a product with BLOCK_COLUMNS columns of a panel. Meanwhile, a column
/// of cache lines, `coming_stride` apart, is prefetched.
INLINE void panel_tile(const size_t rows, float *restrict out, size_t out_stride,
                 const float *restrict x, size_t x_stride, const float *restrict panel,
                 size_t inputs, const float *coming, size_t coming_stride) {
  Vector sums[ROWS_TOGETHER][VECTORS];
  for (size_t r = 0; r < rows; r++) {
    for (size_t v = 0; v < VECTORS; v++) sums[r][v] = (Vector)0.0f;
  }
  for (size_t input = 0; input < inputs; input++, panel += PANEL, coming += coming_stride) {
    __builtin_prefetch(coming, 0, 2);
    Vector weights[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) weights[v] = from_floats(panel + v * LANES);
    for (size_t r = 0; r < rows; r++) {
      float factor = x[r * x_stride + input];
      for (size_t v = 0; v < VECTORS; v++) {
        sums[r][v] = FUSED(sums[r][v], (Vector)factor, weights[v]);
      }
    }
  }
  for (size_t r = 0; r < rows; r++) add_sums(out + r * out_stride, sums[r], VECTORS);
}

void ckernels_panel_product(float *restrict out, size_t out_stride, const float *restrict x,
                            size_t x_stride, size_t rows, const float *restrict panel,
                            size_t inputs, const float *next, size_t next_stride) {
  size_t line = 0;
  for (size_t row = 0; row < rows; row += ROWS_TOGETHER) {
    for (size_t column = 0; column < PANEL; column += BLOCK_COLUMNS, line += 16) {
      float *o = out + row * out_stride + column;
      const float *i = x + row * x_stride, *p = panel + column;
      // The first few tiles prefetch everything for the next panel; later ones only touch what is
      // already cached.
      const float *c = next && line < PANEL ? next + line : p;
      const size_t d = next && line < PANEL ? next_stride : 0;
      switch (rows - row) {
      case 1: panel_tile(1, o, out_stride, i, x_stride, p, inputs, c, d); break;
#if ROWS_TOGETHER > 2
      case 2: panel_tile(2, o, out_stride, i, x_stride, p, inputs, c, d); break;
      case 3: panel_tile(3, o, out_stride, i, x_stride, p, inputs, c, d); break;
      case 4: panel_tile(4, o, out_stride, i, x_stride, p, inputs, c, d); break;
      case 5: panel_tile(5, o, out_stride, i, x_stride, p, inputs, c, d); break;
#endif
      default: panel_tile(ROWS_TOGETHER, o, out_stride, i, x_stride, p, inputs, c, d); break;
      }
    }
  }
}

// MARK: - Conversion

/// The nearest bfloat16; ties go to the even one. NaN stays NaN.
INLINE uint16_t rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t up = bits + 0x7FFFu + (bits >> 16 & 1u);
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? bits >> 16 | 0x40u : up >> 16);
}

void ckernels_bfloat16_of_floats(uint16_t *restrict out, const float *restrict floats,
                                 size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = rounded(floats[i]);
}

void ckernels_pairs_of_floats(uint32_t *restrict out, const float *restrict floats,
                              size_t count) {
  for (size_t i = 0; i < count / 2; i++) {
    out[i] = rounded(floats[2 * i]) | (uint32_t)rounded(floats[2 * i + 1]) << 16;
  }
  if (count % 2) out[count / 2] = rounded(floats[count - 1]);
}

void ckernels_round_to_bfloat16_in_place(void *memory, size_t count) {
  const char *source = memory;
  char *target = memory;
  // What is written lies before what has not yet been read.
  enum { ROUNDED_STRETCH = 64 };
  for (size_t done = 0; done < count; done += ROUNDED_STRETCH) {
    size_t rest = count - done < ROUNDED_STRETCH ? count - done : ROUNDED_STRETCH;
    float floats[ROUNDED_STRETCH] = {0};
    uint16_t values[ROUNDED_STRETCH];
    memcpy(floats, source + done * sizeof(float), rest * sizeof(float));
    for (size_t i = 0; i < ROUNDED_STRETCH; i++) values[i] = rounded(floats[i]);
    memcpy(target + done * sizeof(uint16_t), values, rest * sizeof(uint16_t));
  }
}

void ckernels_floats_of_bfloat16(float *restrict out, const uint16_t *restrict values,
                                 size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)values[i] << 16;
    memcpy(out + i, &bits, sizeof bits);
  }
}

void ckernels_bfloat16_of_panel(uint16_t *restrict out, const float *restrict panel,
                                size_t inputs) {
  for (size_t input = 0; input < inputs; input += 2, panel += 2 * PANEL, out += 2 * PANEL) {
    for (size_t column = 0; column < PANEL; column++) {
      out[2 * column] = rounded(panel[column]);
      out[2 * column + 1] = input + 1 < inputs ? rounded(panel[PANEL + column]) : 0;
    }
  }
}
