/* The workers: one turn of a task at a time, none lost; live before backlog; jobs before both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "tail/pool.h"

enum { TASKS = 50, WAKES = 20000 };

struct counted {
    struct pool_task task;
    atomic_flag busy;
    int turns;           /* plain: the pool orders the turns of a task */
    _Atomic int wanted, served, again;
    int64_t due_ns;
};

static struct counted counted[TASKS];
static char order[64];

static void reset(void)
{
    memset(counted, 0, sizeof counted);
    memset(order, 0, sizeof order);
    for (size_t i = 0; i < TASKS; i++)
        counted[i].due_ns = -1;
}

static struct pool_verdict turn(struct pool_task *task)
{
    struct counted *c = (struct counted *)task;
    struct pool_verdict verdict = {.due_ns = c->due_ns};

    CHECK(!atomic_flag_test_and_set(&c->busy));
    c->turns++;
    atomic_store(&c->served, atomic_load(&c->wanted));
    verdict.more = atomic_fetch_sub(&c->again, 1) > 0;
    if (!verdict.more)
        atomic_store(&c->again, 0);
    atomic_flag_clear(&c->busy);
    return verdict;
}

static void wake(struct pool *pool, struct counted *c, bool live)
{
    pool_lock(pool);
    pool_wake_locked(pool, &c->task, live);
    pool_unlock(pool);
}

static void wait_served(struct counted *c)
{
    while (atomic_load(&c->served) != atomic_load(&c->wanted) || atomic_load(&c->again) > 0)
        usleep(200);
}

static void every_wake_is_followed_by_a_turn(void **state)
{
    struct pool pool;

    reset();
    assert_int_equal(pool_start(&pool, 3, NULL, turn), 0);
    for (int i = 0; i < WAKES; i++) {
        struct counted *c = &counted[i * 7 % TASKS];
        atomic_fetch_add(&c->wanted, 1);
        if (i % 5 == 0)
            atomic_fetch_add(&c->again, 1);
        wake(&pool, c, i % 2);
    }
    for (size_t i = 0; i < TASKS; i++)
        wait_served(&counted[i]);
    pool_stop(&pool);
    pool_done(&pool);
    for (size_t i = 0; i < TASKS; i++)
        assert_true(counted[i].turns > 0);
}

static void a_task_is_woken_when_it_is_due(void **state)
{
    struct clock clock = {.now_ns = 1000};
    struct pool pool;

    reset();
    for (int i = 0; i < TASKS; i++)
        counted[i].due_ns = 1000 + (TASKS - i) * NS_PER_S;
    assert_int_equal(pool_start(&pool, 2, &clock, turn), 0);
    for (int i = 0; i < TASKS; i++) {
        atomic_fetch_add(&counted[i].wanted, 1);
        wake(&pool, &counted[i], true);
        wait_served(&counted[i]);
    }
    for (int i = TASKS - 1; i >= 0; i--) {
        atomic_fetch_add(&counted[i].wanted, 1);
        usleep(100);
        assert_int_not_equal(atomic_load(&counted[i].served), 2);
        pool_lock(&pool);
        counted[i].due_ns = -1;
        pool_unlock(&pool);
        clock_advance(&clock, NS_PER_S);
        wait_served(&counted[i]);
    }
    pool_stop(&pool);
    pool_done(&pool);
}

static struct pool_verdict note_turn(struct pool_task *task)
{
    struct counted *c = (struct counted *)task;

    order[strlen(order)] = (char)('a' + (c - counted));
    return (struct pool_verdict){.due_ns = -1};
}

static void hold(void *ctx)
{
    while (!atomic_load((atomic_bool *)ctx))
        usleep(200);
}

static void note_job(void *ctx)
{
    order[strlen(order)] = 'J';
}

static void jobs_then_live_then_backlog(void **state)
{
    static atomic_bool go;
    struct pool pool;

    reset();
    assert_int_equal(pool_start(&pool, 1, NULL, note_turn), 0);
    assert_int_equal(pool_offload(&pool, hold, &go), 0);
    wake(&pool, &counted[0], false);
    wake(&pool, &counted[1], false);
    wake(&pool, &counted[2], true);
    wake(&pool, &counted[3], true);
    assert_int_equal(pool_offload(&pool, note_job, NULL), 0);
    atomic_store(&go, true);
    for (int i = 0; i < 10000; i++) {
        pool_lock(&pool);
        bool done = strlen(order) == 5;
        pool_unlock(&pool);
        if (done)
            break;
        usleep(1000);
    }
    assert_int_equal(pool_offload(&pool, note_job, NULL), 0);
    pool_stop(&pool); /* pending jobs are done first */
    pool_done(&pool);
    assert_string_equal(order, "JcdabJ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wake_is_followed_by_a_turn),
        cmocka_unit_test(a_task_is_woken_when_it_is_due),
        cmocka_unit_test(jobs_then_live_then_backlog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
