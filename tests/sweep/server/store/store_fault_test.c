/* The n-th allocation of the store fails, for every n: the call that met it says so and changes
 * nothing, done again it works, and in the end readers see what they would have seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ef_fault.h"
#include "ef_fault_wrap.h"
#include "store/store.h"

#define POINTS 4300 /* one sealed chunk, an open one, and raw points */

/* Only one call fails: the second try has to work. */
#define TWICE(result, call, failed)                                                              \
    do {                                                                                         \
        result = (call);                                                                         \
        if (failed)                                                                              \
            result = (call);                                                                     \
        assert_false(failed);                                                                    \
    } while (0)

struct seen {
    size_t all, stitched, references, news;
    uint64_t bits;
    int64_t steps;
    uint64_t points, hidden;
    uint64_t attempts;
};

static struct lane *lane_of(struct generation *g, const char *tag, enum series_kind kind)
{
    struct series_meta meta = {.kind = kind, .display_name = {"shown", 5}};
    struct lane *lane;

    TWICE(lane, generation_lane(g, (struct text){tag, strlen(tag)}, &meta, 0), !lane);
    return lane;
}

static void add(struct generation *g, struct lane *lane, int64_t step, double wall)
{
    enum value_kind kind = step % 1000 == 999 ? VALUE_I32 : VALUE_F32;
    int r;

    generation_event(g, (uint64_t)step, wall, true);
    TWICE(r, lane_add(lane, step, wall, kind, (uint64_t)step * 7), r < 0);
}

static void commit(struct run *run)
{
    int r;

    TWICE(r, run_commit(run), r < 0);
}

static struct generation *generation_of(struct run *run, const char *path)
{
    struct generation *g;

    TWICE(g, run_generation(run, "", path, 1), !g);
    return g;
}

static void write_files(struct run *run)
{
    struct generation *a = generation_of(run, "a"), *b = generation_of(run, "b");
    struct lane *x = lane_of(a, "x", SERIES_SCALAR), *t = lane_of(a, "t", SERIES_TEXT);
    int r;

    for (int i = 0; i < POINTS; i++) {
        add(a, x, i, 1000 + i);
        if (i % 1500 == 0)
            commit(run);
        if (i % 100 == 0) {
            struct reference reference = {.step = i, .offset = (uint64_t)i};
            TWICE(r, lane_add_reference(t, &reference), r < 0);
        }
    }
    commit(run);
    x = lane_of(b, "x", SERIES_SCALAR);
    for (int i = 0; i < 200; i++) { /* a restart */
        add(b, x, 4000 + i, 1e6 + i);
        if (i == 100) {
            TWICE(r, generation_session_start(b, 4050), r < 0);
            x = lane_of(b, "x", SERIES_SCALAR);
        }
        if (i % 50 == 0)
            commit(run);
    }
    TWICE(r, generation_damage(a, &(struct damage){.offset = 7, .length = 3}), r < 0);
    TWICE(r, generation_rename(a, "c", 3), r < 0);
    commit(run);
    TWICE(r, generation_replay_begin(a), r < 0);
    x = lane_of(a, "x", SERIES_SCALAR);
    for (int i = 0; i < POINTS; i++)
        add(a, x, i, 1000 + i);
    TWICE(r, generation_replay_end(a), r < 0);
    commit(run);
}

static void look(struct run *run, struct seen *ret)
{
    const struct query all = {.axis = AXIS_STEP, .view = VIEW_ALL};
    const struct query stitched = {.axis = AXIS_STEP};
    const struct query wide = {.axis = AXIS_WALL, .width = 50};
    struct series *x = run_find_series(run, (struct text){"", 0}, (struct text){"x", 1});
    struct answer answer;
    struct news news;
    struct run_summary summary;
    int r;

    assert_non_null(x);
    TWICE(r, series_query(x, &all, &answer), r < 0);
    *ret = (struct seen){.all = answer.count};
    for (size_t i = 0; i < answer.count; i++) {
        ret->bits += answer.bits[i] * (i + 1);
        ret->steps += answer.step[i];
    }
    answer_done(&answer);
    TWICE(r, series_query(x, &stitched, &answer), r < 0);
    ret->stitched = answer.count;
    answer_done(&answer);
    TWICE(r, series_query(x, &wide, &answer), r < 0);
    answer_done(&answer);
    TWICE(r, series_news(x, VIEW_STITCHED, series_ordinal(x) - 1, 64, &news), r < 0);
    ret->news = (size_t)news.kind;
    news_done(&news);
    run_summarize(run, &summary);
    ret->points = summary.points;
    ret->hidden = summary.hidden;
    ret->references = summary.references;
    ret->attempts = summary.attempts;
}

static void whatever_fails_once_readers_see_the_same(void **state)
{
    struct seen expected = {0}, seen;
    long n = 0;

    for (; ef_fault_next(n); n++) { /* 0: none fails */
        struct store_options options = {.epoch = 1};
        struct store *store;
        struct run *run;
        fault_hit = fault_hit || n == 0;
        TWICE(store, store_new(&options), !store);
        TWICE(run, store_run(store, &(struct run_info){"id", "run", "", "", false}), !run);
        write_files(run);
        look(run, &seen);
        if (n == 0)
            expected = seen;
        assert_memory_equal(&seen, &expected, sizeof seen);
        store_free(store);
    }
    ef_fault_off();
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_once_readers_see_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
