/* Walks against whole answers: whatever the files look like, the pieces together are the answer
 * that one query gives, and stay so while the run goes on. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/walk.h"
#include "store_world.h"

enum { STEP = 7 };

static uint32_t attempt_of(const struct answer *a, size_t i)
{
    return a->attempts ? a->attempts[i] : a->attempt;
}

static enum value_kind kind_of(const struct answer *a, size_t i)
{
    return a->kinds ? (enum value_kind)a->kinds[i] : a->kind;
}

static void assert_same_points(const struct answer *all, size_t at, const struct answer *piece)
{
    assert_true(at + piece->count <= all->count);
    assert_memory_equal(all->step + at, piece->step, piece->count * sizeof *piece->step);
    assert_memory_equal(all->wall + at, piece->wall, piece->count * sizeof *piece->wall);
    for (size_t i = 0; i < piece->count; i++) {
        assert_int_equal(attempt_of(all, at + i), attempt_of(piece, i));
        assert_int_equal(kind_of(all, at + i), kind_of(piece, i));
        assert_true(all->bits[at + i] == piece->bits[i]);
    }
}

/* Goes to the end (or `most` steps); returns how many points came. */
static size_t assert_walks(struct walk *walk, const struct answer *all, size_t at, size_t most)
{
    struct answer piece;

    for (size_t n = 0; n < most; n++) {
        int r = walk_next(walk, &piece);

        assert_true(r >= 0);
        if (r == 0)
            return at;
        assert_in_range(piece.count, 1, walk->step);
        assert_true(walk->held.cap <= walk_points(walk));
        assert_same_points(all, at, &piece);
        at += piece.count;
        assert_int_equal(piece.complete, all->complete && at == all->count);
        assert_true(piece.ordinal == all->ordinal);
        answer_done(&piece);
    }
    return at;
}

static void assert_walk_is_answer(struct series *series, const struct query *query)
{
    struct answer all, head;
    struct walk *walk = NULL;

    assert_int_equal(series_query(series, query, &all), 0);
    assert_int_equal(walk_new(series, query, 0, STEP, &head, &walk), 0);
    if (!walk) {
        assert_int_equal(all.count, 0);
        answer_done(&head);
    } else {
        assert_int_equal(head.count, all.count);
        assert_int_equal(head.attempt, all.attempt);
        assert_int_equal(head.kind, all.kind);
        assert_int_equal(head.complete, all.complete);
        assert_int_equal(assert_walks(walk, &all, 0, SIZE_MAX), all.count);
        walk_rewind(walk);
        assert_int_equal(assert_walks(walk, &all, 0, SIZE_MAX), all.count);
    }
    walk_free(walk);
    answer_done(&all);
}

static struct query random_query(struct world *w)
{
    struct query q = {.axis = (enum axis)world_random(w, 3),
                      .view = world_random(w, 2) ? VIEW_ALL : VIEW_STITCHED,
                      .limited = world_random(w, 2)};
    int64_t from = (int64_t)world_random(w, 300), size = (int64_t)world_random(w, 300);

    q.from_step = from;
    q.to_step = from + size;
    q.from = q.axis == AXIS_WALL ? 1000.0 + (double)from : (double)from;
    q.to = q.from + (double)size;
    return q;
}

static void test_the_pieces_are_the_answer(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world w = {0};

        world_make(&w, seed, seed % 2);
        world_open(&w);
        for (int turn = 0; turn < 12; turn++) {
            for (size_t f = 0; f < w.n_files; f++)
                world_feed(&w, f, (size_t)world_random(&w, 120));
            world_commit(&w);
            for (int tag = 0; tag < WORLD_TAGS; tag++) {
                struct query q = random_query(&w);

                if (world_series(&w, tag))
                    assert_walk_is_answer(world_series(&w, tag), &q);
            }
        }
        world_close(&w);
    }
}

/* ---- one long lane ----------------------------------------------------------------------- */

struct rig {
    struct store *store;
    struct run *run;
    struct generation *generation;
    struct lane *lane;
    int64_t next;
};

static void rig_open(struct rig *rig)
{
    struct run_info info = {.id = "r", .name = "r"};
    struct series_meta meta = {.kind = SERIES_SCALAR};

    *rig = (struct rig){.store = store_new(&(struct store_options){.epoch = 1})};
    rig->run = store_run(rig->store, &info);
    rig->generation = run_generation(rig->run, "", "a", 0);
    rig->lane = generation_lane(rig->generation, (struct text){"x", 1}, &meta, 0);
}

static void rig_add(struct rig *rig, size_t count)
{
    for (size_t i = 0; i < count; i++, rig->next++) {
        generation_event(rig->generation, (uint64_t)rig->next, 1000.0 + (double)rig->next, true);
        assert_int_equal(lane_add(rig->lane, rig->next, 1000.0 + (double)rig->next, VALUE_F64,
                                  (uint64_t)rig->next * 7), 0);
    }
    assert_int_equal(run_commit(rig->run), 0);
}

static struct series *rig_series(struct rig *rig)
{
    return run_find_series(rig->run, (struct text){"", 0}, (struct text){"x", 1});
}

static void test_what_comes_later_is_left_out(void **state)
{
    struct query query = {.view = VIEW_ALL};
    struct answer all, head;
    struct walk *walk;
    struct rig rig;
    size_t at = 0;

    rig_open(&rig);
    rig_add(&rig, 3 * LIMIT_CHUNK_POINTS + 77);
    assert_int_equal(series_query(rig_series(&rig), &query, &all), 0);
    assert_int_equal(walk_new(rig_series(&rig), &query, 0, 100, &head, &walk), 0);
    for (int turn = 0; turn < 40; turn++) {
        at = assert_walks(walk, &all, at, 3);
        rig_add(&rig, (size_t)turn * 50);
    }
    assert_int_equal(assert_walks(walk, &all, at, SIZE_MAX), all.count);
    walk_free(walk);
    answer_done(&all);
    store_free(rig.store);
}

static void test_what_is_hidden_later_is_given(void **state)
{
    struct query query = {.view = VIEW_STITCHED};
    struct series_meta meta = {.kind = SERIES_SCALAR};
    struct answer all, head;
    struct walk *walk;
    struct rig rig;

    rig_open(&rig);
    rig_add(&rig, 2 * LIMIT_CHUNK_POINTS);
    assert_int_equal(series_query(rig_series(&rig), &query, &all), 0);
    assert_int_equal(walk_new(rig_series(&rig), &query, 0, 100, &head, &walk), 0);
    rig.generation = run_generation(rig.run, "", "b", 0);
    rig.lane = generation_lane(rig.generation, (struct text){"x", 1}, &meta, 0);
    for (int64_t i = 0; i < 3; i++) {
        generation_event(rig.generation, (uint64_t)i, 1e6 + (double)i, true);
        assert_int_equal(lane_add(rig.lane, 10 + i, 1e6 + (double)i, VALUE_F64, 0), 0);
    }
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(assert_walks(walk, &all, 0, SIZE_MAX), 2 * LIMIT_CHUNK_POINTS);
    walk_free(walk);
    answer_done(&all);
    store_free(rig.store);
}

static void test_a_reset_ends_a_walk(void **state)
{
    struct query query = {.view = VIEW_ALL};
    struct series_meta meta = {.kind = SERIES_SCALAR};
    struct answer head, piece;
    struct walk *walk;
    struct rig rig;

    rig_open(&rig);
    rig_add(&rig, 2 * LIMIT_CHUNK_POINTS);
    assert_int_equal(walk_new(rig_series(&rig), &query, 0, 100, &head, &walk), 0);
    assert_int_equal(walk_next(walk, &piece), 1);
    answer_done(&piece);
    assert_int_equal(generation_replay_begin(rig.generation), 0);
    rig.lane = generation_lane(rig.generation, (struct text){"x", 1}, &meta, 0);
    rig.next = 0;
    rig_add(&rig, 10);
    assert_int_equal(generation_replay_end(rig.generation), 0);
    assert_int_equal(run_commit(rig.run), 0);
    for (int r = 1; r != -ESTALE;) {
        r = walk_next(walk, &piece);
        assert_int_not_equal(r, 0);
        if (r > 0)
            answer_done(&piece);
    }
    walk_free(walk);
    store_free(rig.store);
}

static void test_memory_is_that_of_a_step(void **state)
{
    struct query query = {.view = VIEW_ALL};
    struct answer head;
    struct walk *walk;
    struct rig rig;
    uint64_t count;

    rig_open(&rig);
    rig_add(&rig, 100 * LIMIT_CHUNK_POINTS);
    for (enum axis axis = AXIS_STEP; axis <= AXIS_RELATIVE; axis++) {
        query.axis = axis;
        assert_int_equal(series_walk(rig_series(&rig), &query, &head, &walk), 0);
        assert_non_null(walk);
        assert_true(walk_points(walk) < 8 * WALK_PIECE);
        walk_free(walk);
    }
    assert_int_equal(series_count(rig_series(&rig), &query, &count), 0);
    assert_int_equal(count, 100 * LIMIT_CHUNK_POINTS);
    query.width = 50;
    assert_int_equal(series_count(rig_series(&rig), &query, &count), 0);
    assert_int_equal(count, 51);
    store_free(rig.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pieces_are_the_answer),
        cmocka_unit_test(test_what_comes_later_is_left_out),
        cmocka_unit_test(test_what_is_hidden_later_is_given),
        cmocka_unit_test(test_a_reset_ends_a_walk),
        cmocka_unit_test(test_memory_is_that_of_a_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
