/* hub.h: between commits and clients: who is due, and when.
 *
 *   writer's thread: commit ─► notices (locked, small) ─► wake
 *   live thread: hub_turn: notices ─► feeds, topics ─► clients of changed runs ─► tick ─► asked
 *                for a writable socket ─► client_writable
 *
 * A tick serves all clients that have something new; the interval between two ticks is 1 ms,
 * doubles up to LIMIT_LIVE_INTERVAL_MS while serving takes more than a quarter of it, and halves
 * back. It limits the rate and is no delay: the first commit after a quiet interval is served at
 * once.
 *
 * Knows no library: sockets are reached through the four callbacks. Thread: the live thread, but
 * for the commit callback (any writer's) and hub_stats() (any). */
#ifndef TB_LIVE_HUB_H
#define TB_LIVE_HUB_H

#include <pthread.h>
#include <stdatomic.h>

#include "live/client.h"
#include "live/feed.h"
#include "live/live.h"
#include "live/runlist.h"

#define HUB_HEADROOM 64  /* bytes before each message, for the socket's header */
#define HUB_PERIOD_MS 100 /* clients pass time this often */

struct hub_options {
    struct store *store;
    const struct clock *clock;
    void *ctx;
    void (*wake)(void *ctx);                                /* any thread: call hub_turn() */
    void (*want)(void *ctx, void *connection);              /* say when it is writable */
    void (*kill)(void *ctx, void *connection);              /* close without a word */
    void (*flow)(void *ctx, void *connection, bool read);   /* stop or go on reading */
};

struct run_note {
    struct run *run;
    bool new_series, run_changed, damage_changed;
};

/* What writers said since the last look. */
struct notices {
    struct series **series;
    size_t n_series, series_capacity;
    struct run_note *runs;
    size_t n_runs, runs_capacity;
    bool lost; /* no room: everything may have changed */
};

struct hub {
    struct hub_options o;
    uint64_t epoch;
    struct feeds feeds;
    struct runlist runlist;
    struct client *clients, *pending;
    size_t n_clients, n_run_watchers;
    uint64_t n_watches;
    struct buf out;            /* the message being made, after HUB_HEADROOM bytes */
    int64_t interval_ns, tick_ns, period_ns, activity_ns;
    int64_t busy_ns;           /* since the last tick */
    uint64_t round;            /* counts ticks, from 1 */

    pthread_mutex_t lock;      /* of the following */
    struct notices notices;
    struct notices taken;      /* live thread only; swapped with notices */
    atomic_bool interested;    /* there are clients */

    _Atomic uint64_t stat_clients, stat_watches, stat_messages, stat_bytes, stat_interval_us;
};

/* 0; -ENOMEM. */
_must_check_ int hub_init(struct hub *hub, const struct hub_options *options);
void hub_done(struct hub *hub); /* all clients are gone */

/* NULL: out of memory. */
struct client *hub_open(struct hub *hub, void *connection);
void hub_close(struct hub *hub, struct client *client);

/* Does what is due. Returns when to call again at the latest (monotonic ns); 0: when woken. */
int64_t hub_turn(struct hub *hub);
/* The thread was busy so long: for the interval. */
void hub_busy(struct hub *hub, int64_t ns);
/* Points of this client are to go with the next tick. */
void hub_mark(struct hub *hub, struct client *client);
void hub_say_bye(struct hub *hub, enum bye why);
struct live_stats hub_stats(struct hub *hub);

static inline int64_t hub_now(const struct hub *hub)
{
    return clock_ns(hub->o.clock);
}

#endif
