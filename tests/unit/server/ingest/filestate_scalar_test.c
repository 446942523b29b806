/* filestate_scalar_test.c: the loop over known forms against the way record by record.
 *
 * The same records are given to two stores: as one span, whose middle the loop takes, and each as a
 * span of its own, which is too short for it. Both must answer the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ef_builder.h"
#include "ingest/ingest.h"
#include "ingest_message.h"

struct side {
    struct store *store;
    struct ingest *ingest;
    void *run, *file;
};

static void side_init(struct side *side)
{
    const struct run_info info = {"r1", "train", "logs", "/logs/train", false};

    side->store = store_new(&(struct store_options){0});
    side->ingest = ingest_new(side->store);
    side->run = ingest_run_found(side->ingest, &info);
    side->file = ingest_generation(side->ingest, side->run, "",
                                   "events.out.tfevents.1", 1);
    assert_non_null(side->file);
}

static void side_done(struct side *side)
{
    ingest_free(side->ingest);
    store_free(side->store);
}

static void give(struct side *side, const struct ef_builder *b, size_t from, size_t to)
{
    const struct span span = {.offset = from, .data = b->data + from, .size = to - from};

    assert_int_equal(ingest_span(side->ingest, side->run, side->file, &span), 0);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Lengths around those where the comparison takes another block, and one without a form. */
static const char *const tags[] = {
    "a",
    "b",
    "train/loss",
    "train/loss1",
    "a tag so long that its form needs more than thirty-two bytes",
    "a tag so long that its form needs more than thirty-two byteS",
    "a tag so long that its form, as a tensor with metadata, needs more than sixty-four",
    "a tag so long that nothing of it fits into a form, be it with a simple value or with a tensor",
    "",
};

static void put_scalar(struct ef_builder *b, double wall, int64_t step, const char *tag,
                       bool tensor, float number)
{
    struct message members = {0}, event = {0};

    if (tensor) {
        struct message t = {0}, shape = {0}, plugin = {0}, metadata = {0};
        message_varint(&t, 1, 1);
        message_nest(&t, 2, &shape);
        message_bytes(&t, 4, &number, sizeof number);
        message_nest(&members, 8, &t);
        message_text(&plugin, 1, "scalars");
        message_nest(&metadata, 1, &plugin);
        message_nest(&members, 9, &metadata);
    } else {
        message_float(&members, 2, number);
    }
    message_event(&event, wall, step, tag, NULL, &members);
    ef_builder_record(b, event.data, event.size);
}

/* Now and then something that is none of the loop's business. */
static void put_other(struct ef_builder *b, uint64_t kind, double wall, int64_t step)
{
    struct message members = {0}, event = {0}, log = {0};

    switch (kind) {
    case 0: /* a session begins: the rest is a part of its own */
        message_double(&event, 1, wall);
        message_varint(&event, 2, (uint64_t)step);
        message_varint(&log, 1, 1);
        message_nest(&event, 7, &log);
        break;
    case 1: /* the same tag as a text */
        message_event(&event, wall, step, tags[2], "text", &members);
        break;
    case 2: /* an event without a value */
        message_double(&event, 1, wall);
        break;
    default: /* no event at all */
        message_text(&event, 15, "?");
        event.data[0] = 0xff;
        break;
    }
    ef_builder_record(b, event.data, event.size);
}

static double strange_wall(uint64_t which, double wall)
{
    switch (which % 40) {
    case 0:
        return NAN;
    case 1:
        return INFINITY;
    case 2:
        return -INFINITY;
    case 3:
        return wall - 1000;
    default:
        return wall;
    }
}

/* Mostly in turn, as training loops write; some tags are left out, some come twice. */
static void put_records(struct ef_builder *b, uint64_t seed, size_t count, bool strange)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t tag = 0;
    int64_t step = (int64_t)(seed % 4 == 0 ? (UINT64_C(1) << 28) - 300 : seed % 20000);

    ef_builder_version(b);
    for (size_t i = 0; i < count; i++) {
        uint64_t random = next_random(&state);
        double wall = 1.7e9 + (double)i * 0.25;
        tag = (tag + 1 + (random % 16 == 0)) % (sizeof tags / sizeof *tags);
        if (tag == 0)
            step += (int64_t)(random >> 8 & 1);
        if (strange && random % 50 == 1)
            put_other(b, random >> 16 & 3, wall, step);
        put_scalar(b, strange ? strange_wall(random >> 20, wall) : wall, step, tags[tag],
                   (tag % 3 == 1) ^ (strange && random % 64 == 2), (float)(random >> 40));
    }
}

static void expect_same_series(struct side *a, struct side *b, const char *tag)
{
    const struct query query = {.view = VIEW_ALL};
    const struct text name = {tag, strlen(tag)}, top = {"", 0};
    struct answer x, y;

    assert_int_equal(
        series_query(run_find_series(store_find_run(a->store, "r1"), top, name), &query, &x), 0);
    assert_int_equal(
        series_query(run_find_series(store_find_run(b->store, "r1"), top, name), &query, &y), 0);
    assert_int_equal(x.count, y.count);
    assert_int_equal(x.kind, y.kind);
    assert_memory_equal(x.step, y.step, x.count * sizeof *x.step);
    assert_memory_equal(x.wall, y.wall, x.count * sizeof *x.wall);
    assert_memory_equal(x.bits, y.bits, x.count * sizeof *x.bits);
    answer_done(&x);
    answer_done(&y);
}

static void expect_same_run(struct side *a, struct side *b)
{
    struct ingest_stats s = ingest_stats(a->ingest), t = ingest_stats(b->ingest);
    struct run_summary x, y;

    assert_memory_equal(&s, &t, sizeof s);
    assert_true(s.points > 0);
    run_summarize(store_find_run(a->store, "r1"), &x);
    run_summarize(store_find_run(b->store, "r1"), &y);
    assert_memory_equal(&x.first_wall, &y.first_wall, sizeof x.first_wall);
    assert_memory_equal(&x.last_wall, &y.last_wall, sizeof x.last_wall);
    assert_int_equal(x.points, y.points);
    assert_int_equal(x.hidden, y.hidden);
    assert_int_equal(x.references, y.references);
    assert_int_equal(x.damage, y.damage);
}

static void compare(uint64_t seed, size_t count, bool strange)
{
    struct side whole, single;
    struct ef_builder b = {0};

    side_init(&whole);
    side_init(&single);
    put_records(&b, seed, count, strange);
    give(&whole, &b, 0, b.offsets[b.records / 2]);
    if (seed % 2)
        ingest_commit(whole.ingest, whole.run); /* the first event after it is told in full */
    give(&whole, &b, b.offsets[b.records / 2], b.size);
    for (size_t i = 0; i < b.records; i++)
        give(&single, &b, b.offsets[i], b.offsets[i] + ef_builder_record_size(&b, i));
    ingest_commit(whole.ingest, whole.run);
    ingest_commit(single.ingest, single.run);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        expect_same_series(&whole, &single, tags[i]);
    expect_same_run(&whole, &single);
    ef_builder_done(&b);
    side_done(&whole);
    side_done(&single);
}

static void usual_records_are_taken_as_one_by_one(void **state)
{
    for (uint64_t seed = 0; seed < 8; seed++)
        compare(seed, 3000, false);
}

static void so_are_records_with_anything_strange_among_them(void **state)
{
    for (uint64_t seed = 0; seed < 24; seed++)
        compare(seed, 1500, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_records_are_taken_as_one_by_one),
        cmocka_unit_test(so_are_records_with_anything_strange_among_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
