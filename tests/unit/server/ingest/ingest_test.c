/* ingest_test.c: from the bytes of a file to what the store answers. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <eventfile/salvage.h>

#include "ef_builder.h"
#include "ingest_message.h"
#include "ingest/ingest.h"
#include "store_chain.h"

#define WALL 1700000000.0

/* A store with one run and one file, and the file's bytes. */
struct intake {
    struct store *store;
    struct ingest *ingest;
    void *run, *file;
    struct ef_builder b;
    struct chain chain; /* after a restart */
    size_t given; /* bytes of `b` that were handed over */
};

static int setup(void **state)
{
    struct intake *w = calloc(1, sizeof *w);
    const struct run_info info = {"r1", "train", "logs", "/logs/train", false};

    w->store = store_new(&(struct store_options){0});
    w->ingest = ingest_new(w->store);
    w->run = ingest_run_found(w->ingest, &info);
    w->file = ingest_generation(w->ingest, w->run, "", "events.out.tfevents.1", 1);
    assert_non_null(w->file);
    ef_builder_version(&w->b);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct intake *w = *state;

    ingest_free(w->ingest);
    store_free(w->store);
    ef_builder_done(&w->b);
    free(w);
    return 0;
}

/* Hands over what was built since the last call, and shows it. */
static void give(struct intake *w)
{
    const struct span span = {.offset = w->given, .data = w->b.data + w->given,
                              .size = w->b.size - w->given};

    assert_int_equal(ingest_span(w->ingest, w->run, w->file, &span), 0);
    ingest_commit(w->ingest, w->run);
    w->given = w->b.size;
}

static struct run *the_run(struct intake *w)
{
    return store_find_run(w->store, "r1");
}

static size_t record(struct intake *w, const struct message *event)
{
    return ef_builder_record(&w->b, event->data, event->size);
}

/* One value. Returns its record's number. */
static size_t value(struct intake *w, int64_t step, const char *tag, const char *plugin,
                    const struct message *members)
{
    struct message event = {0};

    message_event(&event, WALL + (double)step, step, tag, plugin, members);
    return record(w, &event);
}

static struct message tensor(int dtype, const char *text)
{
    struct message t = {0}, members = {0}, shape = {0}, dim = {0};

    message_varint(&dim, 1, 2);
    message_nest(&shape, 2, &dim);
    message_varint(&t, 1, (uint64_t)dtype);
    message_nest(&t, 2, &shape);
    message_text(&t, 8, text);
    message_text(&t, 8, text);
    message_nest(&members, 8, &t);
    return members;
}

static struct message rank_0(float number)
{
    struct message t = {0}, members = {0};

    message_varint(&t, 1, 1);
    message_float(&t, 5, number);
    message_nest(&members, 8, &t);
    return members;
}

static void summarize(struct intake *w, const char *tag, struct series_summary *ret)
{
    struct series *series =
        run_find_series(the_run(w), (struct text){"", 0}, (struct text){tag, strlen(tag)});

    if (!series)
        fail_msg("no series %s", tag);
    assert_int_equal(series_summarize(series, VIEW_ALL, ret), 0);
}

static void check_kind(struct intake *w, const char *tag, enum series_kind kind, const char *plugin,
                       int data_class, uint64_t count)
{
    struct series_summary s;

    summarize(w, tag, &s);
    assert_string_equal(series_kind_word(s.meta.kind), series_kind_word(kind));
    assert_int_equal(s.meta.plugin.size, strlen(plugin));
    assert_memory_equal(s.meta.plugin.data, plugin, strlen(plugin));
    assert_int_equal(s.meta.data_class, data_class);
    assert_int_equal(s.count, count);
}

static struct answer points(struct intake *w, const char *tag)
{
    struct series_summary s;
    struct answer answer;

    summarize(w, tag, &s);
    assert_int_equal(series_query(s.series, &(struct query){.view = VIEW_ALL}, &answer), 0);
    return answer;
}

static void scalars_become_points_with_step_time_and_value(void **state)
{
    struct intake *w = *state;
    uint32_t bits;
    float half = 0.5f;

    ef_builder_scalar(&w->b, 7, "loss", 0.25f);
    ef_builder_scalar(&w->b, 8, "loss", half);
    ef_builder_scalar(&w->b, 8, "acc", 1.0f);
    give(w);
    struct answer a = points(w, "loss");
    memcpy(&bits, &half, sizeof bits);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.step[1], 8);
    assert_true(a.wall[1] == EF_BUILDER_WALL + 2);
    assert_int_equal(a.kind, VALUE_F32);
    assert_int_equal(a.bits[1], bits);
    answer_done(&a);
    check_kind(w, "acc", SERIES_SCALAR, "scalars", 1, 1);
    struct ingest_stats stats = ingest_stats(w->ingest);
    assert_int_equal(stats.records, 4);
    assert_int_equal(stats.points, 3);
}

static void nothing_is_seen_before_the_commit(void **state)
{
    struct intake *w = *state;

    ef_builder_scalar(&w->b, 1, "loss", 1);
    const struct span span = {.data = w->b.data, .size = w->b.size};
    assert_int_equal(ingest_span(w->ingest, w->run, w->file, &span), 0);
    assert_null(run_find_series(the_run(w), (struct text){"", 0}, (struct text){"loss", 4}));
    ingest_commit(w->ingest, w->run);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 1);
}

static void strange_times_and_tags_are_kept(void **state)
{
    struct intake *w = *state;
    struct message one = {0}, event = {0}, infinite = {0};

    message_float(&one, 2, 1);
    message_event(&event, NAN, 1, "", NULL, &one);
    record(w, &event);
    message_event(&infinite, -INFINITY, INT64_MIN, "\xff\xfe/not utf-8", NULL, &one);
    record(w, &infinite);
    give(w);
    struct answer a = points(w, "");
    assert_int_equal(a.count, 1);
    assert_true(isnan(a.wall[0]));
    answer_done(&a);
    a = points(w, "\xff\xfe/not utf-8");
    assert_int_equal(a.step[0], INT64_MIN);
    answer_done(&a);
}

static void kinds_follow_member_and_plugin(void **state)
{
    struct intake *w = *state;
    struct message text = tensor(7, "words"), numbers = tensor(1, "x"), none = {0}, m = {0};
    struct message image = {0}, audio = {0}, histo = {0}, bins = {0};

    message_text(&m, 4, "png");
    message_nest(&image, 4, &m);
    message_nest(&audio, 6, &m);
    message_double(&bins, 1, 0.5);
    message_nest(&histo, 5, &bins);
    value(w, 1, "text", "text", &text);
    value(w, 1, "image", NULL, &image);
    value(w, 1, "audio", NULL, &audio);
    value(w, 1, "histo", NULL, &histo);
    value(w, 1, "new images", "images", &text);
    value(w, 1, "curve", "pr_curves", &numbers);
    value(w, 1, "_hparams_/experiment", "hparams", &none);
    value(w, 1, "other", "my_plugin", &numbers);
    give(w);
    check_kind(w, "text", SERIES_TEXT, "text", 2, 1);
    check_kind(w, "image", SERIES_IMAGE, "images", 3, 1);
    check_kind(w, "audio", SERIES_AUDIO, "audio", 3, 1);
    check_kind(w, "histo", SERIES_HISTOGRAM, "histograms", 2, 1);
    check_kind(w, "new images", SERIES_IMAGE, "images", 3, 1);
    check_kind(w, "curve", SERIES_TENSOR, "pr_curves", 2, 1);
    check_kind(w, "_hparams_/experiment", SERIES_HPARAMS, "hparams", 2, 1);
    check_kind(w, "other", SERIES_TENSOR, "my_plugin", 0, 1);
    assert_int_equal(ingest_stats(w->ingest).references, 8);
}

static struct value_place place_of(struct intake *w, const char *tag, size_t count, size_t i)
{
    struct series_summary s;
    struct value_place *places, place;
    size_t n;

    summarize(w, tag, &s);
    assert_int_equal(series_references(s.series, VIEW_ALL, &places, &n), 0);
    assert_int_equal(n, count);
    place = places[i];
    free(places);
    return place;
}

static void references_point_at_the_member_in_the_file(void **state)
{
    struct intake *w = *state;
    struct message text = tensor(7, "words"), none = {0};
    uint8_t member[200];
    size_t size = text.size - 2; /* without its own tag and length */

    assert_true(size < 128 && size <= sizeof member);
    memcpy(member, text.data + 2, size);
    size_t n = value(w, 3, "text", "text", &text);
    value(w, 4, "hparams", "hparams", &none);
    give(w);
    struct value_place place = place_of(w, "text", 1, 0);
    assert_int_equal(place.reference.step, 3);
    assert_int_equal(place.reference.record, w->b.offsets[n]);
    assert_int_equal(place.reference.length, size);
    assert_memory_equal(w->b.data + place.reference.offset, member, size);
    assert_string_equal(place.path, "events.out.tfevents.1");
    assert_int_equal(place_of(w, "hparams", 1, 0).reference.length, 0);
}

static void later_values_without_metadata_keep_the_kind_of_their_tag(void **state)
{
    struct intake *w = *state;
    struct message text = tensor(7, "words"), number = rank_0(0.5f), one_element = {0}, t = {0};
    struct message shape = {0}, dim = {0};

    message_varint(&dim, 1, 1);
    message_nest(&shape, 2, &dim);
    message_varint(&t, 1, 1);
    message_nest(&t, 2, &shape);
    message_float(&t, 5, 0.5f);
    message_nest(&one_element, 8, &t);
    value(w, 1, "text", "text", &text);
    value(w, 2, "text", NULL, &text);
    value(w, 1, "loss", "scalars", &number);
    value(w, 2, "loss", NULL, &one_element);
    give(w);
    check_kind(w, "text", SERIES_TEXT, "text", 2, 2);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 2);
}

static void another_kind_under_the_same_tag_is_kept_and_counted(void **state)
{
    struct intake *w = *state;
    struct message text = tensor(7, "words");
    struct series_summary s;

    ef_builder_scalar(&w->b, 1, "mixed", 1);
    value(w, 2, "mixed", "text", &text);
    ef_builder_scalar(&w->b, 3, "mixed", 1);
    give(w);
    check_kind(w, "mixed", SERIES_SCALAR, "scalars", 1, 2);
    summarize(w, "mixed", &s);
    assert_int_equal(s.other, 1);
}

static void display_name_and_description_of_a_scalar_are_kept(void **state)
{
    struct intake *w = *state;
    struct message metadata = {0}, members = {0};
    struct series_summary s;

    message_text(&metadata, 2, "Loss!");
    message_text(&metadata, 3, "how bad");
    message_nest(&members, 9, &metadata);
    message_float(&members, 2, 1);
    value(w, 1, "loss", NULL, &members);
    give(w);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 1);
    summarize(w, "loss", &s);
    assert_int_equal(s.meta.display_name.size, 5);
    assert_memory_equal(s.meta.display_name.data, "Loss!", 5);
    assert_memory_equal(s.meta.description.data, "how bad", 7);
}

static void graphs_and_run_metadata_are_series(void **state)
{
    struct intake *w = *state;
    struct message event = {0}, tagged = {0};
    size_t n = ef_builder_blob(&w->b, 500, 1);

    message_text(&tagged, 1, "step1");
    message_text(&tagged, 2, "bytes");
    message_double(&event, 1, WALL);
    message_nest(&event, 8, &tagged);
    record(w, &event);
    give(w);
    check_kind(w, "__run_graph__", SERIES_GRAPH, "graphs", 3, 1);
    check_kind(w, "step1", SERIES_GRAPH, "graph_tagged_run_metadata", 3, 1);
    struct value_place graph = place_of(w, "__run_graph__", 1, 0);
    assert_int_equal(graph.reference.length, 500);
    assert_int_equal(graph.reference.record, w->b.offsets[n]);
}

static void a_record_that_is_no_event_is_listed_and_the_rest_goes_on(void **state)
{
    struct intake *w = *state;
    struct damage_entry *damage;
    size_t n, count;

    ef_builder_scalar(&w->b, 1, "loss", 1);
    n = ef_builder_record(&w->b, "\xff\xff\xff no event", 12);
    ef_builder_scalar(&w->b, 2, "loss", 1);
    give(w);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 2);
    assert_int_equal(run_damage(the_run(w), &damage, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(damage[0].damage.reason, EF_REASON_NOT_EVENT);
    assert_int_equal(damage[0].damage.offset, w->b.offsets[n]);
    assert_int_equal(damage[0].damage.length, 12 + 16);
    damage_entries_free(damage, count);
    assert_int_equal(ingest_stats(w->ingest).not_events, 1);
}

static void a_tag_over_the_limit_is_listed_and_nothing_else_of_its_event_is_lost(void **state)
{
    struct intake *w = *state;
    struct message one = {0}, two = {0}, summary = {0}, event = {0};
    char tag[LIMIT_TAG_BYTES + 1];
    size_t count;
    struct damage_entry *damage;

    memset(tag, 'x', sizeof tag);
    message_bytes(&one, 1, tag, sizeof tag);
    message_float(&one, 2, 1);
    message_text(&two, 1, "loss");
    message_float(&two, 2, 1);
    message_nest(&summary, 1, &one);
    message_nest(&summary, 1, &two);
    message_double(&event, 1, WALL);
    message_nest(&event, 5, &summary);
    record(w, &event);
    give(w);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 1);
    assert_int_equal(run_damage(the_run(w), &damage, &count), 0);
    assert_int_equal(count, 1);
    damage_entries_free(damage, count);
    assert_int_equal(ingest_stats(w->ingest).left_out, 1);
}

static size_t session_start(struct intake *w, int64_t step)
{
    struct message event = {0}, log = {0};

    message_varint(&log, 1, 1);
    message_double(&event, 1, WALL + 100);
    message_varint(&event, 2, (uint64_t)step);
    message_nest(&event, 7, &log);
    return record(w, &event);
}

static void a_session_start_hides_what_it_does_again(void **state)
{
    struct intake *w = *state;
    struct series_summary s;

    ef_builder_scalars(&w->b, 0, 10);
    session_start(w, 5);
    ef_builder_scalars(&w->b, 5, 10);
    give(w);
    summarize(w, "loss", &s);
    assert_int_equal(s.count, 20);
    assert_int_equal(series_summarize(s.series, VIEW_STITCHED, &s), 0);
    assert_int_equal(s.count, 15);
}

static void a_replay_replaces_what_was_there(void **state)
{
    struct intake *w = *state;
    struct ef_builder again = {0};

    ef_builder_scalars(&w->b, 0, 100);
    give(w);
    ef_builder_version(&again);
    ef_builder_scalars(&again, 0, 120);
    const struct span all = {.data = again.data, .size = again.size};
    ingest_replay_begin(w->ingest, w->run, w->file);
    assert_int_equal(ingest_span(w->ingest, w->run, w->file, &all), 0);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 100);
    ingest_replay_end(w->ingest, w->run, w->file);
    ingest_commit(w->ingest, w->run);
    check_kind(w, "loss", SERIES_SCALAR, "scalars", 1, 120);
    ef_builder_done(&again);
}

/* Every cut into two spans gives the same as one span. */
static void the_cut_into_spans_means_nothing(void **state)
{
    struct intake *w = *state;

    for (int i = 0; i < 50; i++)
        ef_builder_scalar(&w->b, i, i % 3 ? "a" : "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 1);
    const size_t records = w->b.records;
    for (size_t i = 0; i < records; i++) {
        size_t end = i + 1 < records ? w->b.offsets[i + 1] : w->b.size;
        const struct span span = {.offset = w->b.offsets[i], .data = w->b.data + w->b.offsets[i],
                                  .size = end - w->b.offsets[i]};
        assert_int_equal(ingest_span(w->ingest, w->run, w->file, &span), 0);
        if (i % 7 == 0)
            ingest_commit(w->ingest, w->run);
    }
    ingest_commit(w->ingest, w->run);
    check_kind(w, "a", SERIES_SCALAR, "scalars", 1, 33);
    check_kind(w, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", SERIES_SCALAR, "scalars", 1, 17);
}

/* The store is let go of and made anew from segments; the file goes on where it was. */
static void restart(struct intake *w)
{
    struct chain chain = {0};
    const struct run_info info = {"r1", "train", "logs", "/logs/train", false};
    struct place place = {.offset = w->given}, resumed;
    uint32_t number = 0;
    int r;

    ingest_place(w->ingest, w->run, w->file, &place);
    assert_int_equal(chain_flush(&chain, the_run(w), 0, false, true, true), 1);
    ingest_free(w->ingest);
    store_free(w->store);
    w->store = store_new(NULL);
    assert_non_null(chain_restore(&chain, w->store, &r));
    w->ingest = ingest_new(w->store);
    w->run = ingest_run_found(w->ingest, &info);
    assert_true(ingest_resume(w->ingest, w->run, "events.out.tfevents.1", &number, &resumed));
    assert_int_equal(number, 1);
    assert_int_equal(resumed.offset, w->given);
    w->file = ingest_generation(w->ingest, w->run, "", "events.out.tfevents.1", number);
    assert_non_null(w->file);
    w->chain = chain;
}

/* Events of tags whose later values say less than their first: `restarted` in between. */
static void begin_and_go_on(struct intake *w, bool restarted)
{
    struct message number = rank_0(1), shaped = tensor(1, "x");

    value(w, 1, "scalar", "scalars", &number);
    value(w, 1, "text", "text", &shaped);
    value(w, 1, "plain", NULL, &shaped);
    give(w);
    if (restarted)
        restart(w);
    value(w, 2, "scalar", NULL, &number);
    value(w, 2, "text", NULL, &shaped);
    value(w, 2, "plain", NULL, &shaped);
    ef_builder_scalar(&w->b, 3, "text", 1); /* another kind than its tag began with */
    value(w, 4, "text", NULL, &shaped);
    value(w, 5, "new", NULL, &number);
    give(w);
}

static void a_file_goes_on_in_the_middle_as_if_it_had_been_read_from_the_start(void **state)
{
    struct intake *first = *state, *second;

    assert_int_equal(setup((void **)&second), 0);
    begin_and_go_on(first, false);
    begin_and_go_on(second, true);
    static const char *const tags[] = {"scalar", "text", "plain", "new"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct series_summary a, b;
        summarize(first, tags[i], &a);
        summarize(second, tags[i], &b);
        assert_int_equal(a.meta.kind, b.meta.kind);
        assert_int_equal(a.count, b.count);
        assert_int_equal(a.other, b.other);
        assert_int_equal(a.last_step, b.last_step);
    }
    struct chain chain = second->chain;
    teardown((void **)&second);
    chain_done(&chain);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scalars_become_points_with_step_time_and_value),
        TEST(nothing_is_seen_before_the_commit),
        TEST(strange_times_and_tags_are_kept),
        TEST(kinds_follow_member_and_plugin),
        TEST(references_point_at_the_member_in_the_file),
        TEST(later_values_without_metadata_keep_the_kind_of_their_tag),
        TEST(another_kind_under_the_same_tag_is_kept_and_counted),
        TEST(display_name_and_description_of_a_scalar_are_kept),
        TEST(graphs_and_run_metadata_are_series),
        TEST(a_record_that_is_no_event_is_listed_and_the_rest_goes_on),
        TEST(a_tag_over_the_limit_is_listed_and_nothing_else_of_its_event_is_lost),
        TEST(a_session_start_hides_what_it_does_again),
        TEST(a_replay_replaces_what_was_there),
        TEST(the_cut_into_spans_means_nothing),
        TEST(a_file_goes_on_in_the_middle_as_if_it_had_been_read_from_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
