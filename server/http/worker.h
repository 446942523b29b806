/* worker.h: one thread with one libmicrohttpd daemon and the connections that it was given. Part
 * of http.
 *
 * The daemon is in external epoll mode: this thread waits on the daemon's epoll descriptor and its
 * own eventfd, and calls MHD_run(). libmicrohttpd's own epoll threads can hang when exactly 128
 * events arrive, and do not notice a connection resumed by another thread. So everything of a
 * connection (adding, suspending, resuming) happens here; other threads only queue and wake.
 *
 * Invariants: 1. a suspended connection is in `waiting`, and only those are. 2. All are resumed
 * before the daemon is stopped. */
#ifndef TB_HTTP_WORKER_H
#define TB_HTTP_WORKER_H

#include <pthread.h>

#include "http/conn.h"

struct MHD_Daemon;
struct bridge;

struct inbox_item {
    int fd;
    struct peer peer;
};

struct worker {
    struct http_shared *shared;
    pthread_t thread;
    struct MHD_Daemon *daemon;
    int epoll, wake;
    bool first; /* of the workers: it also does what one of them does for all */
    _Atomic bool stopping, woken;
    _Atomic unsigned waiting_count; /* read by those who commit */

    pthread_mutex_t lock; /* of the inbox */
    struct inbox_item *inbox;
    size_t inbox_count, inbox_capacity;

    /* the thread's own */
    struct inbox_item *arriving; /* given to the daemon, not begun yet: who is at the other end */
    size_t arriving_count;
    struct conn *clients, *waiting;
    struct bridge *bridges;
    unsigned n_bridges;
    int64_t next_sweep_ns;
};

_must_check_ int worker_start(struct http_shared *shared, unsigned number, struct worker **ret);
/* Takes over the descriptor. Any thread. */
void worker_take(struct worker *worker, int fd, const struct peer *peer);
/* Something was committed: waiting requests are looked at. Any thread; cheap when none waits. */
void worker_news(struct worker *worker);
/* First half of stopping: waiting requests end. Any thread. */
void worker_stop_begin(struct worker *worker);
/* Second half: joins (within about 2 s) and frees. Accepts NULL; returns NULL. */
struct worker *worker_stop(struct worker *worker);

/* A connection that was taken is gone: front is told (not of one that is a WebSocket now: its door
 * tells). Any thread. */
void worker_left(struct worker *worker, const struct peer *peer, bool bridged);

/* On the thread: suspends a connection until it is ready or due. */
void worker_suspend(struct worker *worker, struct conn *client);

#endif
