/* eventfile/tensor.c: a TensorProto's dtype, rank and first number, without copying it.
 *
 * Lists are counted, not kept: a scalar is the case of one element. tensor_content wins when it
 * is not empty; else the list that belongs to the dtype counts; others are only walked through. */
#include "eventfile/tensor.h"

#include "eventfile/number.h"
#include "eventfile/wire.h"

static const struct dtype_info {
    uint8_t number; /* enum ef_number, 0: not numeric */
    uint8_t size;   /* bytes in tensor_content */
    uint8_t list;   /* enum tensor_list */
} dtypes[] = {
    [DTYPE_FLOAT] = {EF_NUMBER_F32, 4, TENSOR_FLOAT},
    [DTYPE_DOUBLE] = {EF_NUMBER_F64, 8, TENSOR_DOUBLE},
    [DTYPE_INT32] = {EF_NUMBER_I32, 4, TENSOR_INT},
    [DTYPE_UINT8] = {EF_NUMBER_U8, 1, TENSOR_INT},
    [DTYPE_INT16] = {EF_NUMBER_I16, 2, TENSOR_INT},
    [DTYPE_INT8] = {EF_NUMBER_I8, 1, TENSOR_INT},
    [DTYPE_INT64] = {EF_NUMBER_I64, 8, TENSOR_INT64},
    [DTYPE_BOOL] = {EF_NUMBER_BOOL, 1, TENSOR_BOOL},
    [DTYPE_BFLOAT16] = {EF_NUMBER_F32, 2, TENSOR_HALF},
    [DTYPE_UINT16] = {EF_NUMBER_U16, 2, TENSOR_INT},
    [DTYPE_HALF] = {EF_NUMBER_F32, 2, TENSOR_HALF},
    [DTYPE_UINT32] = {EF_NUMBER_U32, 4, TENSOR_UINT32},
    [DTYPE_UINT64] = {EF_NUMBER_U64, 8, TENSOR_UINT64},
    [DTYPE_FLOAT8_E5M2] = {EF_NUMBER_F32, 1, TENSOR_FLOAT8},
    [DTYPE_FLOAT8_E4M3FN] = {EF_NUMBER_F32, 1, TENSOR_FLOAT8},
    [DTYPE_FLOAT8_E4M3FNUZ] = {EF_NUMBER_F32, 1, TENSOR_FLOAT8},
    [DTYPE_FLOAT8_E4M3B11FNUZ] = {EF_NUMBER_F32, 1, TENSOR_FLOAT8},
    [DTYPE_FLOAT8_E5M2FNUZ] = {EF_NUMBER_F32, 1, TENSOR_FLOAT8},
};

static const struct dtype_info *dtype_info(int dtype)
{
    if (dtype < 0 || (size_t)dtype >= sizeof dtypes / sizeof dtypes[0])
        return NULL;
    return dtypes[dtype].number ? &dtypes[dtype] : NULL;
}

static uint64_t float_bits(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static uint64_t widen_float(int dtype, uint64_t raw)
{
    uint32_t upper = (uint32_t)raw >> 16;

    /* torch fills half_val with the bits of a 32-bit float. No half has a bit up there; all of
     * them set is a negative 16-bit number, sign-extended. */
    if ((dtype == DTYPE_BFLOAT16 || dtype == DTYPE_HALF) && upper != 0 && upper != 0xffff)
        return (uint32_t)raw;
    switch (dtype) {
    case DTYPE_BFLOAT16:
        return (raw & 0xffff) << 16;
    case DTYPE_HALF:
        return number_from_half((uint16_t)raw);
    case DTYPE_FLOAT8_E5M2: /* the upper half of a half */
        return number_from_half((uint16_t)((raw & 0xff) << 8));
    case DTYPE_FLOAT8_E4M3FN:
        return float_bits(number_from_e4m3fn((uint8_t)raw));
    case DTYPE_FLOAT8_E4M3FNUZ:
        return float_bits(number_from_fnuz((uint8_t)raw, 3, 8));
    case DTYPE_FLOAT8_E4M3B11FNUZ:
        return float_bits(number_from_fnuz((uint8_t)raw, 3, 11));
    case DTYPE_FLOAT8_E5M2FNUZ:
        return float_bits(number_from_fnuz((uint8_t)raw, 2, 16));
    default:
        return raw & UINT32_MAX;
    }
}

bool dtype_number(int dtype, uint64_t raw, enum ef_number *ret_number, uint64_t *ret_bits)
{
    const struct dtype_info *info = dtype_info(dtype);

    if (!info)
        return false;
    *ret_number = (enum ef_number)info->number;
    switch (info->number) {
    case EF_NUMBER_F32:
        *ret_bits = widen_float(dtype, raw);
        break;
    case EF_NUMBER_I8:
        *ret_bits = (uint64_t)(int64_t)(int8_t)raw;
        break;
    case EF_NUMBER_I16:
        *ret_bits = (uint64_t)(int64_t)(int16_t)raw;
        break;
    case EF_NUMBER_I32:
        *ret_bits = (uint64_t)(int64_t)(int32_t)raw;
        break;
    case EF_NUMBER_U8:
        *ret_bits = (uint8_t)raw;
        break;
    case EF_NUMBER_U16:
        *ret_bits = (uint16_t)raw;
        break;
    case EF_NUMBER_U32:
        *ret_bits = (uint32_t)raw;
        break;
    case EF_NUMBER_BOOL:
        *ret_bits = raw != 0;
        break;
    default: /* 64 bits wide */
        *ret_bits = raw;
        break;
    }
    return true;
}

void tensor_init(struct tensor *t)
{
    t->dtype = 0;
    t->rank = 0;
    t->ones = true;
    t->content = (struct ef_slice){NULL, 0};
    for (int i = 0; i <= TENSOR_LISTS; i++)
        t->list[i].count = t->list[i].first = 0;
}

void tensor_list_add(struct tensor *t, enum tensor_list which, uint64_t count, uint64_t first)
{
    if (count > 0 && t->list[which].count == 0)
        t->list[which].first = first;
    t->list[which].count += count;
}

static bool dim_piece(struct tensor *t, struct ef_slice piece)
{
    struct wire w = wire_over(piece);
    uint64_t size = 0;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(1, WIRE_VARINT)) {
            if (!wire_varint(&w, &size))
                return false;
        } else if (tag >> 3 == 1 || tag >> 3 == 2) {
            if (tag != WIRE_TAG(2, WIRE_LEN) || !wire_skip(&w, tag))
                return false;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    t->rank++;
    t->ones = t->ones && size == 1;
    return true;
}

static bool shape_piece(struct tensor *t, struct ef_slice piece)
{
    struct wire w = wire_over(piece);
    struct ef_slice dim;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(2, WIRE_LEN)) {
            if (!wire_len(&w, &dim) || !dim_piece(t, dim))
                return false;
        } else if (tag >> 3 == 2 || (tag >> 3 == 3 && tag != WIRE_TAG(3, WIRE_VARINT))) {
            return false;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return true;
}

/* Packed elements of 4 or 8 bytes. */
static bool packed_fixed(struct tensor *t, struct wire *w, enum tensor_list which, size_t width)
{
    struct ef_slice bytes;

    if (!wire_len(w, &bytes) || bytes.size % width != 0)
        return false;
    if (bytes.size == 0)
        return true;
    uint64_t first = width == 4 ? wire_load32(bytes.data) : wire_load64(bytes.data);
    tensor_list_add(t, which, bytes.size / width, first);
    return true;
}

static bool packed_varints(struct tensor *t, struct wire *w, enum tensor_list which)
{
    struct ef_slice bytes;
    uint64_t count = 0, first = 0, number;

    if (!wire_len(w, &bytes))
        return false;
    struct wire list = wire_over(bytes);
    while (list.at < list.end) {
        if (!wire_varint(&list, &number))
            return false;
        /* protobuf-c wants packed booleans to be one byte, 0 or 1 */
        if (which == TENSOR_BOOL && number > 1)
            return false;
        if (count++ == 0)
            first = number;
    }
    if (which == TENSOR_BOOL && count != bytes.size)
        return false;
    tensor_list_add(t, which, count, first);
    return true;
}

static const struct list_info {
    uint8_t list;  /* enum tensor_list; TENSOR_LISTS: only walked through */
    uint8_t width; /* 4, 8; 0: varint; 255: no number list */
} lists[19] = {
    [0] = {TENSOR_LISTS, 255},  [1] = {TENSOR_LISTS, 255},  [2] = {TENSOR_LISTS, 255},
    [3] = {TENSOR_LISTS, 255},  [4] = {TENSOR_LISTS, 255},  [5] = {TENSOR_FLOAT, 4},
    [6] = {TENSOR_DOUBLE, 8},   [7] = {TENSOR_INT, 0},      [8] = {TENSOR_LISTS, 255},
    [9] = {TENSOR_LISTS, 4},    [10] = {TENSOR_INT64, 0},   [11] = {TENSOR_BOOL, 0},
    [12] = {TENSOR_LISTS, 8},   [13] = {TENSOR_HALF, 0},    [14] = {TENSOR_LISTS, 255},
    [15] = {TENSOR_LISTS, 255}, [16] = {TENSOR_UINT32, 0},  [17] = {TENSOR_UINT64, 0},
    [18] = {TENSOR_LISTS, 255},
};

/* A field of a number list, packed or single. */
static bool list_field(struct tensor *t, struct wire *w, uint32_t tag, const struct list_info *info)
{
    enum tensor_list which = (enum tensor_list)info->list;
    uint64_t number;
    uint32_t word;

    if ((tag & 7) == WIRE_LEN)
        return info->width ? packed_fixed(t, w, which, info->width) : packed_varints(t, w, which);
    if (info->width == 4 && (tag & 7) == WIRE_I32) {
        if (!wire_i32(w, &word))
            return false;
        number = word;
    } else if ((info->width == 8 && (tag & 7) == WIRE_I64)) {
        if (!wire_i64(w, &number))
            return false;
    } else if (info->width == 0 && (tag & 7) == WIRE_VARINT) {
        if (!wire_varint(w, &number))
            return false;
    } else {
        return false;
    }
    tensor_list_add(t, which, 1, number);
    return true;
}

/* The other known fields: each has one wire type. */
static bool plain_field(struct tensor *t, struct wire *w, uint32_t tag)
{
    struct ef_slice bytes;
    uint64_t number;

    switch (tag >> 3) {
    case 1:
    case 3:
        if ((tag & 7) != WIRE_VARINT || !wire_varint(w, &number))
            return false;
        if (tag >> 3 == 1)
            t->dtype = (int)(int32_t)(uint32_t)number;
        return true;
    case 2:
        return (tag & 7) == WIRE_LEN && wire_len(w, &bytes) && shape_piece(t, bytes);
    case 4:
        return (tag & 7) == WIRE_LEN && wire_len(w, &t->content);
    case 18: /* one field of bytes: the last wins */
        if ((tag & 7) != WIRE_LEN || !wire_len(w, &bytes))
            return false;
        t->list[TENSOR_FLOAT8].count = 0;
        tensor_list_add(t, TENSOR_FLOAT8, bytes.size, bytes.size ? bytes.data[0] : 0);
        return true;
    default: /* 8, 14, 15 */
        return (tag & 7) == WIRE_LEN && wire_len(w, &bytes);
    }
}

bool tensor_piece(struct tensor *t, struct ef_slice piece)
{
    struct wire w = wire_over(piece);
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        uint32_t field = tag >> 3;
        if (field >= sizeof lists / sizeof lists[0]) {
            if (!wire_skip(&w, tag))
                return false;
        } else if (lists[field].width != 255) {
            if (!list_field(t, &w, tag, &lists[field]))
                return false;
        } else if (!plain_field(t, &w, tag)) {
            return false;
        }
    }
    return true;
}

bool tensor_single(const struct tensor *t, enum ef_number *ret_number, uint64_t *ret_bits)
{
    const struct dtype_info *info = dtype_info(t->dtype);
    uint64_t raw = 0;

    if (!info || !t->ones)
        return false;
    if (t->content.size > 0) {
        if (t->content.size != info->size)
            return false;
        for (size_t i = 0; i < info->size; i++)
            raw |= (uint64_t)t->content.data[i] << (8 * i);
    } else {
        unsigned list = info->list;
        if (list == TENSOR_INT && t->list[list].count == 0)
            list = TENSOR_UINT32; /* where torch puts bytes */
        if (t->list[list].count != 1)
            return false;
        raw = t->list[list].first;
    }
    return dtype_number(t->dtype, raw, ret_number, ret_bits);
}
