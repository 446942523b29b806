/* eventfile/fast.h: the usual scalar values, matched byte for byte.
 *
 * Nearly every record of nearly every event file is one of these:
 *     tag, simple_value                            torch, tensorboardX, TF1
 *     tag, tensor, metadata {plugin "scalars"}     TF2, Keras; torch new_style
 *     tag, tensor, metadata {data_class SCALAR}    tensorboard.summary.Writer
 * with a tensor of one float or double. What does not match is left to value.c, which gives the
 * same for these. Reads nothing outside [p, p + size). Thread: any. */
#ifndef EVENTFILE_FAST_H
#define EVENTFILE_FAST_H

#include <stdbool.h>
#include <stdint.h>

#include <eventfile/event.h>

#include "eventfile/wire.h"

#define FAST_EVENT_MIN 24 /* shorter events hold no summary worth a short cut */

/* A varint of up to nine bytes; NULL: malformed or longer. Steps of up to four bytes are straight
 * code: the branches are well predicted, so nothing waits for the bytes themselves. */
static inline const uint8_t *fast_varint(const uint8_t *p, const uint8_t *end, uint64_t *ret_value)
{
    if (end - p < 9)
        return NULL;
    uint64_t value = p[0] & 0x7f;
    if (p[0] < 0x80)
        return *ret_value = value, p + 1;
    value |= (uint64_t)(p[1] & 0x7f) << 7;
    if (p[1] < 0x80)
        return *ret_value = value, p + 2;
    value |= (uint64_t)(p[2] & 0x7f) << 14;
    if (p[2] < 0x80)
        return *ret_value = value, p + 3;
    for (unsigned i = 3; i < 9; i++) {
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80)
            return *ret_value = value, p + i + 1;
    }
    return NULL;
}

/* A length of one or two bytes, both of which may be read; NULL: longer. */
static inline const uint8_t *fast_length(const uint8_t *p, size_t *ret_length)
{
    size_t length = p[0];

    if (length < 0x80) {
        *ret_length = length;
        return p + 1;
    }
    if (p[1] >= 0x80)
        return NULL;
    *ret_length = (length & 0x7f) | (size_t)p[1] << 7;
    return p + 2;
}

/* Eight bytes as wire_load64() sees them. */
#define FAST8(a, b, c, d, e, f, g, h)                                                              \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |              \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
#define FAST6(a, b, c, d, e, f) FAST8(a, b, c, d, e, f, 0, 0)

/* The metadata behind a tensor, if it is one of the usual two. */
static inline bool fast_metadata(const uint8_t *p, size_t size, struct ef_value *value)
{
    struct ef_metadata *m = &value->metadata;

    if (size == 13) { /* plugin_data { plugin_name "scalars" } */
        if (wire_load64(p) != FAST8(0x4a, 11, 0x0a, 9, 0x0a, 7, 's', 'c') ||
            wire_load64(p + 5) != FAST8(7, 's', 'c', 'a', 'l', 'a', 'r', 's'))
            return false;
        m->plugin = (struct ef_slice){p + 6, 7};
        m->data_class = EF_CLASS_UNKNOWN;
    } else if (size == 4) { /* data_class SCALAR */
        if (wire_load32(p) != 0x0120024a)
            return false;
        m->plugin = (struct ef_slice){NULL, 0};
        m->data_class = EF_CLASS_SCALAR;
    } else {
        return false;
    }
    m->content = (struct ef_slice){NULL, 0};
    m->display_name = (struct ef_slice){NULL, 0};
    m->description = (struct ef_slice){NULL, 0};
    value->has_metadata = true;
    return true;
}

/* A tensor of one float or double, and its metadata. At least 10 bytes. */
static inline __attribute__((always_inline)) bool fast_tensor(const uint8_t *p, size_t size,
                                                              struct ef_value *value)
{
    uint64_t head = wire_load64(p);
    size_t used;

    if (head == FAST8(0x42, 10, 0x08, 1, 0x12, 0, 0x22, 4) || /* shape {}, tensor_content */
        head == FAST8(0x42, 10, 0x08, 1, 0x12, 0, 0x2a, 4)) { /* shape {}, float_val */
        used = 12;
    } else if (head << 16 == FAST6(0x42, 8, 0x08, 1, 0x2a, 4) << 16) {
        used = 10; /* float_val, no shape */
    } else if (head << 16 == FAST6(0x42, 12, 0x08, 2, 0x32, 8) << 16) {
        used = 14; /* double_val, no shape */
    } else {
        return false;
    }
    if (size <= used || !fast_metadata(p + used, size - used, value))
        return false;
    value->dtype = used == 14 ? 2 : 1;
    value->number = used == 14 ? EF_NUMBER_F64 : EF_NUMBER_F32;
    value->bits = used == 14 ? wire_load64(p + 6) : wire_load32(p + used - 4);
    return true;
}

static inline bool fast_value(const uint8_t *p, size_t size, struct ef_value *value)
{
    if (size < 7 || p[0] != WIRE_TAG(1, WIRE_LEN) || p[1] >= 0x80 || p[1] > size - 7)
        return false;
    size_t tag_size = p[1], left = size - 2 - tag_size;
    const uint8_t *q = p + 2 + tag_size;

    if (left == 5 && q[0] == WIRE_TAG(2, WIRE_I32)) {
        value->number = EF_NUMBER_F32;
        value->has_metadata = false;
        value->bits = wire_load32(q + 1);
        value->dtype = 0;
    } else if (left < 10 || !fast_tensor(q, left, value)) {
        return false;
    }
    value->kind = EF_VALUE_SCALAR;
    value->tag = (struct ef_slice){p + 2, tag_size};
    value->payload = (struct ef_slice){NULL, 0};
    return true;
}

#endif
