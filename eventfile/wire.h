/* eventfile/wire.h: the protobuf wire format, field by field, over bytes in memory.
 *
 * Used by the hand-written decoder and by the guard scan, so both agree on what a field is: tags of
 * at most five bytes with a field number of at least 1, varints of at most ten bytes without
 * overflow, lengths of at most five bytes that lie within the message. Groups are refused.
 *
 * A function returns false when the bytes do not hold; the place is then undefined. Nothing is
 * allocated, nothing recurses. Thread: any. */
#ifndef EVENTFILE_WIRE_H
#define EVENTFILE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <eventfile/event.h>

enum wire_type { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

/* A tag as one number, for switch labels. */
#define WIRE_TAG(field, type) ((uint32_t)(field) << 3 | (uint32_t)(type))

struct wire {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct wire wire_over(struct ef_slice slice)
{
    /* NULL + 0 is not C */
    return (struct wire){slice.data, slice.size > 0 ? slice.data + slice.size : slice.data};
}

static inline size_t wire_left(const struct wire *w)
{
    return (size_t)(w->end - w->at);
}

static inline uint32_t wire_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t wire_load64(const uint8_t *p)
{
    return (uint64_t)wire_load32(p) | (uint64_t)wire_load32(p + 4) << 32;
}

/* At most `max_bytes` bytes; the tenth may only be 0 or 1. */
static inline bool wire_varint_max(struct wire *w, unsigned max_bytes, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < max_bytes && w->at < w->end; i++) {
        uint8_t byte = *w->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *ret_value = value;
            return i < 9 || byte <= 1;
        }
    }
    return false;
}

static inline bool wire_varint(struct wire *w, uint64_t *ret_value)
{
    return wire_varint_max(w, 10, ret_value);
}

static inline bool wire_tag(struct wire *w, uint32_t *ret_tag)
{
    uint64_t tag;

    if (w->at < w->end && *w->at < 0x80) {
        *ret_tag = *w->at++;
        return *ret_tag >= 8;
    }
    if (!wire_varint_max(w, 5, &tag) || tag < 8 || tag > UINT32_MAX)
        return false;
    *ret_tag = (uint32_t)tag;
    return true;
}

static inline bool wire_i32(struct wire *w, uint32_t *ret_value)
{
    if (wire_left(w) < 4)
        return false;
    *ret_value = wire_load32(w->at);
    w->at += 4;
    return true;
}

static inline bool wire_i64(struct wire *w, uint64_t *ret_value)
{
    if (wire_left(w) < 8)
        return false;
    *ret_value = wire_load64(w->at);
    w->at += 8;
    return true;
}

static inline bool wire_len(struct wire *w, struct ef_slice *ret_bytes)
{
    uint64_t size;

    if (!wire_varint_max(w, 5, &size) || size > wire_left(w))
        return false;
    *ret_bytes = (struct ef_slice){w->at, (size_t)size};
    w->at += size;
    return true;
}

/* Passes a field whose tag has been read. */
static inline bool wire_skip(struct wire *w, uint32_t tag)
{
    struct ef_slice bytes;
    uint64_t number;
    uint32_t word;

    switch (tag & 7) {
    case WIRE_VARINT:
        return wire_varint(w, &number);
    case WIRE_I64:
        return wire_i64(w, &number);
    case WIRE_LEN:
        return wire_len(w, &bytes);
    case WIRE_I32:
        return wire_i32(w, &word);
    default:
        return false;
    }
}

/* The text is never empty. */
static inline bool slice_is(struct ef_slice slice, const char *text)
{
    size_t size = strlen(text);

    return slice.data && slice.size == size && memcmp(slice.data, text, size) == 0;
}

#endif
