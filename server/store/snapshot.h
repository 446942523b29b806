/* snapshot.h: what a run has and its segments have not: fixed at one moment, written later.
 *
 *   writer: snapshot_take() ─► index thread: snapshot_write() ─► file synced and renamed
 *     ─► snapshot_adopt(): chunks in memory give way to their places in the file
 *
 * A merge is a snapshot that begins further back: everything since the flush `base` is written
 * anew, chunks that lie in files are copied. Format of the table: docs/formats/segment.md.
 *
 * One snapshot of a run at a time. Between take and the end of write the run's retired memory
 * waits. Threads: as said below; "writing": inside run_write_begin() and run_write_end(). Private
 * to the store and the wiring (index.c). */
#ifndef TB_STORE_SNAPSHOT_H
#define TB_STORE_SNAPSHOT_H

#include "store/run.h"

struct snapshot_lane {
    struct lane_view view; /* as published when taken */
    struct lane *lane;     /* to be looked at under `writing`, while its generation is the same */
    uint32_t generation;   /* of snapshot->generations */
    uint32_t from;         /* first chunk, or 0 and from_reference, that is written */
    uint64_t from_reference, first_offset, hidden;
    int64_t first_step, hidden_max;
    uint32_t part;
    bool has_first;
    size_t written, n_written; /* of snapshot->written: stands for chunks from `from` on */
};

struct snapshot_generation {
    struct generation *generation;
    const char *path; /* kept by the run */
    uint32_t number;
    struct facts facts;          /* lanes unused; parts are a copy */
    struct place place;
    uint32_t incarnation;
    struct damage_row *damage;
    size_t n_damage;
    uint64_t damage_total;
};

struct snapshot {
    struct run *run;
    uint32_t first, last; /* flushes that the file holds */
    uint64_t chain;
    unsigned parity;
    bool reading;         /* holds the slab's memory */
    double usual_interval_s;
    struct snapshot_generation *generations;
    size_t n_generations;
    struct snapshot_lane *lanes;
    size_t n_lanes;
    struct chunk_stub *written; /* all chunks in the file, file not set */
    size_t n_written, cap_written;
};

/* Writing. base 0: only what is new; else all since that flush. 0; -ENODATA: nothing is new (base
 * 0); -EAGAIN: not now (points not committed yet, a generation of `base` without a place);
 * -ENOMEM. */
_must_check_ int snapshot_take(struct run *run, uint32_t base, struct snapshot **ret);

/* Any thread, once: gives chunk bytes to `put`, which says where they lie, and fills the table.
 * 0; what `put` says; -EBADMSG, -EIO…: a chunk that is to be copied cannot be read; -ENOMEM;
 * -EMSGSIZE: the table is too large. */
_must_check_ int snapshot_write(struct snapshot *snapshot,
                                int (*put)(void *ctx, const void *data, size_t size,
                                           uint64_t *ret_offset),
                                void *ctx, struct buf *table);

/* Which open tails give way to their chunk, of lanes that are the same as when it was taken. */
enum snapshot_tails {
    TAILS_STAY,   /* the run is being loaded: the next turn would want them back */
    TAILS_PARKED, /* those that came in bulk */
    TAILS_ALL,
};
/* Writing. The file is in place: what it holds leaves memory. False: without memory some chunks
 * stay where they were, in memory or in older files. */
bool snapshot_adopt(struct snapshot *snapshot, const struct chunk_file *file,
                    enum snapshot_tails tails);

/* Writing. The file did not come to be: its content is new still. Frees; NULL. */
struct snapshot *snapshot_abandon(struct snapshot *snapshot);
/* After adopting. Not writing. Accepts NULL; NULL. */
struct snapshot *snapshot_free(struct snapshot *snapshot);

/* What a run has in memory that segments could hold, in bytes: sealed chunks, and *ret_open: open
 * tails; and whether its source is still being loaded. Any thread. */
uint64_t run_resident(struct run *run, uint64_t *ret_open, bool *ret_loading);
/* Writing. Lets readers pass; *passes is 0 at the first call. True once all who looked then have
 * left: what was replaced before is nobody's. */
bool run_pass(struct run *run, unsigned *passes);

/* snapshot_table.c: the rows, once `written` is filled. */
_must_check_ int snapshot_table(const struct snapshot *snapshot, struct buf *out);

#endif
