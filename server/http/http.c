/* http.c: starts the workers, deals connections out to them, tells them of commits. */
#include "http/http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "archive/checkup.h"
#include "base/log.h"
#include "http/lives.h"
#include "http/ticket.h"
#include "http/worker.h"

enum { WORKERS_MAX = 64, WORKERS_USUAL = 2 };

struct http {
    struct http_shared shared;
    struct worker *workers[WORKERS_MAX];
    unsigned n_workers;
    _Atomic unsigned next;
    bool subscribed;
};

/* On the writer's thread, after each commit. */
static void committed(void *ctx, const struct commit *commit)
{
    struct http *http = ctx;

    for (unsigned i = 0; i < http->n_workers; i++)
        worker_news(http->workers[i]);
}

/* From any thread: something that a request may wait for has come. */
static void ring(void *ctx)
{
    struct http *http = ctx;

    for (unsigned i = 0; i < http->n_workers; i++)
        worker_news(http->workers[i]);
}

/* A check of the archive has found something. */
static void ring_bell(void *ctx)
{
    bell_ring(ctx);
}

static int start_history(struct http *http)
{
    const struct http_options *options = &http->shared.options;

    http->shared.bell = bell_new(ring, http);
    if (!http->shared.bell)
        return -ENOMEM;
    if (!options->archive)
        return 0;
    http->shared.checkup = checkup_new(options->archive, ring_bell, http->shared.bell);
    if (!http->shared.checkup)
        return -ENOMEM;
    return lives_new(options->archive, options->store, options->clock, &http->shared.lives);
}

static int start(struct http *http)
{
    const struct http_options *options = &http->shared.options;
    unsigned count = options->workers ? MIN(options->workers, (unsigned)WORKERS_MAX)
                                      : WORKERS_USUAL;
    int r;

    http->shared.prefix = strdup(options->prefix ? options->prefix : "");
    if (!http->shared.prefix)
        return -ENOMEM;
    r = start_history(http);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < count; i++) {
        r = worker_start(&http->shared, i, &http->workers[i]);
        if (r < 0)
            return r;
        http->n_workers++;
    }
    r = store_subscribe(options->store, committed, http);
    http->subscribed = r >= 0;
    return r;
}

int http_start(const struct http_options *options, struct http **ret)
{
    struct http *http = calloc(1, sizeof *http);
    int r;

    if (!http)
        return -ENOMEM;
    http->shared.options = *options;
    http->shared.started_wall_s = clock_wall_s(options->clock);
    snprintf(http->shared.epoch, sizeof http->shared.epoch, "%016" PRIx64,
             store_epoch(options->store));
    r = start(http);
    if (r < 0) {
        log_error("cannot start the HTTP workers: %s", strerror(-r));
        http_stop(http);
        return r;
    }
    *ret = http;
    return 0;
}

void http_take(void *ctx, int fd, const struct peer *peer)
{
    struct http *http = ctx;
    unsigned next = atomic_fetch_add_explicit(&http->next, 1, memory_order_relaxed);

    worker_take(http->workers[next % http->n_workers], fd, peer);
}

struct http *http_stop(struct http *http)
{
    if (!http)
        return NULL;
    if (http->subscribed)
        store_unsubscribe(http->shared.options.store, committed, http);
    for (unsigned i = 0; i < http->n_workers; i++)
        worker_stop_begin(http->workers[i]);
    if (http->shared.bell)
        bell_silence(http->shared.bell);
    for (unsigned i = 0; i < http->n_workers; i++)
        worker_stop(http->workers[i]);
    checkup_free(http->shared.checkup);
    lives_free(http->shared.lives);
    bell_free(http->shared.bell);
    free(http->shared.prefix);
    free(http);
    return NULL;
}
