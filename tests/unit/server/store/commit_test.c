/* The store against the model of tests/lib/store_world.h: whatever the files, the order in which
 * their bytes come and the places of commits, the answers are those of docs/formats/points.md;
 * and a client that applies news to what it holds has at every commit what a fresh query gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_world.h"

static uint64_t rounds(void)
{
    const char *text = getenv("STORE_ROUNDS");

    return text ? strtoull(text, NULL, 10) : 60;
}

static uint64_t first_seed(void)
{
    const char *text = getenv("STORE_SEED");

    return text ? strtoull(text, NULL, 10) : 1;
}

static uint64_t as_f64(enum value_kind kind, uint64_t bits)
{
    double value;
    uint64_t out;

    if (kind == VALUE_F64)
        return bits;
    if (kind == VALUE_F32) {
        float f;
        uint32_t low = (uint32_t)bits;
        memcpy(&f, &low, sizeof f);
        value = f;
    } else {
        value = (double)(int64_t)bits;
    }
    memcpy(&out, &value, sizeof out);
    return out;
}

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void expect_point(const struct answer *a, size_t i, const struct model_point *p,
                         uint64_t seed)
{
    enum value_kind kind = a->kinds ? a->kinds[i] : a->kind;
    uint64_t bits = kind == p->kind ? p->bits : as_f64(p->kind, p->bits);
    uint32_t attempt = a->attempts ? a->attempts[i] : a->attempt;

    if (a->step[i] != p->step || !same_double(a->wall[i], p->wall) || a->bits[i] != bits ||
        attempt != p->attempt)
        fail_msg("seed %llu: point %zu is %lld/%a/%llx/%u, should be %lld/%a/%llx/%u",
                 (unsigned long long)seed, i, (long long)a->step[i], a->wall[i],
                 (unsigned long long)a->bits[i], attempt, (long long)p->step, p->wall,
                 (unsigned long long)bits, p->attempt);
}

static void expect_references(struct series *series, enum view view,
                              const struct model_point *points, size_t count)
{
    struct value_place *places;
    size_t n;

    assert_int_equal(series_references(series, view, &places, &n), 0);
    assert_int_equal(n, count);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(places[i].reference.step, points[i].step);
        assert_int_equal(places[i].reference.record, points[i].event * 10);
        assert_string_equal(places[i].path, points[i].file->path);
        assert_int_equal(places[i].generation, points[i].file->number);
        assert_int_equal(places[i].attempt, points[i].attempt);
    }
    free(places);
}

/* One series in one view is what the model says. */
static void expect_series(struct world *w, int tag, enum view view, uint64_t seed)
{
    size_t count, other;
    struct model_point *points =
        model_points(w, tag, view == VIEW_STITCHED, &count, &other);
    struct series *series = world_series(w, tag);
    struct query query = {.axis = AXIS_STEP, .view = view};
    struct series_summary summary;
    struct answer a;

    if (!series) {
        assert_int_equal(count + other, 0);
        free(points);
        return;
    }
    assert_int_equal(series_summarize(series, view, &summary), 0);
    assert_int_equal(summary.other, other);
    if (summary.count != count)
        fail_msg("seed %llu: %llu points in the summary, should be %zu", (unsigned long long)seed,
                 (unsigned long long)summary.count, count);
    if (summary.meta.kind != SERIES_SCALAR) {
        expect_references(series, view, points, count);
        free(points);
        return;
    }
    assert_int_equal(series_query(series, &query, &a), 0);
    if (a.count != count)
        fail_msg("seed %llu: %zu points, should be %zu", (unsigned long long)seed, a.count, count);
    for (size_t i = 0; i < count; i++)
        expect_point(&a, i, &points[i], seed);
    if (count > 0) {
        assert_int_equal(summary.first_step, points[0].step);
        assert_int_equal(summary.last_step, points[count - 1].step);
        assert_int_equal(summary.last_bits, points[count - 1].bits);
    }
    answer_done(&a);
    free(points);
}

static void expect_run(struct world *w, uint64_t seed)
{
    struct run_summary summary;
    uint64_t points = 0, hidden = 0;

    for (int tag = 0; tag < WORLD_TAGS; tag++) {
        expect_series(w, tag, VIEW_STITCHED, seed);
        expect_series(w, tag, VIEW_ALL, seed);
        for (int tensor = 0; tensor < 2; tensor++) {
            size_t all, shown, other;
            free(model_points(w, tag, false, &all, &other));
            free(model_points(w, tag, true, &shown, &other));
            struct series *series = world_series(w, tag);
            struct series_summary s;
            if (tensor || !series || series_summarize(series, VIEW_ALL, &s) < 0 ||
                s.meta.kind != SERIES_SCALAR)
                continue;
            points += all;
            hidden += all - shown;
        }
    }
    run_summarize(w->run, &summary);
    if (w->simple) {
        assert_int_equal(summary.points, points);
        assert_int_equal(summary.hidden, hidden);
    }
}

static void feed_somehow(struct world *w)
{
    size_t f = world_random(w, w->n_files);

    world_feed(w, f, 1 + world_random(w, world_random(w, 2) ? 5 : 150));
}

static bool all_fed(const struct world *w)
{
    for (size_t i = 0; i < w->n_files; i++) {
        if (w->files[i].fed < w->files[i].count)
            return false;
    }
    return true;
}

static void test_answers_are_a_function_of_the_bytes(void **state)
{
    for (uint64_t seed = first_seed(); seed < first_seed() + rounds(); seed++) {
        struct world w;
        world_make(&w, seed, seed % 2 == 0);
        for (int order = 0; order < 2; order++) {
            world_open(&w);
            while (!all_fed(&w)) {
                feed_somehow(&w);
                if (world_random(&w, 3) == 0)
                    world_commit(&w);
                if (world_random(&w, 12) == 0) {
                    world_commit(&w);
                    expect_run(&w, seed);
                }
            }
            world_commit(&w);
            expect_run(&w, seed);
            world_close(&w);
        }
    }
}

/* ---- news -------------------------------------------------------------------------------- */

struct client {
    enum view view;
    int tag;
    bool watching;
    uint64_t cursor;
    struct model_point points[WORLD_FILES * WORLD_EVENTS];
    size_t count;
};

static void take(struct client *c, const struct answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        enum value_kind kind = a->kinds ? a->kinds[i] : a->kind;
        assert_true(c->count < WORLD_FILES * WORLD_EVENTS);
        c->points[c->count++] = (struct model_point){
            .step = a->step[i], .wall = a->wall[i], .bits = as_f64(kind, a->bits[i]),
            .attempt = a->attempts ? a->attempts[i] : a->attempt};
    }
}

static void ask_history(struct client *c, struct series *series)
{
    struct query query = {.axis = AXIS_STEP, .view = c->view};
    struct answer a;

    assert_int_equal(series_query(series, &query, &a), 0);
    c->count = 0;
    take(c, &a);
    c->cursor = a.ordinal;
    c->watching = true;
    answer_done(&a);
}

static void drop_from(struct client *c, int64_t step)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (c->points[i].step < step)
            c->points[kept++] = c->points[i];
    }
    c->count = kept;
}

static void ask_news(struct client *c, struct series *series)
{
    struct news news;

    assert_int_equal(series_news(series, c->view, c->cursor, 0, &news), 0);
    if (news.kind == NEWS_BEHIND) {
        news_done(&news);
        ask_history(c, series);
        return;
    }
    for (size_t i = 0; i < news.n_truncations; i++) {
        assert_int_equal(c->view, VIEW_STITCHED);
        drop_from(c, news.truncate[i]);
    }
    if (c->view == VIEW_ALL && news.kind == NEWS_POINTS)
        assert_int_equal(news.ordinal - c->cursor, news.points.count);
    take(c, &news.points);
    c->cursor = news.ordinal;
    news_done(&news);
}

static void expect_client(struct client *c, struct world *w, uint64_t seed)
{
    size_t count, other;
    struct model_point *points =
        model_points(w, c->tag, c->view == VIEW_STITCHED, &count, &other);

    if (count > 0 && points[0].tensor)
        count = 0;
    for (size_t i = 0; i < count; i++)
        points[i].bits = as_f64(points[i].kind, points[i].bits);
    model_sort_free(points, count);
    model_sort_free(c->points, c->count);
    if (count != c->count)
        fail_msg("seed %llu: client of tag %d holds %zu points, should hold %zu",
                 (unsigned long long)seed, c->tag, c->count, count);
    for (size_t i = 0; i < count; i++) {
        if (points[i].step != c->points[i].step || points[i].bits != c->points[i].bits ||
            points[i].attempt != c->points[i].attempt ||
            !same_double(points[i].wall, c->points[i].wall))
            fail_msg("seed %llu: client of tag %d differs at %zu", (unsigned long long)seed,
                     c->tag, i);
    }
    free(points);
}

static void serve(struct client *c, struct world *w, uint64_t seed)
{
    struct series *series = world_series(w, c->tag);

    if (!series)
        return;
    if (c->watching)
        ask_news(c, series);
    else
        ask_history(c, series);
    expect_client(c, w, seed);
}

static void follow(uint64_t seed, bool simple, bool replays)
{
    struct world w;
    struct client *clients = calloc(2 * WORLD_TAGS, sizeof *clients);

    assert_non_null(clients);
    for (int i = 0; i < 2 * WORLD_TAGS; i++) {
        clients[i].tag = i / 2;
        clients[i].view = i % 2 ? VIEW_ALL : VIEW_STITCHED;
    }
    world_make(&w, seed, simple);
    world_open(&w);
    while (!all_fed(&w)) {
        feed_somehow(&w);
        if (replays && world_random(&w, 15) == 0) {
            size_t f = world_random(&w, w.n_files);
            world_replay(&w, f, w.files[f].fed);
        }
        if (world_random(&w, 2) == 0)
            continue;
        world_commit(&w);
        for (int i = 0; i < 2 * WORLD_TAGS; i++) {
            if (world_random(&w, 3) > 0)
                serve(&clients[i], &w, seed);
        }
    }
    world_commit(&w);
    for (int i = 0; i < 2 * WORLD_TAGS; i++)
        serve(&clients[i], &w, seed);
    expect_run(&w, seed);
    world_close(&w);
    free(clients);
}

static void test_history_and_news_equal_a_fresh_query(void **state)
{
    for (uint64_t seed = first_seed(); seed < first_seed() + rounds(); seed++)
        follow(seed, seed % 2 == 0, false);
}

static void test_replays_are_resets_and_change_nothing_else(void **state)
{
    for (uint64_t seed = first_seed(); seed < first_seed() + rounds(); seed++)
        follow(seed + 100000, seed % 2 == 0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_are_a_function_of_the_bytes),
        cmocka_unit_test(test_history_and_news_equal_a_fresh_query),
        cmocka_unit_test(test_replays_are_resets_and_change_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
