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
 * Records of one tag differ in wall time, step and float alone. A reader that guesses the next tag
 * keeps the form of each one's records: ef_scalar_again() compares a payload with that, which is
 * half the work of matching it and looking up its tag.
 *
 * No state, no calls. Thread: any. */
#ifndef EVENTFILE_SCALAR_H
#define EVENTFILE_SCALAR_H

#include <stdint.h>
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

/* Four of them. */
static inline uint32_t ef_scalar_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
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

/* True and *ret_scalar if the payload is such a record; false says nothing about it. Reads nothing
 * outside the payload. */
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
    ret_scalar->bits = ef_scalar_load32(bits);
    return 1;
}

#define EF_SCALAR_FORM_BYTES 96 /* payloads that are longer behind their step have no form */
/* ef_scalar_again() may read so many bytes at `data`, however short the payload is. */
#define EF_SCALAR_AGAIN_ROOM (14 + EF_SCALAR_FORM_BYTES)

/* The bytes behind the step of one tag's records: those that count, and which these are. */
struct ef_scalar_form {
    uint8_t want[EF_SCALAR_FORM_BYTES], care[EF_SCALAR_FORM_BYTES];
    uint32_t size;   /* how many there are; EF_SCALAR_NO_FORM: nothing is known */
    uint32_t number; /* where in them the float is */
};

#define EF_SCALAR_NO_FORM UINT32_MAX

/* Makes *form, which held none or an earlier one of the same tag, the form of a payload that
 * ef_scalar_match() took as `scalar`; none if that is too long. */
static inline void ef_scalar_learn(struct ef_scalar_form *form, const void *data, size_t size,
                                   const struct ef_scalar *scalar)
{
    const uint8_t *rest = scalar->tag.data - 6;
    size_t length = (size_t)((const uint8_t *)data + size - rest);
    size_t member = 6 + scalar->tag.size;

    if (form->size == length) /* with the tag, the length says which of the two shapes it is */
        return;
    form->size = EF_SCALAR_NO_FORM;
    if (length > EF_SCALAR_FORM_BYTES)
        return;
    form->size = (uint32_t)length;
    form->number = (uint32_t)(length - member == 5 ? member + 1 : member + 8);
    memset(form->care, 0, sizeof form->care);
    memset(form->care, 0xff, length);
    memset(form->care + form->number, 0, 4);
    memset(form->want, 0, sizeof form->want);
    memcpy(form->want, rest, length);
    memset(form->want + form->number, 0, 4);
}

/* Not 0 where the 32 bytes at p differ from those at `at` in the form. */
static inline uint64_t ef_scalar_differs(const struct ef_scalar_form *form, const uint8_t *p,
                                         size_t at)
{
    uint64_t differs = 0;

    for (size_t i = 0; i < 32; i += 8) {
        uint64_t is, want, care;
        memcpy(&is, p + at + i, sizeof is);
        memcpy(&want, form->want + at + i, sizeof want);
        memcpy(&care, form->care + at + i, sizeof care);
        differs |= (is & care) ^ want;
    }
    return differs;
}

/* True if the payload has this form: then it is one that ef_scalar_match() takes (but for its least
 * size), with the form's tag; *ret_scalar is filled all but the tag. Bytes behind the payload do
 * not count, but EF_SCALAR_AGAIN_ROOM bytes at `data` must be readable. */
static inline int ef_scalar_again(const struct ef_scalar_form *form, const void *data, size_t size,
                                  struct ef_scalar *ret_scalar)
{
    const uint8_t *p = (const uint8_t *)data;
    int step_bytes = ef_scalar_step(p + 9, &ret_scalar->step);
    const uint8_t *rest = p + 9 + step_bytes;

    if (p[0] != 0x09 || step_bytes < 0 || size != 9 + (size_t)step_bytes + form->size)
        return 0;
    uint64_t differs = ef_scalar_differs(form, rest, 0);
    if (form->size > 32)
        differs |= ef_scalar_differs(form, rest, 32);
    if (form->size > 64)
        differs |= ef_scalar_differs(form, rest, 64);
    if (differs)
        return 0;
    uint64_t wall_time = ef_scalar_load64(p + 1);
    memcpy(&ret_scalar->wall_time, &wall_time, sizeof wall_time);
    ret_scalar->bits = ef_scalar_load32(rest + form->number);
    return 1;
}

#ifdef __cplusplus
}
#endif

#endif
