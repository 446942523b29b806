/* eventfile/event.c: a payload to an event: the common shapes straight on, others field by field.
 *
 * Three ways, each giving the same result where it applies:
 *   1. wall_time, step, summary and nothing else, in this order: event_straight(), with the usual
 *      scalar values matched byte for byte (fast.h) and other values by value.c;
 *   2. any order, any member, unknown fields: event_walk();
 *   3. what is malformed or has to be joined: reference.c. */
#include <stdlib.h>
#include <string.h>

#include "eventfile/decoder.h"
#include "eventfile/fast.h"
#include "eventfile/guard.h"
#include "eventfile/value.h"
#include "eventfile/wire.h"

#include "event.pb-c.h"

#define VALUES_FIRST 16
#define VALUES_KEPT 4096 /* more are given back before the next event */

/* Larger events are counted by the guard scan first; smaller ones cannot exceed the limits but for
 * EF_VALUES_MAX, which is looked at while they are decoded. */
#define UNCOUNTED_BYTES (2 * (size_t)EF_FIELDS_MAX)
_Static_assert(UNCOUNTED_BYTES <= EF_ELEMENTS_MAX, "a small event cannot hold too many elements");

static const struct ef_slice nothing = {NULL, 0};

ef_decoder *ef_decoder_new(void)
{
    ef_decoder *d = calloc(1, sizeof *d);

    if (d && decoder_reserve(d, VALUES_FIRST) < 0)
        return ef_decoder_free(d);
    return d;
}

ef_decoder *ef_decoder_free(ef_decoder *d)
{
    if (d) {
        arena_done(&d->arena);
        free(d->values);
        free(d);
    }
    return NULL;
}

uint64_t ef_decoder_fallbacks(const ef_decoder *d)
{
    return d->fallbacks;
}

int decoder_reserve(ef_decoder *d, size_t count)
{
    if (count <= d->capacity)
        return 0;
    size_t capacity = d->capacity * 2 > count ? d->capacity * 2 : count;
    struct ef_value *values = realloc(d->values, capacity * sizeof *values);
    if (!values)
        return EF_ERR_NOMEM;
    d->values = values;
    d->capacity = capacity;
    d->bulky = d->bulky || capacity > VALUES_KEPT;
    return 0;
}

/* Kept out of the way of the hot function, which then needs few registers and no frame. */
#define APART __attribute__((noinline, cold))

APART static void decoder_slim(ef_decoder *d)
{
    d->bulky = false;
    arena_reset(&d->arena);
    if (d->capacity > VALUES_KEPT) {
        struct ef_value *values = realloc(d->values, VALUES_KEPT * sizeof *values);
        if (values) {
            d->values = values;
            d->capacity = VALUES_KEPT;
        }
    }
}

/* How the hand-written ways end: 0 done, 1 unusual, or EF_ERR_NOMEM. */
enum { DONE = 0, UNUSUAL = 1 };

APART static int room_for_one(ef_decoder *d, size_t n)
{
    return decoder_reserve(d, n + 1);
}

/* Adds the values of a summary, or of a piece of one, to those there. */
static int summary_piece(ef_decoder *d, struct ef_slice piece, size_t *n_values)
{
    struct wire w = wire_over(piece);
    struct ef_slice bytes;
    size_t n = *n_values;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return UNUSUAL;
        if (tag != WIRE_TAG(1, WIRE_LEN)) {
            if (tag >> 3 == 1 || !wire_skip(&w, tag))
                return UNUSUAL;
            continue;
        }
        if (!wire_len(&w, &bytes) || n == EF_VALUES_MAX)
            return UNUSUAL;
        if (n == d->capacity && room_for_one(d, n) < 0)
            return EF_ERR_NOMEM;
        if (!fast_value(bytes.data, bytes.size, &d->values[n]) &&
            !value_decode(bytes, &d->values[n]))
            return UNUSUAL;
        n++;
    }
    *n_values = n;
    return DONE;
}

/* Strings and an enum, all singular. `number` is the field of the enum, 0 for none. */
static bool small_message(struct ef_slice piece, uint32_t fields, uint32_t number, int *ret_number,
                          struct ef_slice *ret_strings)
{
    struct wire w = wire_over(piece);
    uint64_t value;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        uint32_t field = tag >> 3;
        bool fine;
        if (field > fields) {
            fine = wire_skip(&w, tag);
        } else if (field == number) {
            fine = (tag & 7) == WIRE_VARINT && wire_varint(&w, &value);
            if (fine)
                *ret_number = (int)(int32_t)(uint32_t)value;
        } else {
            fine = (tag & 7) == WIRE_LEN && wire_len(&w, &ret_strings[field - 1]);
        }
        if (!fine)
            return false;
    }
    return true;
}

/* A member of the oneof: forgets the one before unless it is the same message. */
static int what_begin(struct ef_event *event, uint32_t what)
{
    if (event->what == what)
        return DONE;
    if (event->n_values > 0)
        return UNUSUAL; /* values to forget: the guard scan counts them */
    event->what = (uint8_t)what;
    event->session_status = 0;
    event->text = nothing;
    event->bytes = nothing;
    return DONE;
}

static int what_field(ef_decoder *d, struct wire *w, uint32_t tag, struct ef_event *event)
{
    struct ef_slice piece, strings[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    uint32_t what = tag >> 3;
    int level;
    bool fine = true;

    if ((tag & 7) != WIRE_LEN || !wire_len(w, &piece) || what_begin(event, what) != DONE)
        return UNUSUAL;
    switch (what) {
    case EF_WHAT_FILE_VERSION:
        event->text = piece;
        break;
    case EF_WHAT_GRAPH_DEF:
    case EF_WHAT_META_GRAPH_DEF:
        event->bytes = piece;
        break;
    case EF_WHAT_SUMMARY:
        return summary_piece(d, piece, &event->n_values);
    case EF_WHAT_LOG_MESSAGE:
        fine = small_message(piece, 2, 1, &level, strings);
        break;
    case EF_WHAT_SESSION_LOG:
        fine = small_message(piece, 3, 1, &event->session_status, strings);
        break;
    case EF_WHAT_RUN_METADATA:
        strings[0] = event->text;
        strings[1] = event->bytes;
        fine = small_message(piece, 2, 0, &level, strings);
        event->text = strings[0];
        event->bytes = strings[1];
        break;
    }
    return fine ? DONE : UNUSUAL;
}

static int event_walk(ef_decoder *d, struct ef_slice payload, struct ef_event *event)
{
    struct wire w = wire_over(payload);
    struct ef_slice piece, strings[1];
    uint64_t number;
    uint32_t tag;
    int r = DONE, ignored;

    *event = (struct ef_event){0};
    while (r == DONE && w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return UNUSUAL;
        if (tag == WIRE_TAG(1, WIRE_I64)) {
            if (!wire_i64(&w, &number))
                return UNUSUAL;
            memcpy(&event->wall_time, &number, sizeof number);
        } else if (tag == WIRE_TAG(2, WIRE_VARINT)) {
            if (!wire_varint(&w, &number))
                return UNUSUAL;
            event->step = (int64_t)number;
        } else if (tag >> 3 >= 3 && tag >> 3 <= 9) {
            r = what_field(d, &w, tag, event);
        } else if (tag == WIRE_TAG(10, WIRE_LEN)) {
            if (!wire_len(&w, &piece) || !small_message(piece, 1, 0, &ignored, strings))
                return UNUSUAL;
        } else if (tag >> 3 <= 10 || !wire_skip(&w, tag)) {
            return UNUSUAL;
        }
    }
    event->values = d->values;
    return r;
}

static void event_fill(struct ef_event *event, uint64_t wall, uint64_t step,
                       const struct ef_value *values, size_t n)
{
    memcpy(&event->wall_time, &wall, sizeof wall);
    event->step = (int64_t)step;
    event->what = EF_WHAT_SUMMARY;
    event->session_status = 0;
    event->text = nothing; /* not a = b = nothing: gcc copies b by a load that stalls */
    event->bytes = nothing;
    event->n_values = n;
    event->values = values;
}

/* The values of a whole summary. DONE and their count; UNUSUAL; EF_ERR_NOMEM. */
static __attribute__((noinline)) int straight_values(ef_decoder *d, const uint8_t *p,
                                                     const uint8_t *end, size_t *ret_n)
{
    size_t n = 0, length;

    while (p < end) {
        if (end - p < 3 || *p != WIRE_TAG(1, WIRE_LEN) || !(p = fast_length(p + 1, &length)))
            return UNUSUAL;
        if (length > (size_t)(end - p) || n == EF_VALUES_MAX)
            return UNUSUAL;
        if (n == d->capacity && room_for_one(d, n) < 0)
            return EF_ERR_NOMEM;
        struct ef_value *value = &d->values[n++];
        if (!fast_value(p, length, value) && !value_decode((struct ef_slice){p, length}, value))
            return UNUSUAL;
        p += length;
    }
    *ret_n = n;
    return DONE;
}

/* wall_time, step (left out when 0), summary, and no more. One usual scalar is done here. */
static inline int event_straight(ef_decoder *d, const uint8_t *p, size_t size,
                                 struct ef_event *event)
{
    uint64_t wall, step = 0;
    size_t n = 1, length;

    if (size < FAST_EVENT_MIN || p[0] != WIRE_TAG(1, WIRE_I64))
        return UNUSUAL;
    const uint8_t *end = p + size;
    wall = wire_load64(p + 1);
    p += 9;
    if (*p == WIRE_TAG(2, WIRE_VARINT) && !(p = fast_varint(p + 1, end, &step)))
        return UNUSUAL;
    if (end - p < 3 || *p != WIRE_TAG(5, WIRE_LEN) || !(p = fast_length(p + 1, &length)))
        return UNUSUAL;
    if (length != (size_t)(end - p))
        return UNUSUAL;
    if (length < 3 || length >= 0x80 || p[1] != length - 2 || p[0] != WIRE_TAG(1, WIRE_LEN) ||
        !fast_value(p + 2, length - 2, d->values)) {
        int r = straight_values(d, p, end, &n);
        if (r != DONE)
            return r;
    }
    event_fill(event, wall, step, d->values, n);
    return DONE;
}

APART static int event_unusual(ef_decoder *d, struct ef_slice payload, struct ef_event *ret_event)
{
    struct ef_event event;
    int r = UNUSUAL;

    if (payload.size > UNCOUNTED_BYTES)
        r = guard_scan(&ef__pb__event__descriptor, payload);
    if (r >= 0)
        r = event_walk(d, payload, &event);
    if (r == UNUSUAL)
        return reference_decode(d, payload, ret_event);
    if (r == DONE)
        *ret_event = event;
    return r;
}

int ef_event_decode(ef_decoder *d, const void *data, size_t size, struct ef_event *ret_event)
{
    if (__builtin_expect(d->bulky, 0))
        decoder_slim(d);
    if (size <= UNCOUNTED_BYTES) {
        int r = event_straight(d, data, size, ret_event);
        if (r <= 0)
            return r;
    }
    return event_unusual(d, (struct ef_slice){data, size}, ret_event);
}

int ef_event_decode_reference(ef_decoder *d, const void *data, size_t size,
                              struct ef_event *ret_event)
{
    if (d->bulky)
        decoder_slim(d);
    return reference_decode(d, (struct ef_slice){data, size}, ret_event);
}
