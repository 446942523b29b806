/* protoout.h: protobuf messages written in order, nested ones too, without a tree.
 *
 * The length of a nested message is four bytes wide, whatever it is: readers take that, and nothing
 * has to be moved. Errors stay in the buffer. Thread: any. */
#ifndef TB_GRPC_PROTOOUT_H
#define TB_GRPC_PROTOOUT_H

#include <endian.h>
#include <string.h>

#include "store/store.h"

static inline void proto_varint(struct buf *out, uint64_t value)
{
    char bytes[10];
    size_t n = 0;

    while (value >= 0x80) {
        bytes[n++] = (char)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (char)value;
    buf_add(out, bytes, n);
}

static inline void proto_i64(struct buf *out, unsigned field, int64_t value)
{
    if (value == 0)
        return;
    proto_varint(out, field << 3);
    proto_varint(out, (uint64_t)value);
}

static inline void proto_double(struct buf *out, unsigned field, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    if (bits == 0)
        return;
    bits = htole64(bits);
    proto_varint(out, field << 3 | 1);
    buf_add(out, &bits, sizeof bits);
}

static inline void proto_bytes(struct buf *out, unsigned field, const void *data, size_t size)
{
    if (size == 0)
        return;
    proto_varint(out, field << 3 | 2);
    proto_varint(out, size);
    buf_add(out, data, size);
}

static inline void proto_text(struct buf *out, unsigned field, struct text text)
{
    proto_bytes(out, field, text.data, text.size);
}

/* Opens a nested message; the place is for proto_close(). */
static inline size_t proto_open(struct buf *out, unsigned field)
{
    proto_varint(out, field << 3 | 2);
    buf_add(out, "\x80\x80\x80\0", 4);
    return out->length;
}

static inline void proto_close(struct buf *out, size_t opened)
{
    if (buf_failed(out))
        return;
    size_t size = out->length - opened; /* below 2^28: LIMIT_GRPC_ANSWER_BYTES */
    for (unsigned i = 0; i < 4; i++)
        out->data[opened - 4 + i] = (char)((size >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
}

#endif
