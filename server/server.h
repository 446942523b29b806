/* server.h: all modules put together: log directories in, one port out.
 *
 *   tail ─ span ─► ingest ─ point ─► store ◄─ read ─ http, live ◄─ connection ─ front
 *
 * server.c starts them in the order of the flow, so that reading begins at once and the port
 * answers within milliseconds, and stops them the other way round. It holds the callbacks by which
 * a module reaches the next one, and nothing else.
 * Thread: the one that called server_start(), but for server_status(). */
#ifndef TB_SERVER_H
#define TB_SERVER_H

#include "config.h"
#include "ingest/ingest.h"
#include "store/store.h"
#include "tail/tail.h"

struct server;

/* Starts everything. `config` is borrowed until server_stop(). 0, or a negative errno; what failed
 * was logged. -EADDRINUSE is not logged: the caller knows which ports were asked for. */
_must_check_ int server_start(const struct config *config, struct server **ret);
uint16_t server_port(const struct server *server);
/* The token's text. */
const char *server_token(const struct server *server);
bool server_token_is_new(const struct server *server);
uint64_t server_epoch(const struct server *server);
bool server_has_archive(const struct server *server); /* another process may have it */

struct server_status {
    struct tail_stats tail;
    struct ingest_stats ingest;
};
/* Any thread. */
struct server_status server_status(struct server *server);

struct server_points {
    uint64_t kept;          /* scalar points that are shown, those known from the index too */
    double bytes_per_point; /* memory of the store; 0 without points */
};
/* Any thread. Walks all runs: not for every second. */
struct server_points server_points(struct server *server);

/* Nothing is followed any more; what was read is served on. */
void server_end_reading(struct server *server);

/* Says goodbye to clients (at most a few seconds), joins all threads, frees. Accepts NULL; returns
 * NULL. */
struct server *server_stop(struct server *server);

#endif
