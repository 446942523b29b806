/* index.h: what was read stays read: segments of all runs, written behind the store's back.
 *
 *   store_run() of a new run ─► its segments become that run, nothing is parsed
 *   commit ─► how much is in memory? ─► snapshot ─► index thread ─► segment ─► memory is given back
 *
 * Wiring between store (snapshots), archive/segment.c (files) and the tailer, none of which knows
 * the others. The index is derived: every failure here costs time and memory, never a point. Rules
 * of a chain of segments: docs/formats/segment.md.
 *
 * Threads: one index thread owns every write to segments. Runs are made by whoever calls
 * store_run() first. index_admit() and index_reread(): the worker that has the run. A run's folder
 * is locked by whoever writes it: a second server does without an index for that run. */
#ifndef TB_INDEX_H
#define TB_INDEX_H

#include "base/cleanup.h"
#include "store/store.h"

struct index_options {
    struct store *store;
    const char *dir;        /* made if missing */
    const char *below;      /* of a run's folder, behind its id: "index", or "" */
    uint64_t memory_bytes;  /* chunks that are not in segments yet may have an eighth of it, three
                             * sixteenths while what is there at the start is read */
    uint64_t most_bytes;    /* least recently used runs are removed beyond; 0: never */
    bool anew;              /* segments that are there are not used, but written anew */
    /* Bytes of a file that are safe; NULL: the files themselves are what is read again. */
    uint64_t (*durable)(void *ctx, const char *run, const char *path, uint32_t generation);
    /* index_reread() will say yes for some run. May be NULL. Index thread. */
    void (*reread)(void *ctx);
    void *ctx;
};

struct index;

/* 0; -ENOMEM; -errno: the folder cannot be had. The options' strings are copied. */
_must_check_ int index_open(const struct index_options *options, struct index **ret);
/* After the last writer and reader: writes what is new, joins, frees. Accepts NULL; NULL. */
struct index *index_close(struct index *index);

/* Before points are given to a run: waits, at most a second, while too much is in memory. 0;
 * -ENOMEM: it still is, by far. */
int index_admit(struct index *index);

/* True once after a segment was found damaged: the run's files are to be given again from the
 * start, by replays. The worker that has the run. */
bool index_reread(struct index *index, struct run *run);

struct index_stats {
    uint64_t segments, segment_bytes; /* of all runs */
    uint64_t flushes, merges, written_bytes, failures, broken;
    uint64_t restored_runs, restored_points;
    uint64_t resident_bytes;          /* chunks that wait for a segment, or are being written */
    uint64_t waits;                   /* of index_admit() */
};
struct index_stats index_stats(struct index *index);

#endif
