/* eventfile/scalar.h: the one record that nearly all records are, matched in place.
 *
 *     Event { wall_time, step, summary { value { tag, simple_value } } }
 *     Event { wall_time, step, summary { value { tag, tensor { FLOAT, one element },
 *                                                metadata { plugin "scalars" } } } }
 *
 * with fields in this order, one-byte lengths and steps of at most four bytes: what training loops
 * write. For a reader that takes in millions of points: try ef_scalar_match() first and give the
 * rest to ef_event_decode(), which says the same of these records and more (their metadata).
 *
 * No state, no calls, reads nothing outside the payload. Thread: any. */
#ifndef EVENTFILE_SCALAR_H
#define EVENTFILE_SCALAR_H

#include <string.h>

#include <eventfile/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ef_scalar {
    double wall_time; /* seconds since 1970 */
    int64_t step;
    struct ef_slice tag; /* in the payload */
    uint32_t bits;       /* of the float: number EF_NUMBER_F32 */
};

#define EF_SCALAR_MIN_BYTES 24 /* shorter payloads never match */

/* Eight bytes as a little-endian number. */
static inline uint64_t ef_scalar_load64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* The step field at p, of which 5 bytes may be read, or nothing (a step of 0 is left out). Returns
 * its length, 0 when there is none, -1 when the step has more than four bytes. */
static inline int ef_scalar_step(const uint8_t *p, int64_t *ret_step)
{
    uint32_t step = p[1] & 0x7fu;

    *ret_step = 0;
    if (p[0] != 0x10)
        return 0;
    int length = 2;
    if (p[1] >= 0x80) {
        step |= (p[2] & 0x7fu) << 7;
        length = 3;
        if (p[2] >= 0x80) {
            step |= (p[3] & 0x7fu) << 14;
            length = 4;
            if (p[3] >= 0x80) {
                step |= (p[4] & 0x7fu) << 21;
                length = 5;
                if (p[4] >= 0x80)
                    return -1;
            }
        }
    }
    *ret_step = step;
    return length;
}

/* The member behind a tag, `size` bytes: finds the four bytes of its float; NULL: another one. */
static inline const uint8_t *ef_scalar_member(const uint8_t *p, size_t size)
{
    if (size == 5 && p[0] == 0x15) /* simple_value */
        return p + 1;
    /* tensor { dtype FLOAT, shape {}, tensor_content }, metadata { plugin_data { "scalars" } } */
    if (size == 25 && ef_scalar_load64(p) == UINT64_C(0x0422001201080a42) &&
        ef_scalar_load64(p + 12) == UINT64_C(0x6373070a090a0b4a) &&
        ef_scalar_load64(p + 17) == UINT64_C(0x7372616c61637307))
        return p + 8;
    return NULL;
}

/* True and *ret_scalar if the payload is such a record; false says nothing about it. */
static inline int ef_scalar_match(const void *data, size_t size, struct ef_scalar *ret_scalar)
{
    const uint8_t *p = (const uint8_t *)data, *end = p + size;

    if (size < EF_SCALAR_MIN_BYTES || p[0] != 0x09)
        return 0;
    int step_bytes = ef_scalar_step(p + 9, &ret_scalar->step);
    if (step_bytes < 0)
        return 0;
    const uint8_t *q = p + 9 + step_bytes; /* at most 14 bytes in: eight more are there */
    uint64_t head = ef_scalar_load64(q);   /* summary, length, value, length, tag, length */
    size_t summary = head >> 8 & 0xff, value = head >> 24 & 0xff, tag = head >> 40 & 0xff;
    if ((head & UINT64_C(0xff00ff00ff)) != UINT64_C(0x0a000a002a) ||
        summary != (size_t)(end - q) - 2 || value != summary - 2 || tag + 2 >= value ||
        summary >= 0x80)
        return 0;
    const uint8_t *bits = ef_scalar_member(q + 6 + tag, value - 2 - tag);
    if (!bits)
        return 0;
    uint64_t wall_time = ef_scalar_load64(p + 1);
    memcpy(&ret_scalar->wall_time, &wall_time, sizeof wall_time);
    ret_scalar->tag.data = q + 6;
    ret_scalar->tag.size = tag;
    ret_scalar->bits = (uint32_t)bits[0] | (uint32_t)bits[1] << 8 | (uint32_t)bits[2] << 16 |
                       (uint32_t)bits[3] << 24;
    return 1;
}

#ifdef __cplusplus
}
#endif

#endif
