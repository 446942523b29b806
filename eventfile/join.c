/* eventfile/join.c: rewrites an event so that every singular message is in one piece.
 *
 * A message of the result is never longer than its pieces were, as each had a tag and a length of
 * its own: so a block of the input's size is enough. Functions call each other along the table of
 * levels, which is four deep, not along the input. */
#include "eventfile/join.h"

#include "eventfile/wire.h"

#define FIELDS 32

/* A message type; bit n of the sets is field n. */
struct level {
    uint32_t oneof;    /* the last of these members counts */
    uint32_t messages; /* singular messages, in the oneof or not */
    uint32_t inner_at; /* the field that has a level of its own, 0: none */
    const struct level *inner;
};

#define BIT(n) (1u << (n))

static const struct level metadata_level = {0, BIT(1), 0, NULL};
static const struct level value_level = {
    BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8),
    BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(9), 9, &metadata_level};
static const struct level summary_level = {0, 0, 1, &value_level};
static const struct level event_level = {
    BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9),
    BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(10), 5, &summary_level};

struct field {
    uint32_t number;
    struct ef_slice whole;   /* tag and all */
    struct ef_slice content; /* of a length-delimited field */
};

static bool in_set(uint32_t set, uint32_t number)
{
    return number < FIELDS && (set >> number & 1);
}

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
    ret_field->whole = (struct ef_slice){begin, (size_t)(w->at - begin)};
    ret_field->content = content;
    return true;
}

static void append(struct ef_slice *out, struct ef_slice bytes)
{
    if (bytes.size > 0)
        memcpy((uint8_t *)out->data + out->size, bytes.data, bytes.size);
    out->size += bytes.size;
}

static void append_message(struct ef_slice *out, uint32_t field, struct ef_slice content)
{
    uint8_t head[16];
    size_t size = 0, rest = content.size;

    head[size++] = (uint8_t)WIRE_TAG(field, WIRE_LEN);
    for (; rest >= 0x80; rest >>= 7)
        head[size++] = (uint8_t)(rest | 0x80);
    head[size++] = (uint8_t)rest;
    append(out, (struct ef_slice){head, size});
    append(out, content);
}

/* The oneof member that counts, and where its bytes begin to count: behind any other member. */
static uint32_t last_member(const struct level *level, struct ef_slice message,
                            const uint8_t **ret_from)
{
    struct wire w = wire_over(message);
    uint32_t last = 0;
    struct field f;

    *ret_from = message.data;
    while (field_next(&w, &f)) {
        if (!in_set(level->oneof, f.number))
            continue;
        if (f.number != last || !in_set(level->messages, f.number))
            *ret_from = f.whole.data;
        last = f.number;
    }
    return last;
}

/* All pieces of a field from `from` on. Returns their count. */
static size_t gather(struct arena *arena, struct wire w, uint32_t number, struct ef_slice *ret)
{
    struct wire again = w;
    size_t pieces = 0;
    struct field f;

    *ret = (struct ef_slice){NULL, 0};
    while (field_next(&w, &f)) {
        if (f.number != number)
            continue;
        pieces++;
        ret->data = f.content.data; /* one piece is not copied */
        ret->size += f.content.size;
    }
    if (pieces > 1) {
        ret->data = arena_alloc(arena, ret->size);
        ret->size = 0;
        while (ret->data && field_next(&again, &f))
            if (f.number == number)
                append(ret, f.content);
    }
    return pieces;
}

static int rewrite(struct arena *arena, const struct level *level, struct ef_slice message,
                   struct ef_slice *ret);

static int put_message(struct arena *arena, const struct level *level, uint32_t number,
                       struct ef_slice content, struct ef_slice *out)
{
    int r = 0;

    if (level->inner_at == number)
        r = rewrite(arena, level->inner, content, &content);
    if (r == 0)
        append_message(out, number, content);
    return r;
}

/* The singular messages, each in one piece. */
static int put_singular(struct arena *arena, const struct level *level, uint32_t last,
                        const uint8_t *from, struct ef_slice message, struct ef_slice *out)
{
    struct ef_slice content;
    int r = 0;

    for (uint32_t number = 1; r == 0 && number < FIELDS; number++) {
        struct wire w = wire_over(message);
        if (!in_set(level->messages, number))
            continue;
        if (in_set(level->oneof, number)) {
            if (number != last)
                continue;
            w.at = from;
        }
        if (gather(arena, w, number, &content) == 0)
            continue;
        if (arena->failed)
            return EF_ERR_NOMEM;
        r = put_message(arena, level, number, content, out);
    }
    return r;
}

static int rewrite(struct arena *arena, const struct level *level, struct ef_slice message,
                   struct ef_slice *ret)
{
    struct ef_slice out = {arena_alloc(arena, message.size), 0};
    struct wire w = wire_over(message);
    const uint8_t *from;
    struct field f;
    int r = 0;

    if (!out.data)
        return EF_ERR_NOMEM;
    uint32_t last = last_member(level, message, &from);
    while (r == 0 && field_next(&w, &f)) {
        if (in_set(level->messages, f.number))
            continue;
        if (in_set(level->oneof, f.number) && f.whole.data != from)
            continue; /* a member that does not count */
        if (f.number == level->inner_at) /* a repeated message */
            r = put_message(arena, level, f.number, f.content, &out);
        else
            append(&out, f.whole);
    }
    if (r == 0)
        r = put_singular(arena, level, last, from, message, &out);
    if (r == 0)
        *ret = out;
    return r;
}

int join_event(struct arena *arena, struct ef_slice event, struct ef_slice *ret_event)
{
    return rewrite(arena, &event_level, event, ret_event);
}
