#include "provider/valueform.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "eventfile/tensor.h"
#include "eventfile/wire.h"

enum { DTYPE_COMPLEX64 = 8, DTYPE_QINT8 = 11, DTYPE_QUINT8, DTYPE_QINT32, DTYPE_QINT16 = 15,
       DTYPE_QUINT16, DTYPE_COMPLEX128 = 18 };

/* The element type's lists and sizes, as a client decodes them. */
static const struct form {
    uint8_t size;  /* bytes of an element in tensor_content; 0: not decodable */
    uint8_t field; /* of its list */
    uint8_t width; /* of the list's elements: 4, 8; 0: varints; 1: bytes */
    uint8_t parts; /* list elements an element */
    bool widened;  /* becomes FLOAT */
} forms[DTYPE_FLOAT8_E5M2FNUZ + 1] = {
    [DTYPE_FLOAT] = {4, 5, 4, 1, false},       [DTYPE_DOUBLE] = {8, 6, 8, 1, false},
    [DTYPE_INT32] = {4, 7, 0, 1, false},       [DTYPE_UINT8] = {1, 7, 0, 1, false},
    [DTYPE_INT16] = {2, 7, 0, 1, false},       [DTYPE_INT8] = {1, 7, 0, 1, false},
    [DTYPE_COMPLEX64] = {8, 9, 4, 2, false},   [DTYPE_INT64] = {8, 10, 0, 1, false},
    [DTYPE_BOOL] = {1, 11, 0, 1, false},       [DTYPE_QINT8] = {1, 7, 0, 1, false},
    [DTYPE_QUINT8] = {1, 7, 0, 1, false},      [DTYPE_QINT32] = {4, 7, 0, 1, false},
    [DTYPE_BFLOAT16] = {2, 13, 0, 1, true},    [DTYPE_QINT16] = {2, 7, 0, 1, false},
    [DTYPE_QUINT16] = {2, 7, 0, 1, false},     [DTYPE_UINT16] = {2, 7, 0, 1, false},
    [DTYPE_COMPLEX128] = {16, 12, 8, 2, false}, [DTYPE_HALF] = {2, 13, 0, 1, false},
    [DTYPE_UINT32] = {4, 16, 0, 1, false},     [DTYPE_UINT64] = {8, 17, 0, 1, false},
    [DTYPE_FLOAT8_E5M2] = {1, 18, 1, 1, true}, [DTYPE_FLOAT8_E4M3FN] = {1, 18, 1, 1, true},
    [DTYPE_FLOAT8_E4M3FNUZ] = {1, 18, 1, 1, true},
    [DTYPE_FLOAT8_E4M3B11FNUZ] = {1, 18, 1, 1, true},
    [DTYPE_FLOAT8_E5M2FNUZ] = {1, 18, 1, 1, true},
};

/* What of a TensorProto decides how it goes on. */
struct seen {
    int dtype;
    unsigned rank;
    bool unknown_rank;
    uint64_t elements; /* product of the sizes; UINT64_MAX: too many, or an unknown size */
    int64_t second;    /* size of the second dimension */
    struct ef_slice content;
    uint64_t listed;   /* elements of the dtype's list */
    uint64_t strings;
    bool wide;         /* a 16-bit list holds more than 16 bits */
};

/* ---- looking ------------------------------------------------------------------------------ */

static bool see_dim(struct seen *s, struct ef_slice dim)
{
    struct wire w = wire_over(dim);
    uint64_t size = 0;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(1, WIRE_VARINT) ? !wire_varint(&w, &size) : !wire_skip(&w, tag))
            return false;
    }
    if (s->rank++ == 1)
        s->second = (int64_t)size;
    if ((int64_t)size < 0 || s->elements == UINT64_MAX ||
        __builtin_mul_overflow(s->elements, size, &s->elements))
        s->elements = UINT64_MAX;
    return true;
}

static bool see_shape(struct seen *s, struct ef_slice shape)
{
    struct wire w = wire_over(shape);
    struct ef_slice dim;
    uint64_t number;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(2, WIRE_LEN)) {
            if (!wire_len(&w, &dim) || !see_dim(s, dim))
                return false;
        } else if (tag == WIRE_TAG(3, WIRE_VARINT)) {
            if (!wire_varint(&w, &number))
                return false;
            s->unknown_rank = number != 0;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return true;
}

/* One element of a list: its raw bits. */
typedef bool (*element_fn)(void *ctx, uint64_t raw);

/* Elements of one occurrence of a list's field, packed or single. */
static bool each_element(struct wire *w, uint32_t tag, unsigned width, element_fn fn, void *ctx)
{
    struct ef_slice packed = {NULL, 0};
    uint64_t number = 0;
    uint32_t word;

    if ((tag & 7) != WIRE_LEN) {
        if ((tag & 7) == WIRE_I32 && width == 4)
            return wire_i32(w, &word) && fn(ctx, word);
        if ((tag & 7) == WIRE_I64 && width == 8)
            return wire_i64(w, &number) && fn(ctx, number);
        return (tag & 7) == WIRE_VARINT && width == 0 && wire_varint(w, &number) && fn(ctx, number);
    }
    if (!wire_len(w, &packed) || (width > 0 && packed.size % width != 0))
        return false;
    struct wire list = wire_over(packed);
    while (list.at < list.end) {
        if (width == 0 && !wire_varint(&list, &number))
            return false;
        if (width == 1)
            number = *list.at++;
        if (width == 4)
            number = wire_load32(list.at), list.at += 4;
        if (width == 8)
            number = wire_load64(list.at), list.at += 8;
        if (!fn(ctx, number))
            return false;
    }
    return true;
}

static bool count_element(void *ctx, uint64_t raw)
{
    struct seen *s = ctx;

    s->listed++;
    s->wide = s->wide || (raw > 0xffff && raw < UINT64_MAX - 0xffff);
    return true;
}

static const struct form *form_of(int dtype)
{
    if (dtype < 0 || (size_t)dtype >= ARRAY_LEN(forms) || forms[dtype].size == 0)
        return NULL;
    return &forms[dtype];
}

/* The fields but the lists, then the dtype's list: it may stand in front of the dtype. */
static bool see(struct seen *s, struct ef_slice tensor)
{
    struct wire w = wire_over(tensor);
    struct ef_slice bytes;
    uint64_t number;
    uint32_t tag;

    *s = (struct seen){.elements = 1};
    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(1, WIRE_VARINT)) {
            if (!wire_varint(&w, &number))
                return false;
            s->dtype = (int)(int32_t)(uint32_t)number;
        } else if (tag == WIRE_TAG(2, WIRE_LEN)) {
            if (!wire_len(&w, &bytes) || !see_shape(s, bytes))
                return false;
        } else if (tag == WIRE_TAG(4, WIRE_LEN)) {
            if (!wire_len(&w, &s->content))
                return false;
        } else if (tag == WIRE_TAG(8, WIRE_LEN)) {
            if (!wire_len(&w, &bytes))
                return false;
            s->strings++;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return true;
}

static bool each_listed(struct ef_slice tensor, const struct form *form, element_fn fn, void *ctx)
{
    struct wire w = wire_over(tensor);
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag >> 3 == form->field ? !each_element(&w, tag, form->width, fn, ctx)
                                    : !wire_skip(&w, tag))
            return false;
    }
    return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_varint(struct buf *out, uint64_t value)
{
    while (value >= 0x80) {
        buf_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    buf_char(out, (char)value);
}

/* dtype, the shape as it was, and the head of tensor_content, whose bytes follow. */
static void put_head(struct buf *out, int dtype, struct ef_slice tensor, uint64_t content)
{
    struct wire w = wire_over(tensor);
    struct ef_slice shape;
    uint32_t tag;

    buf_char(out, WIRE_TAG(1, WIRE_VARINT));
    put_varint(out, (uint64_t)dtype);
    while (w.at < w.end && wire_tag(&w, &tag)) {
        if (tag != WIRE_TAG(2, WIRE_LEN)) {
            if (!wire_skip(&w, tag))
                return;
            continue;
        }
        if (!wire_len(&w, &shape))
            return;
        buf_char(out, WIRE_TAG(2, WIRE_LEN));
        put_varint(out, shape.size);
        buf_add(out, shape.data, shape.size);
    }
    buf_char(out, WIRE_TAG(4, WIRE_LEN));
    put_varint(out, content);
}

struct widening {
    struct buf *out;
    int dtype;
    unsigned size;    /* bytes to write an element */
    uint64_t left;    /* elements that are still wanted */
    uint64_t last;    /* bits of the one written last */
};

static bool put_element(void *ctx, uint64_t raw)
{
    struct widening *to = ctx;
    enum ef_number number;
    uint64_t bits;

    if (to->left == 0 || !dtype_number(to->dtype, raw, &number, &bits))
        return false;
    to->left--;
    to->last = htole64(bits);
    return buf_add(to->out, &to->last, to->size) == 0;
}

/* The same numbers as tensor_content of a type that Python knows. */
static int put_widened(const struct seen *s, const struct form *form, struct ef_slice tensor,
                       struct buf *out)
{
    const bool floats = form->widened || s->wide;
    struct widening to = {.out = out, .dtype = s->dtype, .size = floats ? 4 : form->size,
                          .left = s->elements};
    uint64_t bytes;

    if (s->elements == UINT64_MAX || __builtin_mul_overflow(s->elements, to.size, &bytes) ||
        bytes > EF_RECORD_MAX_BYTES)
        return -EBADMSG;
    put_head(out, floats ? DTYPE_FLOAT : s->dtype, tensor, bytes);
    if (s->content.size > 0) {
        for (size_t i = 0; i < s->content.size; i += form->size) {
            uint64_t raw = 0;
            for (unsigned k = 0; k < form->size; k++)
                raw |= (uint64_t)s->content.data[i + k] << (8 * k);
            if (!put_element(&to, raw))
                break;
        }
    } else if (s->elements > 0 && !each_listed(tensor, form, put_element, &to)) {
        return out->error ? out->error : -EBADMSG;
    }
    if (s->listed == 1 && s->content.size == 0) /* one stands for all */
        for (; to.left > 0 && !buf_failed(out); to.left--)
            buf_add(out, &to.last, to.size);
    return out->error ? out->error : to.left == 0 ? 0 : -EBADMSG;
}

static int put_tensor(struct ef_slice tensor, struct buf *out)
{
    struct seen s;

    if (!see(&s, tensor))
        return -EBADMSG;
    const struct form *form = form_of(s.dtype);
    if (s.dtype == DTYPE_STRING) {
        if (s.elements == 0 || s.strings == s.elements || (s.strings == 1 && s.elements > 0))
            return buf_add(out, tensor.data, tensor.size);
        return -EBADMSG;
    }
    if (!form || (s.content.size == 0 && !each_listed(tensor, form, count_element, &s)))
        return -EBADMSG;
    if (s.content.size > 0) {
        uint64_t want;
        if (__builtin_mul_overflow(s.elements, form->size, &want) || want != s.content.size)
            return -EBADMSG;
    } else if (s.elements > 0 && s.listed != form->parts &&
               (s.listed % form->parts != 0 || s.listed / form->parts != s.elements)) {
        return -EBADMSG;
    }
    const bool big = s.dtype == DTYPE_UINT32 || s.dtype == DTYPE_UINT64;
    s.wide = s.wide && s.dtype == DTYPE_HALF;
    if (form->widened || s.wide || (big && s.content.size == 0))
        return put_widened(&s, form, tensor, out);
    return buf_add(out, tensor.data, tensor.size);
}

/* ---- histograms --------------------------------------------------------------------------- */

struct histo {
    double min, max;
    uint64_t limits, counts;  /* how many */
    uint64_t first, last;     /* buckets that are not empty: [first, last] */
    bool any;
};

static double double_of(uint64_t raw)
{
    double value;

    memcpy(&value, &raw, sizeof value);
    return value;
}

static bool count_limit(void *ctx, uint64_t raw)
{
    ((struct histo *)ctx)->limits++;
    return true;
}

static bool count_bucket(void *ctx, uint64_t raw)
{
    struct histo *h = ctx;

    if (double_of(raw) > 0) {
        h->first = h->any ? h->first : h->counts;
        h->last = h->counts;
        h->any = true;
    }
    h->counts++;
    return true;
}

struct column {
    uint8_t *rows; /* of three doubles */
    uint64_t at, first, last;
    unsigned which; /* 1: right edges, which are the next row's left ones; 2: counts */
};

static bool put_cell(void *ctx, uint64_t raw)
{
    struct column *c = ctx;
    uint64_t little = htole64(raw), i = c->at++;

    if (i < c->first || i > c->last)
        return true;
    uint8_t *row = c->rows + (i - c->first) * 24;
    memcpy(row + 8 * c->which, &little, 8);
    if (c->which == 1 && i < c->last)
        memcpy(row + 24, &little, 8);
    return true;
}

static bool see_histo(struct histo *h, struct ef_slice bytes)
{
    struct wire w = wire_over(bytes);
    uint64_t number;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(1, WIRE_I64) || tag == WIRE_TAG(2, WIRE_I64)) {
            if (!wire_i64(&w, &number))
                return false;
            *(tag >> 3 == 1 ? &h->min : &h->max) = double_of(number);
        } else if (tag >> 3 == 6 || tag >> 3 == 7) {
            if (!each_element(&w, tag, 8, tag >> 3 == 6 ? count_limit : count_bucket, h))
                return false;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return h->limits == h->counts;
}

/* A tensor of rows (left, right, count). Empty buckets at both ends are left out, as their edges
 * lie beyond the least and the greatest value. */
static int put_histo(struct ef_slice bytes, struct buf *out)
{
    const struct form limits = {8, 6, 8, 1, false}, counts = {8, 7, 8, 1, false};
    struct histo h = {0};
    uint64_t little;

    if (!see_histo(&h, bytes))
        return -EBADMSG;
    uint64_t rows = h.any ? h.last - h.first + 1 : 0;
    _cleanup_(buf_done) struct buf shape = BUF_INIT(64), dim = BUF_INIT(16);
    buf_char(&dim, WIRE_TAG(1, WIRE_VARINT));
    put_varint(&dim, rows);
    buf_char(&shape, WIRE_TAG(2, WIRE_LEN));
    put_varint(&shape, dim.length);
    buf_add(&shape, dim.data, dim.length);
    buf_add(&shape, "\x12\x02\x08\x03", 4);
    if (buf_failed(&shape) || buf_failed(&dim))
        return -ENOMEM;
    buf_add(out, "\x08\x02\x12", 3); /* DOUBLE, its shape */
    put_varint(out, shape.length);
    buf_add(out, shape.data, shape.length);
    if (rows == 0)
        return buf_failed(out);
    buf_char(out, WIRE_TAG(4, WIRE_LEN));
    put_varint(out, rows * 24);
    int r = buf_reserve(out, rows * 24);
    if (r < 0)
        return r;
    uint8_t *to = (uint8_t *)out->data + out->length;
    struct column edge = {to, 0, h.first, h.last, 1}, count = {to, 0, h.first, h.last, 2};
    if (!each_listed(bytes, &limits, put_cell, &edge) ||
        !each_listed(bytes, &counts, put_cell, &count))
        return -EBADMSG;
    memcpy(&little, &h.min, 8);
    little = htole64(little);
    memcpy(to, &little, 8);
    memcpy(&little, &h.max, 8);
    little = htole64(little);
    memcpy(to + (rows - 1) * 24 + 8, &little, 8);
    out->length += rows * 24;
    return 0;
}

int valueform_tensor(const struct ef_value *value, struct buf *out)
{
    static const char null_tensor[] = "\x08\x01\x12\x02\x12\x00"; /* FLOAT of shape [0] */

    switch (value->kind) {
    case EF_VALUE_NONE:
        return buf_add(out, null_tensor, sizeof null_tensor - 1);
    case EF_VALUE_HISTOGRAM:
        return put_histo(value->payload, out);
    case EF_VALUE_TENSOR:
    case EF_VALUE_SCALAR: /* one number in a series of tensors: it came as a tensor */
        return value->payload.size > 0 ? put_tensor(value->payload, out) : -EBADMSG;
    default:
        return -EBADMSG;
    }
}

/* ---- blobs -------------------------------------------------------------------------------- */

unsigned valueform_stride(struct text plugin, unsigned rank, int64_t second_size)
{
    static const char *const single[] = {"graph_run_metadata", "graph_run_metadata_graph",
                                         "graph_keras_model"};

    if (rank == 1)
        return 1;
    if (rank == 2)
        return second_size == 2 && text_equal(plugin, (struct text){"audio", 5}) ? 2 : 0;
    if (rank == 0)
        for (size_t i = 0; i < ARRAY_LEN(single); i++)
            if (text_equal(plugin, text_from(single[i])))
                return 1;
    return 0;
}

/* Element `index` of string_val. */
static bool find_string(struct ef_slice tensor, uint64_t index, struct ef_slice *ret)
{
    struct wire w = wire_over(tensor);
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag != WIRE_TAG(8, WIRE_LEN)) {
            if (!wire_skip(&w, tag))
                return false;
        } else if (!wire_len(&w, ret)) {
            return false;
        } else if (index-- == 0) {
            return true;
        }
    }
    return false;
}

static int blobs_of_tensor(struct ef_slice tensor, struct text plugin, size_t index,
                           size_t *ret_count, struct ef_slice *ret_blob)
{
    struct seen s;

    if (!see(&s, tensor) || s.dtype != DTYPE_STRING)
        return -EBADMSG;
    unsigned stride = valueform_stride(plugin, s.unknown_rank ? 0 : s.rank, s.second);
    if (stride == 0 || (s.rank == 0 && s.strings != 1))
        return -EBADMSG;
    *ret_count = s.strings / stride;
    if (index < *ret_count && !find_string(tensor, (uint64_t)index * stride, ret_blob))
        return -EBADMSG;
    return 0;
}

/* The bytes in one field of an old-style member, and up to two of its numbers. */
static bool member_fields(struct ef_slice member, uint32_t bytes_field, uint64_t number[3],
                          struct ef_slice *ret)
{
    struct wire w = wire_over(member);
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(bytes_field, WIRE_LEN)) {
            if (!wire_len(&w, ret))
                return false;
        } else if (number && (tag >> 3 == 1 || tag >> 3 == 2) && (tag & 7) == WIRE_VARINT) {
            if (!wire_varint(&w, &number[tag >> 3]))
                return false;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return true;
}

int valueform_blobs(const struct ef_value *value, struct text plugin, size_t index,
                    size_t *ret_count, struct ef_slice *ret_blob,
                    char number[VALUEFORM_NUMBER_BYTES])
{
    uint64_t sizes[3] = {0}; /* by field: 1 height, 2 width */
    struct ef_slice bytes = {NULL, 0};

    switch (value->kind) {
    case EF_VALUE_OBSOLETE:
        *ret_count = 1;
        *ret_blob = value->payload;
        return 0;
    case EF_VALUE_AUDIO:
        if (!member_fields(value->payload, 4, NULL, &bytes))
            return -EBADMSG;
        *ret_count = 1;
        *ret_blob = bytes;
        return 0;
    case EF_VALUE_IMAGE:
        if (!member_fields(value->payload, 4, sizes, &bytes))
            return -EBADMSG;
        *ret_count = 3;
        if (index < 2) {
            int n = snprintf(number, VALUEFORM_NUMBER_BYTES, "%d",
                             (int)(int32_t)(uint32_t)sizes[index == 0 ? 2 : 1]);
            bytes = (struct ef_slice){(const uint8_t *)number, (size_t)n};
        }
        *ret_blob = bytes;
        return 0;
    case EF_VALUE_TENSOR:
        return blobs_of_tensor(value->payload, plugin, index, ret_count, ret_blob);
    default:
        return -EBADMSG;
    }
}
