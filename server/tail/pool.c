#include "tail/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/cleanup.h"

enum { TEST_CLOCK_LOOK_MS = 2 }; /* a clock that a test moves wakes nobody: look often */

void pool_lock(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
}

void pool_unlock(struct pool *pool)
{
    pthread_mutex_unlock(&pool->lock);
}

static void queue_init(struct pool_queue *queue)
{
    queue->head = NULL;
    queue->tail = &queue->head;
}

static void queue_push(struct pool_queue *queue, struct pool_task *task)
{
    task->next = NULL;
    *queue->tail = task;
    queue->tail = &task->next;
}

static struct pool_task *queue_pop(struct pool_queue *queue)
{
    struct pool_task *task = queue->head;

    if (!task)
        return NULL;
    queue->head = task->next;
    if (!queue->head)
        queue->tail = &queue->head;
    task->next = NULL;
    return task;
}

static void heap_set(struct pool *pool, size_t place, struct pool_task *task)
{
    pool->heap[place] = task;
    task->heap_place = place + 1;
}

static void heap_sift(struct pool *pool, size_t place, struct pool_task *task)
{
    while (place > 0 && pool->heap[(place - 1) / 2]->due_ns > task->due_ns) {
        heap_set(pool, place, pool->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (size_t child; (child = 2 * place + 1) < pool->waiting; place = child) {
        if (child + 1 < pool->waiting && pool->heap[child + 1]->due_ns < pool->heap[child]->due_ns)
            child++;
        if (pool->heap[child]->due_ns >= task->due_ns)
            break;
        heap_set(pool, place, pool->heap[child]);
    }
    heap_set(pool, place, task);
}

static void heap_remove(struct pool *pool, struct pool_task *task)
{
    if (task->heap_place == 0)
        return;
    size_t place = task->heap_place - 1;
    struct pool_task *last = pool->heap[--pool->waiting];
    task->heap_place = 0;
    if (last != task)
        heap_sift(pool, place, last);
}

/* Out of memory, the task is woken at once instead of later. */
static void heap_add(struct pool *pool, struct pool_task *task)
{
    if (pool->waiting == pool->heap_capacity) {
        size_t capacity = pool->heap_capacity ? 2 * pool->heap_capacity : 64;
        struct pool_task **heap = realloc(pool->heap, capacity * sizeof *heap);
        if (!heap) {
            pool_wake_locked(pool, task, false);
            return;
        }
        pool->heap = heap;
        pool->heap_capacity = capacity;
    }
    heap_sift(pool, pool->waiting++, task);
    if (pool->heap[0] == task && pool->asleep > 0)
        pthread_cond_signal(&pool->work); /* the sleepers know a later time */
}

void pool_wake_locked(struct pool *pool, struct pool_task *task, bool live)
{
    switch (task->place) {
    case POOL_IDLE:
        heap_remove(pool, task);
        task->place = POOL_QUEUED;
        task->live = live;
        queue_push(live ? &pool->live : &pool->backlog, task);
        if (pool->asleep > 0)
            pthread_cond_signal(&pool->work);
        break;
    case POOL_RUNNING:
        task->place = POOL_AGAIN;
        task->live = live;
        break;
    case POOL_AGAIN:
        task->live = task->live || live;
        break;
    case POOL_QUEUED:
        break;
    }
}

static void add_job(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    *pool->jobs_tail = job;
    pool->jobs_tail = &job->next;
    if (pool->asleep > 0)
        pthread_cond_signal(&pool->work);
}

int pool_offload(struct pool *pool, void (*fn)(void *ctx), void *ctx)
{
    struct pool_job *job = malloc(sizeof *job);

    if (!job)
        return -ENOMEM;
    *job = (struct pool_job){.fn = fn, .ctx = ctx};
    pool_lock(pool);
    add_job(pool, job);
    pool_unlock(pool);
    return 0;
}

void pool_lend_locked(struct pool *pool, struct pool_job *job)
{
    DCHECK(job->borrowed);
    add_job(pool, job);
}

bool pool_withdraw_locked(struct pool *pool, struct pool_job *job)
{
    struct pool_job **place = &pool->jobs;

    while (*place && *place != job)
        place = &(*place)->next;
    if (!*place)
        return false;
    *place = job->next;
    if (!*place)
        pool->jobs_tail = place;
    return true;
}

bool pool_wanted(struct pool *pool)
{
    pool_lock(pool);
    const struct pool_job *job = pool->jobs;
    while (job && job->borrowed)
        job = job->next;
    bool wanted = job || pool->live.head || pool->backlog.head ||
                  (pool->waiting > 0 && pool->heap[0]->due_ns <= clock_ns(pool->clock));
    pool_unlock(pool);
    return wanted;
}

static bool do_job(struct pool *pool)
{
    struct pool_job *job = pool->jobs;

    if (!job)
        return false;
    pool->jobs = job->next;
    if (!pool->jobs)
        pool->jobs_tail = &pool->jobs;
    bool borrowed = job->borrowed; /* such a job may be gone when fn returns */
    pool_unlock(pool);
    job->fn(job->ctx);
    if (!borrowed)
        free(job);
    pool_lock(pool);
    return true;
}

static bool do_turn(struct pool *pool)
{
    struct pool_task *task = queue_pop(&pool->live);

    if (!task)
        task = queue_pop(&pool->backlog);
    if (!task)
        return false;
    DCHECK(task->place == POOL_QUEUED);
    task->place = POOL_RUNNING;
    pool_unlock(pool);
    struct pool_verdict verdict = pool->turn(task);
    pool_lock(pool);
    bool again = task->place == POOL_AGAIN, live = again && task->live && !verdict.more;
    task->place = POOL_IDLE;
    task->due_ns = verdict.due_ns;
    if (again || verdict.more)
        pool_wake_locked(pool, task, live);
    else if (task->due_ns >= 0)
        heap_add(pool, task);
    return true;
}

static void wake_due(struct pool *pool)
{
    if (pool->waiting == 0)
        return;
    int64_t now = clock_ns(pool->clock);
    while (pool->waiting > 0 && pool->heap[0]->due_ns <= now)
        pool_wake_locked(pool, pool->heap[0], true);
}

static void sleep_until_work(struct pool *pool)
{
    struct timespec until;

    pool->asleep++;
    if (pool->waiting == 0) {
        pthread_cond_wait(&pool->work, &pool->lock);
    } else {
        int64_t at = pool->heap[0]->due_ns;
        if (pool->clock)
            at = clock_ns(NULL) + TEST_CLOCK_LOOK_MS * NS_PER_MS;
        until.tv_sec = at / NS_PER_S;
        until.tv_nsec = at % NS_PER_S;
        pthread_cond_timedwait(&pool->work, &pool->lock, &until);
    }
    pool->asleep--;
}

static void *worker_main(void *ctx)
{
    struct pool *pool = ctx;

    pthread_setname_np(pthread_self(), "tail-read");
    pool_lock(pool);
    for (;;) {
        if (do_job(pool))
            continue;
        if (pool_stopping(pool))
            break;
        wake_due(pool);
        if (!do_turn(pool))
            sleep_until_work(pool);
    }
    pool_unlock(pool);
    return NULL;
}

static int init_sync(struct pool *pool)
{
    pthread_condattr_t attr;

    int r = pthread_condattr_init(&attr);
    if (r != 0)
        return -r;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    r = pthread_cond_init(&pool->work, &attr);
    int moved = r == 0 ? pthread_cond_init(&pool->moved, &attr) : 0;
    pthread_condattr_destroy(&attr);
    if (r != 0)
        return -r;
    r = moved;
    if (r == 0) {
        r = pthread_mutex_init(&pool->lock, NULL);
        if (r == 0)
            return 0;
        pthread_cond_destroy(&pool->moved);
    }
    pthread_cond_destroy(&pool->work);
    return -r;
}

int pool_start(struct pool *pool, unsigned workers, const struct clock *clock,
               struct pool_verdict (*turn)(struct pool_task *task))
{
    *pool = (struct pool){.clock = clock, .turn = turn};
    int r = init_sync(pool);
    if (r < 0)
        return r;
    queue_init(&pool->live);
    queue_init(&pool->backlog);
    pool->jobs_tail = &pool->jobs;
    pool->threads = calloc(workers, sizeof *pool->threads);
    if (!pool->threads)
        r = -ENOMEM;
    while (r == 0 && pool->workers < workers) {
        r = -pthread_create(&pool->threads[pool->workers], NULL, worker_main, pool);
        if (r == 0)
            pool->workers++;
    }
    if (r < 0) {
        pool_stop(pool);
        pool_done(pool);
    }
    return r;
}

void pool_stop(struct pool *pool)
{
    pool_lock(pool);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->work);
    pool_unlock(pool);
    for (unsigned i = 0; i < pool->workers; i++)
        pthread_join(pool->threads[i], NULL);
    /* Jobs that came in after the last worker left. */
    pool_lock(pool);
    while (do_job(pool)) {
    }
    pool_unlock(pool);
}

void pool_done(struct pool *pool)
{
    free(pool->threads);
    free(pool->heap);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->moved);
    pthread_mutex_destroy(&pool->lock);
}
