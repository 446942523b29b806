/* eventfile/tensor.h: what of a TensorProto tells whether it is one number, and which.
 *
 * Before: a Value's tensor member, in one or more pieces and any field order. After: value.c, which
 * makes a SCALAR or a TENSOR of it. The hand-written decoder and the protobuf-c reference both fill
 * a struct tensor and share tensor_single(). Thread: any. */
#ifndef EVENTFILE_TENSOR_H
#define EVENTFILE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <eventfile/event.h>

enum dtype { /* DataType numbers that stand for one number an element */
    DTYPE_FLOAT = 1, DTYPE_DOUBLE, DTYPE_INT32, DTYPE_UINT8, DTYPE_INT16, DTYPE_INT8,
    DTYPE_STRING,
    DTYPE_INT64 = 9, DTYPE_BOOL,
    DTYPE_BFLOAT16 = 14, DTYPE_UINT16 = 17, DTYPE_HALF = 19, DTYPE_UINT32 = 22, DTYPE_UINT64,
    DTYPE_FLOAT8_E5M2 = 24, DTYPE_FLOAT8_E4M3FN, DTYPE_FLOAT8_E4M3FNUZ, DTYPE_FLOAT8_E4M3B11FNUZ,
    DTYPE_FLOAT8_E5M2FNUZ,
};

enum tensor_list { /* the `*_val` fields */
    TENSOR_FLOAT, TENSOR_DOUBLE, TENSOR_INT, TENSOR_INT64, TENSOR_BOOL, TENSOR_HALF,
    TENSOR_UINT32, TENSOR_UINT64, TENSOR_FLOAT8, TENSOR_LISTS,
};

struct tensor {
    int dtype;
    uint64_t rank;           /* count of dimensions */
    bool ones;               /* all of them have size 1 */
    struct ef_slice content; /* tensor_content */
    struct {
        uint64_t count;
        uint64_t first; /* bits of the first element */
    } list[TENSOR_LISTS + 1]; /* the last one: complex numbers, only counted */
};

void tensor_init(struct tensor *t);

/* Adds a piece of the message. False: malformed or unusual; the guard scan decides. */
bool tensor_piece(struct tensor *t, struct ef_slice piece);

/* Adds `count` elements to a list, of which `first` is the first. */
void tensor_list_add(struct tensor *t, enum tensor_list which, uint64_t count, uint64_t first);

/* Is it exactly one number of a numeric type, whatever its rank? */
bool tensor_single(const struct tensor *t, enum ef_number *ret_number, uint64_t *ret_bits);

/* Elements of a numeric type, widened as enum ef_number says. `raw`: the element's bytes, or the
 * list's number, as little-endian bits. Bits above the element's width are ignored, but in half and
 * bfloat16 (see there). */
bool dtype_number(int dtype, uint64_t raw, enum ef_number *ret_number, uint64_t *ret_bits);

#endif
