/* Queries against plain counting over the raw points of the same series: buckets of every axis,
 * view and range hold exactly those points, whichever chunks were answered by their headers. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_world.h"

static double x_of(const struct query *q, const struct answer *raw, size_t i, double first_wall)
{
    if (q->axis == AXIS_STEP)
        return (double)raw->step[i];
    return q->axis == AXIS_WALL ? raw->wall[i] : raw->wall[i] - first_wall;
}

static double value_of(const struct answer *a, const uint64_t *column, size_t i)
{
    enum value_kind kind = a->kinds ? a->kinds[i] : a->kind;
    double value;
    float single;
    uint32_t low = (uint32_t)column[i];

    if (kind == VALUE_F32) {
        memcpy(&single, &low, sizeof single);
        return single;
    }
    if (kind == VALUE_F64) {
        memcpy(&value, &column[i], sizeof value);
        return value;
    }
    return (double)(int64_t)column[i];
}

struct sums {
    uint64_t n, nan, inf;
    double low, high, sum;
    uint64_t finite;
};

static void add(struct sums *s, double value, bool *any)
{
    s->n++;
    if (isnan(value)) {
        s->nan++;
    } else if (isinf(value)) {
        s->inf++;
    } else {
        s->low = *any ? fmin(s->low, value) : value;
        s->high = *any ? fmax(s->high, value) : value;
        s->sum += value;
        s->finite++;
        *any = true;
    }
}

/* Totals over all buckets are those of the points. */
static void expect_totals(const struct answer *buckets, const struct answer *raw)
{
    struct sums want = {0}, got = {0};
    bool any = false, some = false;

    for (size_t i = 0; i < raw->count; i++)
        add(&want, value_of(raw, raw->bits, i), &any);
    for (size_t i = 0; i < buckets->count; i++) {
        got.n += buckets->n[i];
        got.nan += buckets->nan[i];
        got.inf += buckets->inf[i];
        uint64_t finite = (uint64_t)buckets->n[i] - buckets->nan[i] - buckets->inf[i];
        if (finite == 0)
            continue;
        double low = value_of(buckets, buckets->min, i), high = value_of(buckets, buckets->max, i);
        got.low = some ? fmin(got.low, low) : low;
        got.high = some ? fmax(got.high, high) : high;
        got.sum += buckets->mean[i] * (double)finite;
        some = true;
    }
    assert_int_equal(got.n, want.n);
    assert_int_equal(got.nan, want.nan);
    assert_int_equal(got.inf, want.inf);
    assert_true(any == some);
    assert_true(!any || (got.low == want.low && got.high == want.high));
    assert_true(fabs(got.sum - want.sum) <= 1e-9 * (1 + fabs(want.sum)) || fabs(want.sum) > 1e15);
}

/* Where buckets do not overlap, each is the points between its own first and last. */
static void expect_each(const struct answer *b, const struct answer *raw)
{
    size_t at = 0;

    for (size_t i = 0; i < b->count; i++) {
        struct sums s = {0};
        bool any = false;
        assert_int_equal(b->step[i], raw->step[at]);
        assert_int_equal(b->bits[i], raw->bits[at]);
        for (uint32_t k = 0; k < b->n[i]; k++)
            add(&s, value_of(raw, raw->bits, at + k), &any);
        assert_int_equal(s.nan, b->nan[i]);
        assert_int_equal(s.inf, b->inf[i]);
        if (any) {
            assert_true(s.low == value_of(b, b->min, i));
            assert_true(s.high == value_of(b, b->max, i));
        }
        at += b->n[i];
        assert_int_equal(b->step_last[i], raw->step[at - 1]);
        assert_int_equal(b->last[i], raw->bits[at - 1]);
        assert_memory_equal(&b->wall_last[i], &raw->wall[at - 1], sizeof(double));
        for (size_t k = at - b->n[i]; any && k < at; k++) {
            if (value_of(raw, raw->bits, k) != s.low)
                continue;
            assert_int_equal(b->argmin[i], raw->step[k]); /* equal extremes: the first */
            assert_memory_equal(&b->wall_min[i], &raw->wall[k], sizeof(double));
            break;
        }
    }
    assert_int_equal(at, raw->count);
}

static void compare(struct series *series, struct query query, uint32_t width)
{
    struct answer raw, b;
    struct query wide = query;

    wide.width = width;
    assert_int_equal(series_query(series, &query, &raw), 0);
    assert_int_equal(series_query(series, &wide, &b), 0);
    assert_int_equal(b.ordinal, raw.ordinal);
    assert_int_equal(b.complete, raw.complete);
    assert_int_equal(b.buckets, raw.count > 4 * (size_t)width);
    if (b.buckets) {
        assert_in_range(b.count, 1, width + 1);
        expect_totals(&b, &raw);
        if (raw.kinds == NULL && raw.kind == b.kind)
            expect_each(&b, &raw);
    } else {
        assert_int_equal(b.count, raw.count);
    }
    answer_done(&raw);
    answer_done(&b);
}

/* A range query is the unlimited one without the points outside. */
static void compare_range(struct series *series, struct query query, double first_wall)
{
    struct answer all, part;
    size_t at = 0;
    bool beyond = false;
    struct query whole = query;

    whole.limited = false;
    assert_int_equal(series_query(series, &whole, &all), 0);
    assert_int_equal(series_query(series, &query, &part), 0);
    for (size_t i = 0; i < all.count; i++) {
        double x = x_of(&query, &all, i, first_wall);
        bool in = query.axis == AXIS_STEP
                      ? all.step[i] >= query.from_step && all.step[i] <= query.to_step
                      : isfinite(x) && x >= query.from && x <= query.to;
        beyond = beyond || (isfinite(x) && x > (query.axis == AXIS_STEP ? (double)query.to_step
                                                                        : query.to));
        if (!in)
            continue;
        assert_true(at < part.count);
        assert_int_equal(part.step[at], all.step[i]);
        assert_memory_equal(&part.wall[at], &all.wall[i], sizeof(double));
        at++;
    }
    assert_int_equal(at, part.count);
    assert_int_equal(part.complete, !beyond);
    answer_done(&all);
    answer_done(&part);
}

static void query_somehow(struct world *w, struct series *series, double scale)
{
    struct run_summary summary;

    run_summarize(w->run, &summary);
    for (int round = 0; round < 12; round++) {
        struct query q = {.axis = (enum axis)world_random(w, 3),
                          .view = (enum view)world_random(w, 2)};
        double base = q.axis == AXIS_WALL ? summary.first_wall : 0;
        if (world_random(w, 2)) {
            q.limited = true;
            q.from_step = (int64_t)world_random(w, (uint64_t)scale);
            q.to_step = q.from_step + (int64_t)world_random(w, (uint64_t)scale);
            q.from = base + (double)q.from_step;
            q.to = base + (double)q.to_step;
            compare_range(series, q, summary.first_wall);
        }
        compare(series, q, 1 + (uint32_t)world_random(w, 300));
    }
}

static void test_random_files(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world w;
        world_make(&w, seed, true);
        world_open(&w);
        for (size_t f = 0; f < w.n_files; f++)
            world_feed(&w, f, WORLD_EVENTS);
        world_commit(&w);
        for (int tag = 0; tag < WORLD_TAGS; tag++) {
            if (world_series(&w, tag))
                query_somehow(&w, world_series(&w, tag), 200);
        }
        world_close(&w);
    }
}

static void append_long(struct run *run, const char *path, double begin, int64_t from, size_t count)
{
    struct generation *g = run_generation(run, "", path, 0);
    struct series_meta meta = {.kind = SERIES_SCALAR};
    struct lane *lane = NULL;
    uint64_t state = 1;

    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        float value = (float)(state >> 40);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (i % 997 == 5)
            bits = 0x7fc00000;
        double wall = begin + (double)i / 4;
        generation_event(g, i, wall, true);
        if (!lane)
            lane = generation_lane(g, (struct text){"loss", 4}, &meta, i);
        assert_int_equal(lane_add(lane, from + (int64_t)(i / 2), wall, VALUE_F32, bits), 0);
        if (i % 10007 == 0)
            assert_int_equal(run_commit(run), 0);
    }
    assert_int_equal(run_commit(run), 0);
}

/* Many chunks, with a restart in the middle and an evaluator beside. */
static void test_long_series(void **state)
{
    struct world w = {.random = 7};

    world_open(&w);
    append_long(w.run, "a", 1000, 0, 60000);
    query_somehow(&w, world_series(&w, 0), 40000);
    append_long(w.run, "b", 20000, 15000, 50000);
    query_somehow(&w, world_series(&w, 0), 40000);
    append_long(w.run, "c", 21000, 100, 3000);
    query_somehow(&w, world_series(&w, 0), 40000);
    world_close(&w);
}

static void test_widths_of_buckets_are_near_the_one_asked_for(void **state)
{
    struct world w = {.random = 7};

    world_open(&w);
    append_long(w.run, "a", 1000, 0, 200000);
    const uint32_t widths[] = {10, 40, 100, 1000, 10000};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        struct query q = {.axis = AXIS_STEP, .width = widths[i]};
        struct answer a;
        assert_int_equal(series_query(world_series(&w, 0), &q, &a), 0);
        assert_true(a.buckets);
        assert_in_range(a.count, widths[i] / 4, widths[i] * 4);
        answer_done(&a);
    }
    world_close(&w);
}

static void test_too_many_points_are_refused(void **state)
{
    struct world w = {.random = 7};
    struct query q = {.axis = AXIS_STEP, .max_points = 99};
    struct answer a;

    world_open(&w);
    append_long(w.run, "a", 1000, 0, 100);
    assert_int_equal(series_query(world_series(&w, 0), &q, &a), -EOVERFLOW);
    q.max_points = 100;
    assert_int_equal(series_query(world_series(&w, 0), &q, &a), 0);
    answer_done(&a);
    world_close(&w);
}

static void test_steps_at_the_ends_of_the_range(void **state)
{
    struct world w = {.random = 7};
    const int64_t steps[] = {INT64_MIN, -1, 0, INT64_MAX - 1, INT64_MAX};
    struct series_meta meta = {.kind = SERIES_SCALAR};
    struct query q = {.axis = AXIS_STEP, .limited = true, .from_step = INT64_MAX,
                      .to_step = INT64_MAX};
    struct answer a;

    world_open(&w);
    struct generation *g = run_generation(w.run, "", "a", 0);
    generation_event(g, 0, 1000, true);
    struct lane *lane = generation_lane(g, (struct text){"loss", 4}, &meta, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(lane_add(lane, steps[i], 1000, VALUE_F32, 0), 0);
    assert_int_equal(run_commit(w.run), 0);
    assert_int_equal(series_query(world_series(&w, 0), &q, &a), 0);
    assert_int_equal(a.count, 1);
    assert_true(a.complete);
    answer_done(&a);
    q = (struct query){.axis = AXIS_STEP, .width = 1};
    assert_int_equal(series_query(world_series(&w, 0), &q, &a), 0);
    assert_true(a.buckets);
    assert_int_equal(a.n[0], 5);
    answer_done(&a);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_files),
        cmocka_unit_test(test_long_series),
        cmocka_unit_test(test_widths_of_buckets_are_near_the_one_asked_for),
        cmocka_unit_test(test_too_many_points_are_refused),
        cmocka_unit_test(test_steps_at_the_ends_of_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
