/* conn.h: one connection of a worker and the request under way on it. Part of http.
 *
 * Times are absolute, for libmicrohttpd's own timeout counts only silence: a client that drips a
 * byte at a time would live for ever.
 *
 *   idle ── first line ──► reading ── whole request ──► serving ── answered ──► idle
 *
 * Thread: the worker's. */
#ifndef TB_HTTP_CONN_H
#define TB_HTTP_CONN_H

#include "http/request.h"
#include "http/respond.h"

struct MHD_Connection;
struct worker;

enum conn_state { CONN_IDLE, CONN_READING, CONN_SERVING };

struct conn {
    struct conn *previous, *next;           /* all of a worker */
    struct conn *previous_waiting, *next_waiting;
    struct worker *worker;
    struct MHD_Connection *connection;
    int fd;
    struct peer peer;
    enum conn_state state;
    int64_t since_ns; /* of the state */
    uint64_t sent;    /* bytes of body, of the request and then of its answer */
    uint64_t marked;  /* of these, when the time of a long upload began anew */
    uint64_t taken;   /* bytes that the other end had taken when the state began */
    bool waiting;     /* suspended, in the worker's list */
    bool cut;         /* shut down: waits for libmicrohttpd to notice */
    bool bridged;     /* a WebSocket now; its door counts it */
    bool endless;     /* answers with a stream that nobody ends but the client */
    bool held;        /* a piece of the body waits to be taken */
    bool has_request, head_seen;
    struct producer *stream; /* the waiting one, if it is a stream that waits */
    char *address;           /* as it came */
    uintptr_t address_end;   /* where it ended in the head as it was read */
    struct request request;
};

void conn_state(struct conn *client, enum conn_state state);
/* Is it over its time? Returns a word for the log, or NULL. */
const char *conn_late(const struct conn *client, int64_t now);
/* When a waiting client is to be called again at the latest. */
int64_t conn_due_ns(const struct conn *client);
/* Does what a waiting client waits for hold? */
bool conn_ready(struct conn *client);

#endif
