/* lifecycle.h: what a run is, from what was reported about it: a pure fold.
 *
 *   events (a set: order and repetition do not matter) + time + last heartbeat ─► struct lifecycle
 *
 * Nobody sets a status. The process wrapper on the node tells the truth (started, exited, flushed),
 * the engine explains silence. The rows are those of docs/formats/upload.md. No I/O, no clock, no
 * state: the caller gives the time, and `next_change_s` says when time alone may change the result.
 *
 * Thread: any. */
#ifndef TB_ARCHIVE_LIFECYCLE_H
#define TB_ARCHIVE_LIFECYCLE_H

#include "archive/archive.h"

enum lifecycle_status { /* rising: "the furthest that was reached" is a maximum */
    STATUS_NONE,        /* nobody reports for this run */
    STATUS_NOT_STARTED,
    STATUS_QUEUED,
    STATUS_PREPARING,
    STATUS_RUNNING,
    STATUS_FINALIZING,
    STATUS_COMPLETED,
    STATUS_FAILED,
    STATUS_CANCELED,
};
/* "NotStarted", "Queued", …; NULL for none. */
const char *lifecycle_word(enum lifecycle_status status);
static inline bool lifecycle_is_over(enum lifecycle_status status)
{
    return status >= STATUS_COMPLETED;
}

enum {
    LIFECYCLE_HEARTBEAT_S = 10,
    LIFECYCLE_MISSED = 3,       /* heartbeats: not responding */
    LIFECYCLE_ENGINE_S = 60,    /* the engine's answer is waited for */
    LIFECYCLE_FLUSH_S = 3600,   /* files on their way are waited for */
};

/* Asks an agent to end its processes. */
struct lifecycle_stop {
    const char *kind; /* "cancel" or "early-stopped"; NULL: nobody asks */
    char reason[160];
    double grace_s;   /* NaN: the job's own */
    bool now;
};

struct lifecycle {
    enum lifecycle_status status;
    const char *reason;    /* a word, static; "" if there is nothing to say */
    char message[256];     /* a sentence for people; "" */
    bool cancel_requested; /* and the end is not known yet */
    bool not_responding;
    bool files_complete;   /* every rank said that all its files are archived */
    bool alive;            /* a rank's process runs, as far as is known */
    uint32_t attempt;      /* the last one; 0: none began */
    uint32_t ranks;        /* of that attempt: expected, started, ended */
    uint32_t started, ended;
    bool has_exit;         /* exit_code or signal of the rank that decided, or of all */
    int exit_code, signal;
    double created_s, started_s, ended_s; /* first and last times; NaN: not yet */
    struct lifecycle_stop stop;
    double next_change_s;  /* time alone may change the above then; INFINITY: never */
};

/* Folds. now_s: wall time. heard_s: when an agent of this run was heard last (any request), or
 * since when one could have been; NaN: never. 0 or -ENOMEM (ret untouched). Events that are not
 * understood are passed over: they are kept for others to read. */
_must_check_ int lifecycle_fold(const struct archive_event *events, size_t count, double now_s,
                                double heard_s, struct lifecycle *ret);

/* One event's `kind` is known and its data is an object. For checking what comes in. */
bool lifecycle_kind_is_known(const char *kind);

#endif
