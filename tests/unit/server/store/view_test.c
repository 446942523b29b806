/* One writer a run and several readers at once: what a reader sees was committed as a whole, is
 * in order and is never written again while it looks. For the thread sanitizer above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

#define RUNS 2
#define READERS 3
#define TAGS 5
#define POINTS 30000
#define BATCH 100 /* points of each series between commits: every answer has a multiple of it */

struct stage {
    struct store *store;
    struct run *runs[RUNS];
    atomic_bool done;
    atomic_uint calls;
};

struct worker {
    struct stage *stage;
    size_t index;
};

static void on_commit(void *ctx, const struct commit *commit)
{
    struct stage *stage = ctx;

    atomic_fetch_add(&stage->calls, commit->n_changed > 0);
}

static void write_file(struct run *run, const char *path, uint32_t number, double begin)
{
    struct generation *g = run_generation(run, "", path, number);
    struct series_meta meta = {.kind = SERIES_SCALAR};
    struct series_meta text = {.kind = SERIES_TEXT};
    struct lane *lanes[TAGS], *words;
    char tag[8] = "tag0";

    assert_non_null(g);
    words = generation_lane(g, (struct text){"words", 5}, &text, 0);
    assert_non_null(words);
    for (size_t i = 0; i < POINTS; i++) {
        for (size_t t = 0; t < TAGS; t++) {
            double wall = begin + (double)i;
            generation_event(g, i * TAGS + t, wall, true);
            tag[3] = (char)('0' + t);
            if (i == 0)
                lanes[t] = generation_lane(g, (struct text){tag, 4}, &meta, t);
            /* now and then another kind, so that chunks are closed early */
            enum value_kind kind = i % 9000 > 8990 ? VALUE_I32 : VALUE_F32;
            assert_int_equal(lane_add(lanes[t], (int64_t)i, wall, kind, i % 1000), 0);
        }
        struct reference reference = {.step = (int64_t)i, .wall_time = begin + (double)i};
        assert_int_equal(lane_add_reference(words, &reference), 0);
        if ((i + 1) % BATCH == 0)
            assert_int_equal(run_commit(run), 0);
    }
}

static void *writer(void *ctx)
{
    struct worker *w = ctx;
    struct run *run = w->stage->runs[w->index];

    write_file(run, "a", 0, 1000);
    write_file(run, "b", 0, 1e6); /* hides all of the first, bit by bit */
    return NULL;
}

static void read_series(struct series *series, uint64_t *cursor)
{
    struct query raw = {.axis = AXIS_STEP, .view = VIEW_ALL};
    struct query wide = {.axis = AXIS_WALL, .width = 50};
    struct series_summary summary;
    struct answer a;
    struct news news;

    assert_int_equal(series_query(series, &raw, &a), 0);
    assert_int_equal(a.count % BATCH, 0);
    for (size_t i = 1; i < a.count; i++)
        assert_true(a.step[i - 1] <= a.step[i]);
    answer_done(&a);
    assert_int_equal(series_query(series, &wide, &a), 0);
    answer_done(&a);
    assert_int_equal(series_summarize(series, VIEW_STITCHED, &summary), 0);
    assert_int_equal(series_news(series, VIEW_ALL, *cursor, 64, &news), 0);
    *cursor = news.ordinal;
    news_done(&news);
}

static void *reader(void *ctx)
{
    struct worker *w = ctx;
    struct run *run = w->stage->runs[w->index % RUNS];
    uint64_t cursors[TAGS] = {0};
    char tag[8] = "tag0";

    while (!atomic_load(&w->stage->done)) {
        struct run_summary summary;
        struct store_stats stats;
        run_summarize(run, &summary);
        store_stats(w->stage->store, &stats);
        for (size_t t = 0; t < TAGS; t++) {
            tag[3] = (char)('0' + t);
            struct series *s = run_find_series(run, (struct text){"", 0}, (struct text){tag, 4});
            if (s)
                read_series(s, &cursors[t]);
        }
        struct file_summary *files;
        size_t count;
        assert_int_equal(run_files(run, &files, &count), 0);
        file_summaries_free(files, count);
    }
    return NULL;
}

static void test_readers_beside_writers(void **state)
{
    struct stage stage = {.store = store_new(NULL)};
    pthread_t writers[RUNS], readers[READERS];
    struct worker workers[RUNS + READERS];

    assert_non_null(stage.store);
    assert_int_equal(store_subscribe(stage.store, on_commit, &stage), 0);
    for (size_t i = 0; i < RUNS; i++) {
        const char *id = i ? "run1" : "run0";
        stage.runs[i] = store_run(stage.store, &(struct run_info){id, id, "", "", false});
    }
    for (size_t i = 0; i < RUNS + READERS; i++)
        workers[i] = (struct worker){&stage, i < RUNS ? i : i - RUNS};
    for (size_t i = 0; i < RUNS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, writer, &workers[i]), 0);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reader, &workers[RUNS + i]), 0);
    for (size_t i = 0; i < RUNS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&stage.done, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    store_unsubscribe(stage.store, on_commit, &stage);
    assert_int_equal(atomic_load(&stage.calls), RUNS * 2 * POINTS / BATCH);
    store_free(stage.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_beside_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
