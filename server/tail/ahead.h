/* ahead.h: reading ahead of the sink, with two workers at one file.
 *
 * The runs of records of a long backlog are read and checked by the worker whose turn it is, and
 * handed to the sink by another one that has nothing else to do: in file order, one at a time, at
 * most AHEAD_DEPTH of them behind. If no other worker has begun by then, the reader does it itself,
 * so that nothing waits for a thread that does not come.
 *
 *   tailfile_read() ── ahead_push() ──► pieces ──► drain (a worker, or the reader) ──► give()
 *
 * Threads: the worker that reads makes all calls. give() runs on one thread at a time and sees what
 * the reader wrote before the push; after ahead_settle() the reader sees what give() wrote. The
 * pieces are guarded by the pool's lock. */
#ifndef TB_TAIL_AHEAD_H
#define TB_TAIL_AHEAD_H

#include <eventfile/reader.h>

#include "tail/pool.h"

#define AHEAD_DEPTH 3
#define AHEAD_MIN_BYTES (EF_READ_BYTES / 2) /* a shorter run is not worth another thread */

struct ahead {
    struct pool *pool;
    int (*give)(void *ctx, const struct ef_item *item); /* 0 or negative: no further ones */
    void *ctx;
    struct pool_job job;
    struct {
        struct ef_item item;
        void *buffer; /* keeps item.data */
    } pieces[AHEAD_DEPTH];
    unsigned first, count;
    bool lent;    /* the job is in the pool's queue */
    bool running; /* somebody drains */
    int error;             /* what give() said */
    uint64_t error_offset; /* of the item that was refused; later ones were dropped */
};

void ahead_init(struct ahead *ahead, struct pool *pool,
                int (*give)(void *ctx, const struct ef_item *item), void *ctx);
/* Would another worker take it, or does one already? Otherwise the reader had better do it all. */
bool ahead_wanted(struct ahead *ahead);
/* Takes over the buffer. 0, or the error of an earlier piece (this one is dropped). */
_must_check_ int ahead_push(struct ahead *ahead, const struct ef_item *item, void *buffer);
/* Returns when all that was pushed is with the sink, or dropped behind an error: 0 or that. */
_must_check_ int ahead_settle(struct ahead *ahead);

#endif
