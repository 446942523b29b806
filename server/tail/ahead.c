#include "tail/ahead.h"

#include <time.h>

#include "base/check.h"

#define TAKER_NS (2 * NS_PER_MS) /* longer than any wake-up; lost only if nobody comes */

/* Hands the pieces on until there is none. Called and left with the lock held. */
static void drain_locked(struct ahead *ahead)
{
    DCHECK(!ahead->running && !ahead->lent);
    ahead->running = true;
    while (ahead->count > 0) {
        unsigned at = ahead->first;
        bool wanted = ahead->error == 0;
        int r = 0;
        pool_unlock(ahead->pool);
        if (wanted)
            r = ahead->give(ahead->ctx, &ahead->pieces[at].item);
        ef_buffer_give(ahead->pieces[at].buffer);
        pool_lock(ahead->pool);
        if (r < 0) {
            ahead->error = r;
            ahead->error_offset = ahead->pieces[at].item.offset;
        }
        ahead->first = (at + 1) % AHEAD_DEPTH;
        ahead->count--;
        pthread_cond_broadcast(&ahead->pool->moved);
    }
    ahead->running = false;
    pthread_cond_broadcast(&ahead->pool->moved);
}

static void drain_job(void *ctx)
{
    struct ahead *ahead = ctx;
    struct pool *pool = ahead->pool; /* the rest is gone once the lock is given up */

    pool_lock(pool);
    ahead->lent = false;
    pthread_cond_broadcast(&pool->moved);
    drain_locked(ahead);
    pool_unlock(pool);
}

void ahead_init(struct ahead *ahead, struct pool *pool,
                int (*give)(void *ctx, const struct ef_item *item), void *ctx)
{
    *ahead = (struct ahead){.pool = pool, .give = give, .ctx = ctx};
    ahead->job = (struct pool_job){.fn = drain_job, .ctx = ahead, .borrowed = true};
}

/* With the lock held: gives a worker that was idle the time to come. Where the kernel has put it
 * behind the reader on the reader's own CPU, this is what lets it run. */
static void wait_for_taker(struct ahead *ahead)
{
    struct timespec until;
    int64_t at = clock_ns(NULL) + TAKER_NS;

    until.tv_sec = at / NS_PER_S;
    until.tv_nsec = at % NS_PER_S;
    while (ahead->lent &&
           pthread_cond_timedwait(&ahead->pool->moved, &ahead->pool->lock, &until) == 0) {
    }
}

/* With the lock held: waits until at most `most` pieces are left and, for 0, nobody drains. */
static void wait_locked(struct ahead *ahead, unsigned most)
{
    if (ahead->count > most && most > 0 && ahead->lent)
        wait_for_taker(ahead);
    while (ahead->count > most || (most == 0 && (ahead->running || ahead->lent))) {
        if (ahead->lent && pool_withdraw_locked(ahead->pool, &ahead->job)) {
            ahead->lent = false;
            drain_locked(ahead);
        } else {
            pthread_cond_wait(&ahead->pool->moved, &ahead->pool->lock);
        }
    }
}

bool ahead_wanted(struct ahead *ahead)
{
    pool_lock(ahead->pool);
    bool wanted = ahead->count > 0 || ahead->lent || ahead->running ||
                  (ahead->pool->asleep > 0 && !ahead->pool->jobs);
    pool_unlock(ahead->pool);
    return wanted;
}

int ahead_push(struct ahead *ahead, const struct ef_item *item, void *buffer)
{
    pool_lock(ahead->pool);
    wait_locked(ahead, AHEAD_DEPTH - 1);
    int error = ahead->error;
    if (error == 0) {
        unsigned at = (ahead->first + ahead->count++) % AHEAD_DEPTH;
        ahead->pieces[at].item = *item;
        ahead->pieces[at].buffer = buffer;
        if (!ahead->running && !ahead->lent) {
            ahead->lent = true;
            pool_lend_locked(ahead->pool, &ahead->job);
        }
    }
    pool_unlock(ahead->pool);
    if (error < 0)
        ef_buffer_give(buffer);
    return error;
}

int ahead_settle(struct ahead *ahead)
{
    pool_lock(ahead->pool);
    wait_locked(ahead, 0);
    int error = ahead->error;
    pool_unlock(ahead->pool);
    return error;
}
