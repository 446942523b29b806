/* http.h: the HTTP API and the page's files, on libmicrohttpd.
 *
 *   front ─ fd ─► worker (own thread, external epoll mode) ─► router ─► route_*.c ─► respond
 *
 * Reads the store, changes nothing. /api/v1 is described by docs/api/openapi.yaml (served as JSON);
 * errors are problem documents (RFC 9457).
 *
 * Threads: `workers` threads, each with a daemon of its own; a connection stays with its worker.
 * Waiting requests (long poll, streams) are suspended and resumed on the worker's own thread, woken
 * by commits. */
#ifndef TB_HTTP_HTTP_H
#define TB_HTTP_HTTP_H

#include "archive/archive.h"
#include "front/front.h"
#include "store/store.h"

/* What the API tells of the rest of the server; the wiring fills it. Any thread. */
struct http_facts {
    void *ctx;
    /* false: not ready; writes the reason. For /healthz. */
    bool (*healthy)(void *ctx, char *reason, size_t size);
    /* Appends OpenMetrics lines of modules that http does not know. */
    void (*metrics)(void *ctx, struct buf *out);
    /* loading: bytes read and total of the first load; done when equal. waiting: logdir missing */
    void (*progress)(void *ctx, uint64_t *ret_read, uint64_t *ret_total, bool *ret_done,
                     bool *ret_waiting);
    const char *const *logdirs; /* NULL-ended, as given: shown on the empty page */
};

struct http_options {
    struct store *store;
    struct auth *auth;
    const char *prefix;         /* "" or "/x" */
    unsigned workers;           /* 0: 2 */
    struct http_facts facts;
    void (*closed)(void *ctx, const struct peer *peer); /* a connection ended: front_closed() */
    void *closed_ctx;
    /* A late Upgrade to WebSocket on a kept-alive connection: one end of a socket pair, with the
     * request's bytes ready to be read. NULL: answered 503. */
    struct door live;
    const struct clock *clock;
    struct archive *archive; /* the run history; NULL: there is none */
};

struct http;
_must_check_ int http_start(const struct http_options *options, struct http **ret);
/* front's door. */
void http_take(void *http, int fd, const struct peer *peer);
/* Ends streams and waiting requests, answers what is under way (at most 2 s), joins. */
struct http *http_stop(struct http *http);

#endif
