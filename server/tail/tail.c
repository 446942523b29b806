/* tail.c: the tail thread's loop, start and stop. See tail.h. */
#include "tail/tail.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "tail/addition.h"
#include "tail/discover.h"

struct tail {
    struct source_set set;
    struct discover discover;
    struct watch_inotify inotify;
    uv_loop_t loop;
    uv_async_t stop, add;
    atomic_bool wake; /* tail_wake() */
    struct additions additions;
    bool walked; /* additions that wait for the first walk were given */
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_idle_t walk;
    bool walking, have_loop, have_pool;
    uint64_t start_ms, armed; /* armed: the tick that the timer waits for */
    pthread_t thread;
};

static void walk_some(uv_idle_t *idle);

/* After anything that may have queued directories. */
static void walk_if_needed(struct tail *tail)
{
    if ((!tail->discover.stack && !tail->discover.known) || tail->walking)
        return;
    tail->walking = true;
    uv_idle_start(&tail->walk, walk_some);
}

static void set_time(struct tail *tail)
{
    uint64_t tick = (uv_now(&tail->loop) - tail->start_ms) / WATCH_TICK_MS;

    watch_wheel_now(&tail->discover.wheel, tick);
}

/* What waits for the first walk to know whether a directory has it. */
static void after_walk(struct tail *tail)
{
    if (tail->walked || !atomic_load(&tail->discover.first_walk_done))
        return;
    tail->walked = true;
    additions_take(&tail->additions, &tail->discover);
}

static void walk_some(uv_idle_t *idle)
{
    struct tail *tail = idle->data;

    set_time(tail);
    if (discover_walk(&tail->discover))
        return;
    tail->walking = false;
    uv_idle_stop(idle);
    after_walk(tail);
}

/* A turn for every run: rare, so all of them are asked. */
static void wake_all(struct tail *tail)
{
    const struct hashindex *sources = &tail->discover.sources;

    for (size_t i = 0; i < sources->capacity; i++) {
        if (sources->slots[i].value)
            source_poke(sources->slots[i].value);
    }
}

static void on_add(uv_async_t *async)
{
    struct tail *tail = async->data;

    if (atomic_exchange(&tail->wake, false))
        wake_all(tail);
    additions_take(&tail->additions, &tail->discover);
}

static void on_timer(uv_timer_t *timer)
{
    struct tail *tail = timer->data;

    tail->armed = 0;
    set_time(tail);
    watch_poll_due(&tail->discover);
    discover_check_roots(&tail->discover);
    walk_if_needed(tail);
    after_walk(tail);
}

/* Before the loop goes to sleep: until when? */
static void on_prepare(uv_prepare_t *prepare)
{
    struct tail *tail = prepare->data;
    uint64_t due = MIN(watch_wheel_due(&tail->discover.wheel), tail->discover.roots_due);
    uint64_t at = tail->start_ms + due * WATCH_TICK_MS, now = uv_now(&tail->loop);

    if (due == tail->armed && due != 0)
        return;
    tail->armed = due;
    uv_timer_start(&tail->timer, on_timer, at > now ? at - now : 0, 0);
}

static void on_event(void *ctx, const struct inotify_event *event)
{
    struct tail *tail = ctx;

    set_time(tail);
    discover_event(&tail->discover, event);
    walk_if_needed(tail);
}

static void on_stop(uv_async_t *async)
{
    struct tail *tail = async->data;

    watch_inotify_stop(&tail->inotify);
    uv_close((uv_handle_t *)&tail->timer, NULL);
    uv_close((uv_handle_t *)&tail->prepare, NULL);
    uv_close((uv_handle_t *)&tail->walk, NULL);
    uv_close((uv_handle_t *)&tail->stop, NULL);
    uv_close((uv_handle_t *)&tail->add, NULL);
}

static void *tail_main(void *ctx)
{
    struct tail *tail = ctx;

    pthread_setname_np(pthread_self(), "tail");
    discover_check_roots(&tail->discover);
    walk_if_needed(tail);
    after_walk(tail);
    uv_run(&tail->loop, UV_RUN_DEFAULT);
    return NULL;
}

static int check_logdirs(const struct tail_options *options)
{
    struct stat st;

    if (options->n_logdirs > LIMIT_LOGDIRS)
        return -E2BIG;
    for (size_t i = 0; i < options->n_logdirs; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(options->logdirs[i].alias, options->logdirs[j].alias) == 0)
                return -EEXIST;
        }
        if (stat(options->logdirs[i].path, &st) == 0 && !S_ISDIR(st.st_mode))
            return -ENOTDIR;
    }
    return 0;
}

static int start_loop(struct tail *tail, const struct tail_options *options)
{
    int r = uv_loop_init(&tail->loop);

    if (r < 0)
        return r;
    r = uv_async_init(&tail->loop, &tail->stop, on_stop);
    if (r < 0) {
        uv_loop_close(&tail->loop);
        return r;
    }
    r = uv_async_init(&tail->loop, &tail->add, on_add);
    if (r < 0) {
        uv_close((uv_handle_t *)&tail->stop, NULL);
        uv_run(&tail->loop, UV_RUN_DEFAULT);
        uv_loop_close(&tail->loop);
        return r;
    }
    tail->have_loop = true;
    tail->add.data = tail->stop.data = tail->walk.data = tail;
    tail->timer.data = tail->prepare.data = tail;
    uv_idle_init(&tail->loop, &tail->walk);
    uv_timer_init(&tail->loop, &tail->timer);
    uv_prepare_init(&tail->loop, &tail->prepare);
    tail->start_ms = uv_now(&tail->loop);
    uv_prepare_start(&tail->prepare, on_prepare);
    tail->inotify.fd = -1;
    if (options->force_poll)
        return 0;
    r = watch_inotify_start(&tail->inotify, &tail->loop, on_event, tail);
    if (r < 0)
        log_warn("no inotify (%s): everything is polled", strerrordesc_np(-r));
    else
        tail->discover.inotify = &tail->inotify;
    return 0;
}

/* Releases all that tail_start() has made, but for the tail thread. */
static struct tail *tail_free(struct tail *tail)
{
    if (tail->have_pool)
        pool_stop(&tail->set.pool);
    discover_done(&tail->discover);
    if (tail->have_pool)
        pool_done(&tail->set.pool);
    if (tail->have_loop)
        CHECK(uv_loop_close(&tail->loop) == 0);
    additions_done(&tail->additions);
    free(tail);
    return NULL;
}

static struct tail *give_up(struct tail *tail)
{
    if (tail->have_loop) {
        on_stop(&tail->stop);
        uv_run(&tail->loop, UV_RUN_DEFAULT);
    }
    return tail_free(tail);
}

int tail_start(const struct tail_options *options, struct tail **ret)
{
    unsigned workers = options->workers;
    int r = check_logdirs(options);

    if (r < 0)
        return r;
    struct tail *tail = calloc(1, sizeof *tail);
    if (!tail)
        return -ENOMEM;
    if (workers == 0)
        workers = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
    tail->set.sink = options->sink;
    tail->set.clock = options->clock;
    additions_init(&tail->additions);
    fdcache_init(&tail->set.fdcache);
    r = discover_init(&tail->discover, &tail->set, options);
    if (r == 0)
        r = start_loop(tail, options);
    if (r == 0)
        r = pool_start(&tail->set.pool, workers, options->clock, source_turn);
    tail->have_pool = r == 0;
    if (r == 0)
        r = -pthread_create(&tail->thread, NULL, tail_main, tail);
    if (r < 0) {
        give_up(tail);
        return r;
    }
    *ret = tail;
    return 0;
}

struct tail *tail_stop(struct tail *tail)
{
    if (!tail)
        return NULL;
    uv_async_send(&tail->stop);
    pthread_join(tail->thread, NULL);
    return tail_free(tail);
}

struct tail_stats tail_stats(struct tail *tail)
{
    struct source_set *set = &tail->set;
    struct tail_stats stats = {
        .runs = atomic_load(&set->runs),
        .files = atomic_load(&set->files),
        .bytes_read = atomic_load(&set->bytes_read),
        .bytes_total = atomic_load(&set->bytes_total),
        .records = atomic_load(&set->records),
        .inotify_overflows = atomic_load(&tail->discover.overflows),
        .watches = atomic_load(&tail->discover.watches),
        .first_walk_done = atomic_load(&tail->discover.first_walk_done),
        .waiting_for_logdir = atomic_load(&tail->discover.waiting_for_logdir),
    };

    stats.caught_up = stats.first_walk_done && atomic_load(&set->loading) == 0;
    return stats;
}

int tail_add_file(struct tail *tail, const struct tail_added *added)
{
    int r = additions_post(&tail->additions, added);

    if (r == 0)
        uv_async_send(&tail->add);
    return r;
}

void tail_wake(struct tail *tail)
{
    if (!tail)
        return;
    atomic_store(&tail->wake, true);
    uv_async_send(&tail->add);
}

void tail_poke(struct tail *tail, const char *run_id)
{
    additions_poke(&tail->additions, run_id);
}
