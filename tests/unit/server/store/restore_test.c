/* A store made from segments answers as one that read the files: at every flush, after merges,
 * restarts and replays, in both views (the model of tests/lib/store_world.h says what is right). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "store/restore.h"
#include "store/snapshot.h"
#include "store_chain.h"
#include "store_expect.h"

static uint64_t number(const char *name, uint64_t usual)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : usual;
}

static bool all_fed(const struct world *w)
{
    for (size_t i = 0; i < w->n_files; i++) {
        if (w->files[i].fed < w->files[i].count)
            return false;
    }
    return true;
}

static void feed_somehow(struct world *w)
{
    size_t f = world_random(w, w->n_files);

    if (w->files[f].generation)
        generation_place(w->files[f].generation, NULL);
    world_feed(w, f, 1 + world_random(w, world_random(w, 2) ? 5 : 150));
}

static void flush_somehow(struct chain *chain, struct world *w)
{
    bool merge = chain->count > 0 && world_random(w, 4) == 0;
    size_t base = merge ? world_random(w, chain->count) : 0;

    chain_place(w, false);
    chain_flush(chain, w->run, base, merge, world_random(w, 8) > 0, world_random(w, 2) == 0);
}

static void live(uint64_t seed, bool simple, bool replays)
{
    struct world w;
    struct chain chain = {0};

    world_make(&w, seed, simple);
    world_open(&w);
    for (int step = 0; !all_fed(&w) || step < 20; step++) {
        feed_somehow(&w);
        if (replays && world_random(&w, 15) == 0) {
            size_t f = world_random(&w, w.n_files);
            world_replay(&w, f, w.files[f].fed);
        }
        if (world_random(&w, 3) == 0)
            world_commit(&w);
        if (world_random(&w, 3) == 0)
            flush_somehow(&chain, &w);
        if (world_random(&w, 12) == 0) {
            chain_restart(&chain, &w);
            expect_run(&w, seed);
        }
        if (world_random(&w, 12) == 0) {
            world_commit(&w);
            expect_run(&w, seed);
        }
    }
    world_commit(&w);
    expect_run(&w, seed);
    chain_place(&w, true);
    chain_flush(&chain, w.run, 0, false, true, true);
    expect_run(&w, seed);
    chain_restart(&chain, &w);
    assert_true(all_fed(&w)); /* nothing is read again */
    expect_run(&w, seed);
    world_close(&w);
    chain_done(&chain);
}

static void test_a_restored_store_answers_as_one_that_read_the_files(void **state)
{
    uint64_t first = number("STORE_SEED", 1), rounds = number("STORE_ROUNDS", 60);

    for (uint64_t seed = first; seed < first + rounds; seed++)
        live(seed, seed % 2 == 0, false);
}

static void test_the_same_with_replays(void **state)
{
    uint64_t first = number("STORE_SEED", 1), rounds = number("STORE_ROUNDS", 60);

    for (uint64_t seed = first; seed < first + rounds; seed++)
        live(seed + 100000, seed % 2 == 0, true);
}

/* ---- long lanes -------------------------------------------------------------------------- */

static const struct run_info info = {"r1", "run", "experiment", "/logs/run", false};
static const struct series_meta meta = {.kind = SERIES_SCALAR};
static const struct text tag = {"loss", 4};

static void add_points(struct generation *g, uint64_t from, uint64_t count)
{
    struct lane *lane = generation_lane(g, tag, &meta, 0);

    assert_non_null(lane);
    for (uint64_t i = from; i < from + count; i++) {
        generation_event(g, i * 10, 1000 + (double)i, true);
        assert_int_equal(lane_add(lane, (int64_t)i, 1000 + (double)i, VALUE_F32, i & 0xffff), 0);
    }
}

static void commit_and_place(struct run *run, struct generation *g, uint64_t count)
{
    struct place place = {.offset = count * 10};

    assert_int_equal(run_commit(run), 0);
    generation_place(g, &place);
}

static void expect_points(struct run *run, uint64_t count)
{
    struct series *series = run_find_series(run, (struct text){"", 0}, tag);
    struct query query = {.axis = AXIS_STEP};
    struct answer a;

    assert_non_null(series);
    assert_int_equal(series_query(series, &query, &a), 0);
    assert_int_equal(a.count, count);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(a.step[i], i);
        assert_int_equal(a.bits[i], i & 0xffff);
    }
    answer_done(&a);
}

/* Around every edge of blocks and chunks: flushed, restored, gone on, flushed and restored. */
static void test_a_lane_goes_on_where_its_open_chunk_ended(void **state)
{
    static const uint64_t sizes[] = {1, 63, 64, 65, 4095, 4096, 4097, 4159, 4160, 4161, 8192, 9000};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (int tails = 0; tails < 2; tails++) {
            struct chain chain = {0};
            struct store *store = store_new(NULL);
            struct run *run = store_run(store, &info);
            struct generation *g = run_generation(run, "", "a", 1);
            uint64_t count = sizes[i];
            int r;
            add_points(g, 0, count);
            commit_and_place(run, g, count);
            assert_int_equal(chain_flush(&chain, run, 0, false, true, tails), 1);
            expect_points(run, count);
            for (int round = 0; round < 4; round++) {
                if (round % 2 == 0) {
                    store_free(store);
                    store = store_new(NULL);
                    run = chain_restore(&chain, store, &r);
                    assert_non_null(run);
                    g = run_find_generation(run, "a", 1);
                }
                expect_points(run, count);
                add_points(g, count, sizes[(i + (size_t)round) % 5]);
                count += sizes[(i + (size_t)round) % 5];
                commit_and_place(run, g, count);
                expect_points(run, count);
                assert_int_equal(chain_flush(&chain, run, 0, round == 3, true, tails), 1);
                expect_points(run, count);
            }
            struct store_stats stats;
            store_stats(store, &stats);
            assert_int_equal(stats.chunks, tails ? (count + 4095) / 4096 : stats.chunks);
            store_free(store);
            chain_done(&chain);
        }
    }
}

static void test_nothing_new_makes_no_segment(void **state)
{
    struct chain chain = {0};
    struct store *store = store_new(NULL);
    struct run *run = store_run(store, &info);
    struct generation *g = run_generation(run, "", "a", 1);

    add_points(g, 0, 100);
    assert_int_equal(chain_flush(&chain, run, 0, false, true, true), 0); /* not committed */
    assert_int_equal(run_commit(run), 0);
    assert_int_equal(chain_flush(&chain, run, 0, false, true, true), 0); /* not placed */
    commit_and_place(run, g, 100);
    assert_int_equal(chain_flush(&chain, run, 0, false, true, true), 1);
    assert_int_equal(chain_flush(&chain, run, 0, false, true, true), 0);
    store_free(store);
    chain_done(&chain);
}

static void test_a_chunk_that_is_not_what_it_was_is_an_error_and_told(void **state)
{
    struct chain chain = {0};
    struct store *store = store_new(NULL);
    struct run *run = store_run(store, &info);
    struct generation *g = run_generation(run, "", "a", 1);
    struct query query = {.axis = AXIS_STEP};
    struct answer a;

    add_points(g, 0, 10000);
    commit_and_place(run, g, 10000);
    assert_int_equal(chain_flush(&chain, run, 0, false, true, true), 1);
    chain.files[0]->data[300] ^= 1;
    assert_true(series_query(run_find_series(run, (struct text){"", 0}, tag), &query, &a) < 0);
    assert_true(chain.files[0]->broken > 0);
    chain.files[0]->data[300] ^= 1;
    expect_points(run, 10000);
    store_free(store);
    chain_done(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restored_store_answers_as_one_that_read_the_files),
        cmocka_unit_test(test_the_same_with_replays),
        cmocka_unit_test(test_a_lane_goes_on_where_its_open_chunk_ended),
        cmocka_unit_test(test_nothing_new_makes_no_segment),
        cmocka_unit_test(test_a_chunk_that_is_not_what_it_was_is_an_error_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
