#include "provider/peek.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "eventfile/tensor.h"
#include "eventfile/wire.h"
#include "provider/valueform.h"

enum { WINDOW = 1024, SHAPE_MAX = 512,
       HEAD = 16 /* the most that is read of one tag and length */ };

/* A place in the file and the bytes around it. */
struct peek {
    struct readback *rb;
    uint64_t at, end;  /* in the file */
    uint64_t from;     /* of the window */
    size_t size;
    uint8_t window[WINDOW];
};

/* At least `want` bytes (or all up to the end) from p->at on. */
static int look_at(struct peek *p, size_t want, struct ef_slice *ret)
{
    want = (size_t)MIN((uint64_t)want, p->end - p->at);
    if (p->at < p->from || p->at + want > p->from + p->size) {
        size_t most = (size_t)MIN((uint64_t)WINDOW, p->end - p->at);
        ssize_t n = readback_bytes(p->rb, p->at, p->window, most);
        if (n < 0)
            return (int)n;
        p->from = p->at;
        p->size = (size_t)n;
        if ((size_t)n < want)
            return -EBADMSG;
    }
    size_t skip = (size_t)(p->at - p->from);
    *ret = (struct ef_slice){p->window + skip, MIN(p->size - skip, (size_t)(p->end - p->at))};
    return 0;
}

struct found {
    int dtype;
    unsigned rank;
    int64_t second;
    uint64_t strings;
};

static bool shape_of(struct ef_slice shape, struct found *f)
{
    struct wire w = wire_over(shape);
    struct ef_slice dim;
    uint64_t size, number;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag != WIRE_TAG(2, WIRE_LEN)) {
            if (!wire_skip(&w, tag))
                return false;
            continue;
        }
        if (!wire_len(&w, &dim))
            return false;
        struct wire in = wire_over(dim);
        for (size = 0; in.at < in.end;) {
            if (!wire_tag(&in, &tag) ||
                (tag == WIRE_TAG(1, WIRE_VARINT) ? !wire_varint(&in, &number)
                                                 : !wire_skip(&in, tag)))
                return false;
            if (tag == WIRE_TAG(1, WIRE_VARINT))
                size = number;
        }
        if (f->rank++ == 1)
            f->second = (int64_t)size;
    }
    return true;
}

/* The field at p->at. */
static int pass_field(struct peek *p, struct found *f)
{
    struct ef_slice bytes = {0};
    uint64_t length;
    uint32_t tag;
    int r = look_at(p, HEAD, &bytes);

    if (r < 0)
        return r;
    struct wire w = wire_over(bytes);
    if (!wire_tag(&w, &tag))
        return -EBADMSG;
    if ((tag & 7) != WIRE_LEN) {
        const uint8_t *value = w.at;
        if (!wire_skip(&w, tag))
            return -EBADMSG;
        p->at += (uint64_t)(w.at - bytes.data);
        if (tag == WIRE_TAG(1, WIRE_VARINT)) {
            w.at = value;
            if (wire_varint(&w, &length))
                f->dtype = (int)(int32_t)(uint32_t)length;
        }
        return 0;
    }
    if (!wire_varint_max(&w, 5, &length))
        return -EBADMSG;
    p->at += (uint64_t)(w.at - bytes.data);
    if (length > p->end - p->at)
        return -EBADMSG;
    if (tag == WIRE_TAG(2, WIRE_LEN)) {
        if (length > SHAPE_MAX)
            return -EBADMSG;
        r = look_at(p, (size_t)length, &bytes);
        if (r < 0)
            return r;
        if (!shape_of((struct ef_slice){bytes.data, (size_t)length}, f))
            return -EBADMSG;
    }
    f->strings += tag == WIRE_TAG(8, WIRE_LEN);
    p->at += length;
    return 0;
}

static int64_t count_strings(struct peek *p, struct text plugin)
{
    struct found f = {0};

    while (p->at < p->end) {
        int r = pass_field(p, &f);
        if (r < 0)
            return r;
    }
    unsigned stride = valueform_stride(plugin, f.rank, f.second);
    if (f.dtype != DTYPE_STRING || stride == 0 || (f.rank == 0 && f.strings != 1))
        return -EBADMSG;
    return (int64_t)(f.strings / stride);
}

static int64_t peek_blobs(struct readback *rb, const struct value_place *place,
                          enum series_kind kind, struct text plugin)
{
    const struct reference *r = &place->reference;
    uint8_t before[8] = {0};

    if (r->length == 0)
        return kind == SERIES_GRAPH ? 1 : -EBADMSG;
    if (r->offset <= r->record) /* put together from pieces: only the whole record tells */
        return -EBADMSG;
    readback_file(rb, place->path, place->generation);
    /* The tag of the member stands before its length. */
    unsigned length_bytes = 1;
    for (uint64_t l = r->length; l >= 0x80; l >>= 7)
        length_bytes++;
    if (length_bytes + 1 > r->offset - r->record || length_bytes >= sizeof before)
        return -EBADMSG;
    ssize_t n = readback_bytes(rb, r->offset - length_bytes - 1, before, length_bytes + 1);
    if (n < 0)
        return n;
    switch (before[0]) {
    case WIRE_TAG(8, WIRE_LEN):
        break;
    case WIRE_TAG(4, WIRE_LEN): /* Value.image, or Event.graph_def */
        return kind == SERIES_GRAPH ? 1 : 3;
    case WIRE_TAG(6, WIRE_LEN):
        return 1;
    case WIRE_TAG(2, WIRE_LEN):
        return kind == SERIES_GRAPH ? 1 : -EBADMSG;
    default:
        return -EBADMSG;
    }
    struct peek peek = {.rb = rb, .at = r->offset, .end = r->offset + r->length};
    return count_strings(&peek, plugin);
}

int64_t peek_count(struct readback *rb, const struct value_place *place,
                   const struct series_summary *series)
{
    char number[VALUEFORM_NUMBER_BYTES];
    struct ef_slice blob;
    struct ef_value value;
    size_t count = 0;
    int64_t n = peek_blobs(rb, place, series->meta.kind, series->meta.plugin);

    if (n != -EBADMSG)
        return n;
    int r = readback_value(rb, place, series->tag, &value);
    if (r == 0)
        r = valueform_blobs(&value, series->meta.plugin, 0, &count, &blob, number);
    return r < 0 ? r : (int64_t)count;
}
