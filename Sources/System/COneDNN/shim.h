#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>

// From the OpenMP runtime that Debian's oneDNN is built with; absent if oneDNN is built with
// another.
extern void omp_set_num_threads(int) __attribute__((weak));

/// Whether oneDNN has kernels for these instructions of this processor. The bits of an instruction
/// set include those of every smaller one.
static inline int conednn_has_isa(int isa) {
#if defined(__x86_64__)
  return ((int)dnnl_get_effective_cpu_isa() & isa) == isa;
#else
  (void)isa;
  return 0;
#endif
}

static inline int conednn_has_avx512(void) { return conednn_has_isa(dnnl_cpu_isa_avx512_core); }

/// Whether the processor multiplies pairs of bfloat16.
static inline int conednn_has_bfloat16(void) {
  return conednn_has_isa(dnnl_cpu_isa_avx512_core_bf16);
}

/// Keeps products on the calling thread; OpenMP remembers this for each thread.
static inline void conednn_stay_on_thread(void) {
  static _Thread_local int is_set;
  if (is_set) return;
  if (omp_set_num_threads) omp_set_num_threads(1);
  is_set = 1;
}

/// A product of bfloat16 matrices: out = a * b, plus a bias of floats or plus the contents of out.
typedef struct ConednnProductShape {
  /// a is `[rows, inner]`, b is `[inner, columns]`.
  int64_t rows, columns, inner;
  /// Elements between adjacent rows and between adjacent columns of a and b.
  int64_t a_row_stride, a_column_stride, b_row_stride, b_column_stride;
  /// Elements between adjacent rows of out.
  int64_t out_stride;
  /// Whether out is bfloat16 as well, instead of float.
  int out_is_bfloat16;
  int has_bias;
  int accumulates;
} ConednnProductShape;

/// What oneDNN has prepared for a shape; used by one thread at a time.
typedef struct ConednnProduct {
  dnnl_primitive_t primitive;
  dnnl_memory_t a, b, bias, out, scratch;
  dnnl_stream_t stream;
  /// Bytes of scratch memory that a run needs.
  size_t scratch_size;
} ConednnProduct;

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t conednn_layout;
#define CONEDNN_LAYOUT(layout) (layout)
static inline dnnl_status_t conednn_layout_make(conednn_layout *layout, const dnnl_dims_t sizes,
                                                dnnl_data_type_t type, const dnnl_dims_t strides) {
  return dnnl_memory_desc_create_with_strides(layout, 2, sizes, type, strides);
}
static inline void conednn_layout_free(conednn_layout *layout) {
  if (*layout) dnnl_memory_desc_destroy(*layout);
}
static inline size_t conednn_layout_size(const_dnnl_memory_desc_t layout) {
  return layout ? dnnl_memory_desc_get_size(layout) : 0;
}
#else
typedef dnnl_memory_desc_t conednn_layout;
#define CONEDNN_LAYOUT(layout) (&(layout))
static inline dnnl_status_t conednn_layout_make(conednn_layout *layout, const dnnl_dims_t sizes,
                                                dnnl_data_type_t type, const dnnl_dims_t strides) {
  return dnnl_memory_desc_init_by_strides(layout, 2, sizes, type, strides);
}
static inline void conednn_layout_free(conednn_layout *layout) { (void)layout; }
static inline size_t conednn_layout_size(const dnnl_memory_desc_t *layout) {
  return layout ? dnnl_memory_desc_get_size(layout) : 0;
}
#endif

#define CONEDNN_TRY(call)                                                                          \
  do {                                                                                             \
    if (status == dnnl_success) status = (call);                                                   \
  } while (0)

/// Creates the product for `shape`, on the thread that will run it.
static inline dnnl_status_t conednn_product_make(ConednnProduct *product, dnnl_engine_t engine,
                                                 const ConednnProductShape *shape) {
  conednn_stay_on_thread();
  conednn_layout a = {0}, b = {0}, bias = {0}, out = {0};
  const dnnl_dims_t a_sizes = {shape->rows, shape->inner};
  const dnnl_dims_t a_strides = {shape->a_row_stride, shape->a_column_stride};
  const dnnl_dims_t b_sizes = {shape->inner, shape->columns};
  const dnnl_dims_t b_strides = {shape->b_row_stride, shape->b_column_stride};
  const dnnl_dims_t bias_sizes = {1, shape->columns}, bias_strides = {shape->columns, 1};
  const dnnl_dims_t out_sizes = {shape->rows, shape->columns};
  const dnnl_dims_t out_strides = {shape->out_stride, 1};
  dnnl_status_t status = dnnl_success;
  CONEDNN_TRY(conednn_layout_make(&a, a_sizes, dnnl_bf16, a_strides));
  CONEDNN_TRY(conednn_layout_make(&b, b_sizes, dnnl_bf16, b_strides));
  CONEDNN_TRY(conednn_layout_make(&bias, bias_sizes, dnnl_f32, bias_strides));
  CONEDNN_TRY(conednn_layout_make(&out, out_sizes, shape->out_is_bfloat16 ? dnnl_bf16 : dnnl_f32,
                                  out_strides));
  dnnl_primitive_attr_t attributes = 0;
  dnnl_post_ops_t after = 0;
  CONEDNN_TRY(dnnl_primitive_attr_create(&attributes));
  CONEDNN_TRY(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
  if (shape->accumulates) {
    CONEDNN_TRY(dnnl_post_ops_create(&after));
#if DNNL_VERSION_MAJOR >= 3
    CONEDNN_TRY(dnnl_post_ops_append_sum(after, 1, 0, dnnl_data_type_undef));
#else
    CONEDNN_TRY(dnnl_post_ops_append_sum(after, 1));
#endif
    CONEDNN_TRY(dnnl_primitive_attr_set_post_ops(attributes, after));
  }
  dnnl_primitive_desc_t description = 0;
#if DNNL_VERSION_MAJOR >= 3
  CONEDNN_TRY(dnnl_matmul_primitive_desc_create(&description, engine, a, b,
                                                shape->has_bias ? bias : 0, out, attributes));
  const_dnnl_memory_desc_t scratch = 0;
#else
  dnnl_matmul_desc_t operation;
  CONEDNN_TRY(dnnl_matmul_desc_init(&operation, &a, &b, shape->has_bias ? &bias : 0, &out));
  CONEDNN_TRY(dnnl_primitive_desc_create(&description, &operation, attributes, engine, 0));
  const dnnl_memory_desc_t *scratch = 0;
#endif
  CONEDNN_TRY(dnnl_primitive_create(&product->primitive, description));
  if (status == dnnl_success) {
    scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    product->scratch_size = conednn_layout_size(scratch);
  }
  CONEDNN_TRY(dnnl_memory_create(&product->a, CONEDNN_LAYOUT(a), engine, DNNL_MEMORY_NONE));
  CONEDNN_TRY(dnnl_memory_create(&product->b, CONEDNN_LAYOUT(b), engine, DNNL_MEMORY_NONE));
  CONEDNN_TRY(dnnl_memory_create(&product->bias, CONEDNN_LAYOUT(bias), engine, DNNL_MEMORY_NONE));
  CONEDNN_TRY(dnnl_memory_create(&product->out, CONEDNN_LAYOUT(out), engine, DNNL_MEMORY_NONE));
  CONEDNN_TRY(dnnl_memory_create(&product->scratch, scratch, engine, DNNL_MEMORY_NONE));
  CONEDNN_TRY(dnnl_stream_create(&product->stream, engine, dnnl_stream_default_flags));
  if (description) dnnl_primitive_desc_destroy(description);
  if (after) dnnl_post_ops_destroy(after);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  conednn_layout_free(&a);
  conednn_layout_free(&b);
  conednn_layout_free(&bias);
  conednn_layout_free(&out);
  return status;
}

/// Runs a product; `bias` may be null if the shape has none, and `scratch` has the required size.
static inline dnnl_status_t conednn_product_run(const ConednnProduct *product, const uint16_t *a,
                                                const uint16_t *b, const float *bias, void *out,
                                                void *scratch) {
  conednn_stay_on_thread();
  dnnl_status_t status = dnnl_success;
  CONEDNN_TRY(dnnl_memory_set_data_handle(product->a, (void *)(uintptr_t)a));
  CONEDNN_TRY(dnnl_memory_set_data_handle(product->b, (void *)(uintptr_t)b));
  CONEDNN_TRY(dnnl_memory_set_data_handle(product->out, out));
  CONEDNN_TRY(dnnl_memory_set_data_handle(product->scratch, scratch));
  if (bias) CONEDNN_TRY(dnnl_memory_set_data_handle(product->bias, (void *)(uintptr_t)bias));
  const dnnl_exec_arg_t arguments[5] = {{DNNL_ARG_SRC, product->a},
                                        {DNNL_ARG_WEIGHTS, product->b},
                                        {DNNL_ARG_DST, product->out},
                                        {DNNL_ARG_SCRATCHPAD, product->scratch},
                                        {DNNL_ARG_BIAS, product->bias}};
  CONEDNN_TRY(dnnl_primitive_execute(product->primitive, product->stream, bias ? 5 : 4, arguments));
  return status;
}

static inline void conednn_product_free(ConednnProduct *product) {
  if (product->primitive) dnnl_primitive_destroy(product->primitive);
  if (product->a) dnnl_memory_destroy(product->a);
  if (product->b) dnnl_memory_destroy(product->b);
  if (product->bias) dnnl_memory_destroy(product->bias);
  if (product->out) dnnl_memory_destroy(product->out);
  if (product->scratch) dnnl_memory_destroy(product->scratch);
  if (product->stream) dnnl_stream_destroy(product->stream);
}
