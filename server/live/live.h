/* live.h: WebSocket clients as cursors into the store (docs/formats/live.md).
 *
 *   store ─ commit ─► hub ─► cursors due ─► frames ─► socket (libwebsockets on libuv)
 *
 * A client is a set of cursors and one send buffer: what is new since a cursor is encoded when the
 * socket is writable and its interval has passed, so a slow client coalesces by itself and costs
 * nothing.
 *
 * Threads: one "live" thread owns libwebsockets, all clients and cursors. Commits arrive from
 * ingest workers through a small locked list and a wake-up; live_take() may be called from any
 * thread. */
#ifndef TB_LIVE_LIVE_H
#define TB_LIVE_LIVE_H

#include "front/front.h"
#include "store/store.h"

struct live_options {
    struct store *store;
    struct auth *auth;
    const char *prefix;         /* "" or "/x": the socket is at <prefix>/live */
    void (*closed)(void *ctx, const struct peer *peer); /* a connection ended: front_closed() */
    void *closed_ctx;
    const struct clock *clock;
};

struct live;
_must_check_ int live_start(const struct live_options *options, struct live **ret);
/* front's door, and http's for late upgrades. */
void live_take(void *live, int fd, const struct peer *peer);

struct live_stats {
    uint64_t clients, watches, messages, bytes, interval_us;
};
struct live_stats live_stats(struct live *live);

/* Says `bye shutdown` to all, waits for it to be sent (at most 2 s), closes, joins. */
struct live *live_stop(struct live *live);

#endif
