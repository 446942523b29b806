/* Reading ahead: every piece arrives once and in order, whoever carries it; an error stops it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tail/ahead.h"

enum { PIECES = 500 };

struct reader {
    struct pool_task task; /* first: a task is its reader */
    struct pool *pool;
    unsigned refuse_at; /* number of the piece that is refused; 0: none */
    unsigned next;      /* number expected by give() */
    int pushed, settled;
    uint64_t error_offset;
    _Atomic unsigned finished;
};

static int give(void *ctx, const struct ef_item *item)
{
    struct reader *r = ctx;

    assert_int_equal(item->offset, r->next);
    r->next++;
    return r->refuse_at != 0 && item->offset == r->refuse_at ? -12 : 0;
}

static struct pool_verdict turn(struct pool_task *task)
{
    struct reader *r = (struct reader *)task;
    struct ahead ahead;

    ahead_init(&ahead, r->pool, give, r);
    for (unsigned i = 0; i < PIECES && r->pushed == 0; i++) {
        struct ef_item item = {.kind = EF_ITEM_RECORDS, .offset = i};
        r->pushed = ahead_push(&ahead, &item, NULL);
    }
    r->settled = ahead_settle(&ahead);
    r->error_offset = ahead.error_offset;
    r->finished = 1;
    return (struct pool_verdict){.due_ns = -1};
}

static void run(struct reader *readers, unsigned count, unsigned workers)
{
    struct timespec pause = {.tv_nsec = 1000000};
    struct pool pool;

    assert_int_equal(pool_start(&pool, workers, NULL, turn), 0);
    pool_lock(&pool);
    for (unsigned i = 0; i < count; i++) {
        readers[i].pool = &pool;
        readers[i].task.due_ns = -1;
        pool_wake_locked(&pool, &readers[i].task, false);
    }
    pool_unlock(&pool);
    for (unsigned i = 0; i < count; i++)
        for (unsigned tries = 0; !readers[i].finished && tries < 20000; tries++)
            nanosleep(&pause, NULL);
    pool_stop(&pool);
    pool_done(&pool);
}

static void check_whole(unsigned count, unsigned workers)
{
    struct reader readers[8] = {0};

    run(readers, count, workers);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(readers[i].finished, 1);
        assert_int_equal(readers[i].settled, 0);
        assert_int_equal(readers[i].next, PIECES);
    }
}

static void one_worker_carries_its_own_pieces(void **state)
{
    check_whole(1, 1);
}

static void another_worker_carries_them_in_order(void **state)
{
    check_whole(1, 4);
}

static void more_readers_than_workers_get_through(void **state)
{
    check_whole(8, 3);
}

static void a_refused_piece_is_the_last(void **state)
{
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct reader reader = {.refuse_at = 100};
        run(&reader, 1, workers);
        assert_int_equal(reader.settled, -12);
        assert_int_equal(reader.error_offset, 100);
        assert_int_equal(reader.next, 101);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_carries_its_own_pieces),
        cmocka_unit_test(another_worker_carries_them_in_order),
        cmocka_unit_test(more_readers_than_workers_get_through),
        cmocka_unit_test(a_refused_piece_is_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
