/* eventfile/join.c: one oneof member, in one piece, at the end of its message.
 *
 * A joined message is never longer than its pieces: each piece had a tag and a length of its own.
 * So the output fits into a block of the input's size. */
#include "eventfile/join.h"

#include "eventfile/wire.h"

/* The oneof of a message: bit n for field n. */
struct oneof {
    uint32_t members;
    uint32_t messages; /* those of them that merge */
};

static const struct oneof event_oneof = {0x3f8, 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8};
static const struct oneof value_oneof = {0x17c, 1u << 4 | 1u << 5 | 1u << 6 | 1u << 8};

#define SUMMARY_FIELD 5
#define VALUE_FIELD 1

/* The member that counts: the last one, and where its first piece stands. */
struct survey {
    uint32_t field;
    size_t pieces;
    size_t size; /* of all pieces */
    const uint8_t *from;
};

struct field {
    uint32_t number;
    uint32_t tag;
    struct ef_slice whole;   /* tag and all */
    struct ef_slice content; /* of a length-delimited field */
};

/* The next field of a message that the guard scan has passed; false at its end. */
static bool field_next(struct wire *w, struct field *ret_field)
{
    const uint8_t *begin = w->at;
    struct ef_slice content = {NULL, 0};
    uint32_t tag;

    if (w->at == w->end || !wire_tag(w, &tag))
        return false;
    if (!((tag & 7) == WIRE_LEN ? wire_len(w, &content) : wire_skip(w, tag)))
        return false;
    ret_field->number = tag >> 3;
    ret_field->tag = tag;
    ret_field->whole = (struct ef_slice){begin, (size_t)(w->at - begin)};
    ret_field->content = content;
    return true;
}

static bool is_in(uint32_t set, uint32_t number)
{
    return number < 32 && (set >> number & 1);
}

static struct survey survey_oneof(const struct oneof *oneof, struct ef_slice message)
{
    struct wire w = wire_over(message);
    struct survey s = {0, 0, 0, message.data};
    struct field f;

    while (field_next(&w, &f)) {
        if (!is_in(oneof->members, f.number))
            continue;
        if (s.field != f.number || !is_in(oneof->messages, f.number))
            s = (struct survey){f.number, 0, 0, f.whole.data};
        s.pieces++;
        s.size += f.content.size;
    }
    return s;
}

static uint8_t *put_bytes(uint8_t *out, struct ef_slice bytes)
{
    if (bytes.size > 0)
        memcpy(out, bytes.data, bytes.size);
    return out + bytes.size;
}

static uint8_t *put_header(uint8_t *out, uint32_t field, size_t size)
{
    *out++ = (uint8_t)WIRE_TAG(field, WIRE_LEN);
    for (; size >= 0x80; size >>= 7)
        *out++ = (uint8_t)(size | 0x80);
    *out++ = (uint8_t)size;
    return out;
}

static uint8_t *put_others(uint8_t *out, const struct oneof *oneof, struct ef_slice message)
{
    struct wire w = wire_over(message);
    struct field f;

    while (field_next(&w, &f))
        if (!is_in(oneof->members, f.number))
            out = put_bytes(out, f.whole);
    return out;
}

static uint8_t *put_pieces(uint8_t *out, const struct survey *s, struct ef_slice message)
{
    struct wire w = {s->from, message.data + message.size};
    struct field f;

    out = put_header(out, s->field, s->size);
    while (field_next(&w, &f))
        if (f.number == s->field)
            out = put_bytes(out, f.content);
    return out;
}

/* The message with its oneof member joined and last. */
static uint8_t *put_joined(uint8_t *out, const struct oneof *oneof, const struct survey *s,
                           struct ef_slice message)
{
    out = put_others(out, oneof, message);
    return put_pieces(out, s, message);
}

/* Joins within the values of a summary. *ret_any tells whether there was anything to do. */
static int join_values(struct arena *arena, struct ef_slice summary, struct ef_slice *ret_summary,
                       bool *ret_any)
{
    struct wire w = wire_over(summary);
    struct field f;
    bool any = false;

    while (!any && field_next(&w, &f))
        any = f.number == VALUE_FIELD && survey_oneof(&value_oneof, f.content).pieces > 1;
    *ret_any = any;
    if (!any)
        return 0;

    uint8_t *begin = arena_alloc(arena, summary.size), *out = begin;
    uint8_t *value = arena_alloc(arena, summary.size);
    if (!begin || !value)
        return EF_ERR_NOMEM;
    w = wire_over(summary);
    while (field_next(&w, &f)) {
        struct survey s = survey_oneof(&value_oneof, f.content);
        if (f.number != VALUE_FIELD || s.pieces <= 1) {
            out = put_bytes(out, f.whole);
            continue;
        }
        size_t size = (size_t)(put_joined(value, &value_oneof, &s, f.content) - value);
        out = put_header(out, VALUE_FIELD, size);
        out = put_bytes(out, (struct ef_slice){value, size});
    }
    *ret_summary = (struct ef_slice){begin, (size_t)(out - begin)};
    return 0;
}

/* The content of the summary, which is in one piece by now. */
static struct ef_slice summary_of(struct ef_slice event)
{
    struct wire w = wire_over(event);
    struct ef_slice content = {NULL, 0};
    struct field f;

    while (field_next(&w, &f))
        if (f.number == SUMMARY_FIELD)
            content = f.content;
    return content;
}

int join_event(struct arena *arena, struct ef_slice event, struct ef_slice *ret)
{
    struct survey s = survey_oneof(&event_oneof, event);
    struct ef_slice summary;
    bool any = false;
    uint8_t *begin;

    if (s.pieces > 1) {
        begin = arena_alloc(arena, event.size);
        if (!begin)
            return EF_ERR_NOMEM;
        event.size = (size_t)(put_joined(begin, &event_oneof, &s, event) - begin);
        event.data = begin;
    }
    if (s.field == SUMMARY_FIELD) {
        int r = join_values(arena, summary_of(event), &summary, &any);
        if (r < 0)
            return r;
    }
    if (any) {
        begin = arena_alloc(arena, event.size);
        if (!begin)
            return EF_ERR_NOMEM;
        uint8_t *out = put_others(begin, &event_oneof, event);
        out = put_header(out, SUMMARY_FIELD, summary.size);
        out = put_bytes(out, summary);
        event = (struct ef_slice){begin, (size_t)(out - begin)};
    }
    *ret = event;
    return 0;
}
