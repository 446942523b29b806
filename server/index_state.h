/* index_state.h: what index.c and index_flush.c share. Private to the two.
 *
 * index->lock guards the list, the queue and every `struct indexrun` field that is not said to be
 * another's. It is a leaf: nothing else is taken while it is held. */
#ifndef TB_INDEX_STATE_H
#define TB_INDEX_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "archive/segment.h"
#include "base/clock.h"
#include "index.h"
#include "store/restore.h"
#include "store/snapshot.h"

#define INDEX_HOLD_NS (NS_PER_S / 2)

struct indexrun;
struct starting;

/* One segment as the store's chunks know it. */
struct indexfile {
    struct chunk_file file; /* what stubs name: stays where it is */
    struct segment segment;
    struct indexrun *owner;
    unsigned passes;        /* replaced: readers that have left, see run_pass() */
    struct indexfile *next; /* of those replaced */
};

struct indexrun {
    struct indexrun *next, *next_active;
    struct index *index;
    struct run *run;
    char id[LIMIT_RUN_ID_BYTES + 1];
    int dir;                   /* its folder, locked; -ENOENT: made with its first segment; other
                                * errors: this run has no segments */
    struct snapshot *job;      /* taken by the writer, waits for the thread */
    struct indexrun *next_job;
    bool busy;                 /* a snapshot is being taken or written */
    bool active;               /* the thread looks at it at each tick */
    uint64_t resident, open;   /* parts of index->resident and index->open */
    int64_t dirty_ns, commit_ns, flushed_ns; /* first commit since, last commit, last flush */
    bool dirty, loading;
    bool loaded;               /* the end of a load was seen, and not flushed yet */
    int64_t retry_ns;          /* after a failure */
    unsigned failures;
    atomic_int broken;         /* the error that a chunk gave */
    /* index thread (and who makes the run, before it is listed) */
    struct indexfile **files;
    size_t n_files, cap_files;
    struct indexfile *replaced; /* removed when nobody looks at them any more */
    bool told_broken;
    atomic_bool reread;        /* index_reread() is to say so */
};

struct index {
    struct index_options options;
    char *dir, *below;
    uint64_t flush_bytes;
    _Atomic uint64_t limit; /* of what is resident: higher from a load until that is written */
    int64_t burst_ns, load_ns; /* first and last commit of loads close to each other */
    uint64_t trimmed_at; /* index thread: bytes written when the folder was looked at */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake, less; /* for the thread; for index_admit() */
    bool stopping, working; /* working: a snapshot would have to wait, and hold memory */
    struct starting *starting; /* runs being taken up; `less` tells when one is done */
    struct indexrun *runs, *active, *jobs, **jobs_tail;
    _Atomic uint64_t resident, open; /* sealed chunks; open tails */
    int64_t swept_ns; /* index thread: when runs were looked through for open tails */
    _Atomic uint64_t segments, segment_bytes, flushes, merges, written, failures, broken, restored,
        restored_points, waits;
};

/* index_trim.c: removes runs that no server has, oldest use first, until `most_bytes` are left. */
void index_trim(const char *path, uint64_t most_bytes);

/* The run's folder of segments, made if wanted and locked. A descriptor; -ENOENT; -EWOULDBLOCK:
 * another server's; another error. */
int index_open_folder(struct index *index, const char *id, bool make);

/* index_flush.c */
void *index_thread(void *index);
/* With the lock: loads are under way, or were just now, and memory is not short: they want the
 * processors, and the disk, more than the index does. */
bool index_holds(const struct index *index, int64_t now);
/* With the lock: is so much of the run in memory that it is written at once? */
bool index_has_much(const struct indexrun *r, int64_t now);
/* With the lock: the thread looks at the run from now on. */
void index_activate(struct indexrun *r);
/* Writing, with `busy` set: asks for a flush of all that is new; the lock is not held. */
void index_take(struct indexrun *r);
void index_drop_file(struct indexfile *file, bool remove);
struct indexfile *index_new_file(struct indexrun *r, const struct segment *segment);
/* Brings index->resident up to date. */
void index_count(struct indexrun *r, bool *ret_loading);
/* The file is freed when there is no memory. */
int index_add_file(struct indexrun *r, struct indexfile *file);

#endif
