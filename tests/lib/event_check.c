/* event_check.c: the comparison. Slices are compared by content, numbers by bits. */
#include "event_check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <eventfile/event.h>

struct event_check {
    ef_decoder *hand;
    ef_decoder *reference;
};

struct event_check *event_check_new(void)
{
    struct event_check *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    c->hand = ef_decoder_new();
    c->reference = ef_decoder_new();
    if (!c->hand || !c->reference)
        abort();
    return c;
}

struct event_check *event_check_free(struct event_check *c)
{
    if (c) {
        ef_decoder_free(c->hand);
        ef_decoder_free(c->reference);
        free(c);
    }
    return NULL;
}

unsigned long event_check_fallbacks(const struct event_check *c)
{
    return (unsigned long)ef_decoder_fallbacks(c->hand);
}

static bool same_slice(struct ef_slice a, struct ef_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#define DIFFER(a, b, name) ((a)->name != (b)->name ? #name : NULL)
#define DIFFER_SLICE(a, b, name) (!same_slice((a)->name, (b)->name) ? #name : NULL)
#define TRY(x)                                                                                     \
    do {                                                                                           \
        const char *differ_ = (x);                                                                 \
        if (differ_)                                                                               \
            return differ_;                                                                        \
    } while (0)

static const char *metadata_differs(const struct ef_metadata *a, const struct ef_metadata *b)
{
    TRY(DIFFER_SLICE(a, b, plugin));
    TRY(DIFFER_SLICE(a, b, content));
    TRY(DIFFER_SLICE(a, b, display_name));
    TRY(DIFFER_SLICE(a, b, description));
    return DIFFER(a, b, data_class);
}

static const char *value_differs(const struct ef_value *a, const struct ef_value *b)
{
    TRY(DIFFER_SLICE(a, b, tag));
    TRY(DIFFER(a, b, kind));
    TRY(DIFFER(a, b, has_metadata));
    TRY(DIFFER(a, b, dtype));
    TRY(DIFFER_SLICE(a, b, payload));
    if (a->kind == EF_VALUE_SCALAR) {
        TRY(DIFFER(a, b, number));
        TRY(DIFFER(a, b, bits));
    }
    return a->has_metadata ? metadata_differs(&a->metadata, &b->metadata) : NULL;
}

static const char *event_differs(const struct ef_event *a, const struct ef_event *b)
{
    TRY(memcmp(&a->wall_time, &b->wall_time, sizeof a->wall_time) != 0 ? "wall_time" : NULL);
    TRY(DIFFER(a, b, step));
    TRY(DIFFER(a, b, what));
    TRY(DIFFER(a, b, session_status));
    TRY(DIFFER_SLICE(a, b, text));
    TRY(DIFFER_SLICE(a, b, bytes));
    TRY(DIFFER(a, b, n_values));
    for (size_t i = 0; i < a->n_values; i++)
        TRY(value_differs(&a->values[i], &b->values[i]));
    return NULL;
}

static void die(const char *what, int hand, int reference, const uint8_t *data, size_t size)
{
    fprintf(stderr, "the two decoders differ in: %s (results %d and %d) for %zu bytes:\n", what,
            hand, reference, size);
    for (size_t i = 0; i < size; i++)
        fprintf(stderr, "%02x%s", data[i], i % 32 == 31 ? "\n" : " ");
    fprintf(stderr, "\n");
    abort();
}

int event_check(struct event_check *c, const void *data, size_t size, struct ef_event *ret_event)
{
    struct ef_event a, b;

    int hand = ef_event_decode(c->hand, data, size, &a);
    int reference = ef_event_decode_reference(c->reference, data, size, &b);
    const char *differ = hand != reference ? "result" : NULL;
    if (!differ && hand == 0)
        differ = event_differs(&a, &b);
    if (differ)
        die(differ, hand, reference, data, size);
    if (hand == 0 && ret_event)
        *ret_event = a;
    return hand;
}
