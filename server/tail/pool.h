/* pool.h: the threads that read, and who reads what when.
 *
 * A task is one run's reading. It is in at most one place at a time: idle, queued, or with exactly
 * one worker; a wake while it runs makes it run once more. Two queues: live tasks (something just
 * changed) go before backlog (bytes that were there before); jobs handed in by pool_offload() go
 * before both. A task may also ask to be woken at a time.
 *
 * Before: discover wakes tasks. After: source reads. Threads: any may wake; one mutex guards the
 * queues, every task's state, and whatever its users keep "under the pool's lock".
 *
 * Invariants:
 *   1. `turn` of one task never overlaps itself; a later turn sees all that an earlier one wrote.
 *   2. Jobs are all done before pool_stop() returns; turns are not started any more after it began.
 */
#ifndef TB_TAIL_POOL_H
#define TB_TAIL_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum pool_place { POOL_IDLE, POOL_QUEUED, POOL_RUNNING, POOL_AGAIN };

struct pool_task {
    struct pool_task *next;
    enum pool_place place;
    bool live;         /* of a queued or repeated task: which queue */
    int64_t due_ns;    /* when to be woken, -1: never */
    size_t heap_place; /* 1 + index among the waiting, 0: not waiting */
};

/* What a turn says at its end. */
struct pool_verdict {
    bool more;      /* there is backlog: queue it again behind the others */
    int64_t due_ns; /* wake it then (clock of the pool), -1: never */
};

/* Work that is no turn. */
struct pool_job {
    struct pool_job *next;
    void (*fn)(void *ctx);
    void *ctx;
    bool borrowed; /* its maker's, who waits for it or withdraws it; else the pool's */
};

struct pool_queue {
    struct pool_task *head, **tail;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t moved; /* broadcast by borrowed jobs for those who wait for them */
    struct pool_queue live, backlog;
    struct pool_job *jobs, **jobs_tail;
    struct pool_task **heap;
    size_t waiting, heap_capacity;
    pthread_t *threads;
    unsigned workers, asleep;
    const struct clock *clock;
    atomic_bool stopping;
    struct pool_verdict (*turn)(struct pool_task *task);
};

/* Starts `workers` threads. 0 or -errno. */
_must_check_ int pool_start(struct pool *pool, unsigned workers, const struct clock *clock,
                            struct pool_verdict (*turn)(struct pool_task *task));
/* Ends the threads after the turns and jobs at hand; no task is touched any more. */
void pool_stop(struct pool *pool);
/* After pool_stop(), when nobody needs the lock any more. */
void pool_done(struct pool *pool);

void pool_lock(struct pool *pool);
void pool_unlock(struct pool *pool);

/* With the lock held: the task gets a turn. */
void pool_wake_locked(struct pool *pool, struct pool_task *task, bool live);
/* Any thread, also a worker's: fn(ctx) before further turns. 0 or -ENOMEM. */
_must_check_ int pool_offload(struct pool *pool, void (*fn)(void *ctx), void *ctx);

/* Does anybody wait for a worker? Borrowed jobs aside. */
bool pool_wanted(struct pool *pool);

/* With the lock held: a borrowed job goes into the queue; and out of it again if nobody has begun
 * it (false: somebody has). */
void pool_lend_locked(struct pool *pool, struct pool_job *job);
_must_check_ bool pool_withdraw_locked(struct pool *pool, struct pool_job *job);

static inline bool pool_stopping(struct pool *pool)
{
    return atomic_load_explicit(&pool->stopping, memory_order_relaxed);
}

#endif
