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

#include "store_expect.h"

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
            .step = a->step[i], .wall = a->wall[i], .bits = expect_as_f64(kind, a->bits[i]),
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
        points[i].bits = expect_as_f64(points[i].kind, points[i].bits);
    model_sort_free(points, count);
    model_sort_free(c->points, c->count);
    if (count != c->count)
        fail_msg("seed %llu: client of tag %d holds %zu points, should hold %zu",
                 (unsigned long long)seed, c->tag, c->count, count);
    for (size_t i = 0; i < count; i++) {
        if (points[i].step != c->points[i].step || points[i].bits != c->points[i].bits ||
            points[i].attempt != c->points[i].attempt ||
            !expect_same_double(points[i].wall, c->points[i].wall))
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
