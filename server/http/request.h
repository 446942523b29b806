/* request.h: one request and its reply, between the worker and a route. Part of http.
 *
 *   worker ─ head, body ─► router ─► route: fills reply, or asks to be called again ─► respond
 *
 * A route is a function that fills `reply`. It never blocks: if it must wait for a commit it calls
 * request_wait() and returns; the worker calls it again when ready() says so or the time is over.
 * Bodies that are long or endless are producers, which append a piece at a time.
 * Thread: all of a request is on its worker's thread. */
#ifndef TB_HTTP_REQUEST_H
#define TB_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/json.h"
#include "http/gate.h"
#include "http/http.h"
#include "http/target.h"

enum { /* bits: what a route takes */
    METHOD_GET = 1, /* and HEAD, always */
    METHOD_POST = 2,
    METHOD_DELETE = 4,
    METHOD_HEAD = 8,
    METHOD_PATCH = 16,
    METHOD_PUT = 32,
};

struct http_counters {
    _Atomic uint64_t requests[6]; /* by first digit of the status */
    _Atomic uint64_t clients, waiting, bridges, bytes;
};

/* What all workers share; lives as long as struct http. */
struct http_shared {
    struct http_options options;
    char *prefix;
    char epoch[17]; /* as text, for answers */
    double started_wall_s;
    struct http_counters counters;
    _Atomic uint64_t held_points; /* by answers under way */
    struct lives *lives; /* NULL: no run history */
    struct checkup *checkup; /* of the archive; the same */
    struct bell *bell;   /* wakes the workers */
};

struct request;
struct lives;
struct checkup;
struct bell;
struct ticket;

/* A body made piece by piece. */
struct producer {
    /* Appends to `out`. 1: there is more; 0: that was all; -EAGAIN: nothing yet, call again when
     * ready() or at due_ns; other errors break the connection off, so that the client sees that
     * the answer is not whole. */
    int (*produce)(struct producer *producer, struct buf *out);
    bool (*ready)(struct producer *producer); /* NULL: never waits */
    void (*free)(struct producer *producer);
    int64_t due_ns;
    bool endless; /* goes on until somebody stops it: not compressed, ends when http stops */
    bool stopping; /* set by the worker: end now */
    bool raw;      /* not compressed */
    bool sized;    /* it will be exactly `size` bytes; raw too */
    uint64_t size;
};

struct response {
    int status; /* 0: not filled */
    const char *type;
    struct buf body;
    const void *fixed; /* static memory in place of body */
    size_t fixed_size;
    struct producer *producer;
    struct buf headers; /* name NUL value NUL … */
    bool cacheable;     /* has an ETag; else "no-store" */
    bool compressed;    /* the body is gzip already */
    bool page;          /* a document of the page: its own policy */
};

/* Takes a body piece by piece, so that it is never held whole. Set by a route's begin(). */
struct intake {
    /* 0: taken; -EAGAIN: not now, the same piece comes again soon; other errors: the reply is
     * filled, and the rest of the body is passed over. */
    int (*take)(struct request *request, const char *data, size_t size);
    uint64_t max; /* bytes of the body; 0: no intake */
};

struct request {
    struct http_shared *shared;
    const struct peer *peer;
    unsigned method;      /* one METHOD_ bit; HEAD is METHOD_HEAD */
    const char *method_text;
    struct target target;
    const struct head_field *headers;
    size_t n_headers;
    struct buf body;
    struct intake intake;
    uint64_t announced; /* bytes of body; UINT64_MAX: not known */
    const struct route *route;
    const char *id; /* the {id} of the path */
    char *path;     /* the {path}, its parts joined by "/"; NULL: the route has none */
    struct auth_verdict verdict;
    struct response reply;
    struct ticket *ticket; /* of the archive, waited for; a route's own */
    bool created;          /* by an earlier call for this request */

    /* waiting */
    bool waits;       /* set by request_wait() */
    bool time_over;   /* called again because of the deadline, or because http stops */
    int64_t due_ns;   /* 0: no wait was begun yet */
    bool (*ready)(struct request *request);
    struct run *wait_run;
    uint64_t wait_commit;
    void *state;      /* a route's own, kept over waits */
    void (*free_state)(void *state);
};

void request_init(struct request *request, struct http_shared *shared, const struct peer *peer);
void request_done(struct request *request);

/* A header's value, NULL if it was not sent or sent twice. */
const char *request_header(const struct request *request, const char *name);
/* A value of the query, NULL if not given. */
const char *request_value(const struct request *request, const char *name);
/* Whole numbers of the query. Not given: `usual`. Wrong or outside: a problem is the reply, and
 * false is returned. */
bool request_number(struct request *request, const char *name, uint64_t min, uint64_t max,
                    uint64_t usual, uint64_t *ret);

/* Asks to be called again at the first commit for which ready() holds, or after `seconds`. */
void request_wait(struct request *request, double seconds, bool (*ready)(struct request *));

/* The same for the next commit of a run. `commit` is the newest that was looked at. */
void request_wait_commit(struct request *request, struct run *run, uint64_t commit,
                         double seconds);

/* The run of {id}; a 404 is the reply if there is none. */
struct run *request_run(struct request *request);
/* The series of a tag and dir (NULL: ""), with a problem as the reply if there is none. */
struct series *request_series(struct request *request, struct run *run, const char *tag,
                              const char *dir);

/* ---- replies: each fills request->reply -------------------------------------------------- */

void response_problem(struct request *request, int status, const char *code, const char *format,
                      ...) _printf_(4, 5);
/* Out of memory, or an answer over its limit. */
void response_error(struct request *request, int error);
void response_header(struct request *request, const char *name, const char *format, ...)
    _printf_(3, 4);
/* reply.body holds the text; a failed buffer becomes a problem. */
void response_body(struct request *request, int status, const char *type);
static inline void response_json(struct request *request)
{
    response_body(request, 200, "application/json");
}
void response_empty(struct request *request, int status);
void response_producer(struct request *request, const char *type, struct producer *producer);
/* Sets the ETag; true: the client has it already and 304 is the reply. */
bool response_etag(struct request *request, const char *etag);
/* W/"epoch-commit" of a run, with a suffix (may be ""). */
bool response_run_etag(struct request *request, struct run *run, const char *suffix);

/* Wall seconds now. */
double request_now(const struct request *request);

#endif
