/* call.h: one call: what the client asked, how far it is, what it gets. Private to the module.
 *
 *   h2: headers, body ─► call_message() ─► workers_give() … rpc->answer() … workers_taken() ─► h2
 *
 * Threads: the loop's; while a worker has a call it owns everything but `stream`, `session` and the
 * links, and the loop may only set `cancelled`. */
#ifndef TB_GRPC_CALL_H
#define TB_GRPC_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "grpc/grpc.h"

enum grpc_status {
    GRPC_OK = 0, GRPC_CANCELLED = 1, GRPC_INVALID_ARGUMENT = 3, GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5, GRPC_PERMISSION_DENIED = 7, GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12, GRPC_INTERNAL = 13, GRPC_UNAVAILABLE = 14, GRPC_UNAUTHENTICATED = 16,
};

enum { CALL_TEXT_BYTES = 512, CALL_PREFIX_BYTES = 5, CALL_HEAD_BYTES = 16 };

/* Bytes of an answer: first `head`, then `data`, which lies in the call's buffer or blob. */
struct call_piece {
    uint8_t head[CALL_HEAD_BYTES];
    size_t head_size;
    const uint8_t *data;
    size_t size;
};

struct call {
    const struct rpc *rpc;     /* NULL: no such method */
    struct provider *provider;
    struct session *session;   /* loop; NULL: the stream is gone */
    int32_t stream;
    struct call *next;         /* loop or queue: in the list that it is in */
    struct call *next_open, *previous_open; /* loop: of the session */
    atomic_bool cancelled;
    bool dispatched, answered, submitted; /* loop */
    int64_t deadline_ns;       /* INT64_MAX: none */
    /* request */
    bool is_grpc, gzip, unknown_encoding, refused;
    char *headers[5];          /* those that access control looks at; enum call_header */
    struct buf in;             /* body as it comes */
    struct text message;       /* in `in` or `unpacked` */
    struct buf unpacked;
    /* answer */
    enum grpc_status status;
    char text[CALL_TEXT_BYTES];
    struct buf out;
    struct provider_blob blob;
    struct call_piece *pieces, whole;
    size_t n_pieces, piece, sent; /* sent: of the piece at hand */
    uint64_t held;             /* bytes counted for it */
};

enum call_header { CALL_AUTHORIZATION, CALL_FORWARDED, CALL_FORWARDED_FOR, CALL_REAL_IP, CALL_VIA };
extern const char *const call_header_names[5]; /* in lower case */

struct call *call_new(struct provider *provider);
struct call *call_free(struct call *call);
/* Ends it with a status; the text is made UTF-8 by whoever writes it. */
void call_fail(struct call *call, enum grpc_status status, const char *format, ...) _printf_(3, 4);
/* The body has ended: exactly one message, unpacked if need be. False: failed. */
bool call_message(struct call *call);
/* "10S", "100m": when it is over. False: not of that form. */
bool call_deadline(const char *text, size_t size, int64_t now_ns, int64_t *ret_ns);
/* grpc-message: percent-encoded where need be. */
void call_encode_text(const char *text, struct buf *out);

/* ---- methods ------------------------------------------------------------------------------ */

struct rpc {
    const char *path;
    /* Worker. Writes the answer, or fails the call. */
    void (*answer)(struct call *call, const struct rpc *rpc);
    int which; /* enum provider_class, or 0 */
};
/* NULL: no such method. */
const struct rpc *rpc_find(const char *path, size_t size);
extern const struct rpc rpc_runs[4], rpc_series[6], rpc_blob[1]; /* rpc_*.c */

/* Fails the call as the provider says. */
void call_broken(struct call *call, int r, const struct provider_error *error);

/* ---- workers ------------------------------------------------------------------------------ */

struct workers;
/* `ready` is called by a worker when workers_taken() has something. */
_must_check_ int workers_start(unsigned count, void (*ready)(void *ctx), void *ctx,
                               struct workers **ret);
/* False: too many wait. */
bool workers_give(struct workers *workers, struct call *call);
/* A list of answered calls, by `next`; NULL: none. */
struct call *workers_taken(struct workers *workers);
/* Waits for those under way; drops those that wait. */
struct workers *workers_stop(struct workers *workers);

#endif
