/* source.h: one followed directory (a found run): its mail, its files, its turns.
 *
 * The tail thread posts names ("look at this file again") into the mail; a worker takes them and
 * visits the files. Nothing else is shared.
 *
 *   discover ── source_post() ──► mail ──► source_turn() ──► tailfile ──► sink
 *
 * Who owns what:
 *   - path, name, experiment: never change after source_new().
 *   - task, mail, and each file's place in the descriptor cache: under the pool's lock.
 *   - all else, files included: the worker that has the source now. */
#ifndef TB_TAIL_SOURCE_H
#define TB_TAIL_SOURCE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "tail/fdcache.h"
#include "tail/hashindex.h"
#include "tail/identity.h"
#include "tail/pool.h"
#include "tail/tail.h"

struct tailfile;

/* What all sources share. The counters are read by tail_stats() at any time. */
struct source_set {
    struct pool pool;
    struct fdcache fdcache;
    struct tail_sink sink;
    const struct clock *clock;
    _Atomic uint64_t runs, files, bytes_read, bytes_total, records;
    atomic_bool relists;      /* some source had `relist` set, ever: look at it */
    _Atomic uint64_t loading; /* sources found by the first walk and not read to their end yet */
};

/* A file of tail_add_file() on its way; the strings lie behind. */
struct addition {
    struct addition *next;
    struct tail_added added;
};

struct source_mail {
    struct addition *additions; /* the latest first */
    bool poked;                 /* files that were added and grow are looked at */
    char **names; /* sorted: files to be looked at */
    size_t n_names, capacity;
    bool all;     /* and all that are known */
    enum tail_watch watch;
    uint32_t poll_ms, left_out;
};

struct source {
    struct pool_task task; /* first: a task is its source */
    struct source_set *set;
    char *path, *name, *experiment;
    char *id; /* NULL: made from the path */
    struct source_mail mail;

    void *handle; /* the sink's */
    bool refused;
    bool first_load; /* counted in set->loading */
    atomic_bool relist; /* a name was lost for want of memory: the directory is listed again */
    struct tailfile **files; /* by path: the present life of each, sorted */
    size_t n_files, capacity;
    struct hashindex by_inode; /* files and orphans that were opened, but for other hard links */
    struct tailfile *added;   /* files of tail_add_file() */
    struct tailfile *orphans; /* lives whose path is another's now */
    struct tailfile *dirty, **dirty_tail;
    struct tailfile *waiting; /* files with a due time */
    unsigned present;    /* files whose path is there */
    unsigned unreadable, cut, troubled;
    struct tail_state state, told;
    bool told_once;
};

/* A turn under way. */
struct source_turn {
    struct source *source;
    int64_t budget; /* bytes that may still be read */
    int64_t granted; /* bytes beyond those of a usual turn */
    int64_t now_ns;
    bool bytes_came; /* by the file at hand */
    struct identity_scratch scratch;
    char path[LIMIT_PATH_BYTES]; /* of the file at hand */
};

/* NULL: out of memory. Strings are copied. */
struct source *source_new(struct source_set *set, const char *path, const char *name,
                          const char *experiment);
/* After the pool has stopped. Accepts NULL; returns NULL. */
struct source *source_free(struct source *source);

/* Any thread: looks at these names in a turn, with `all` at the known ones too. The names are
 * copied. -ENOMEM: all known ones are looked at, new ones may be missed. */
int source_post(struct source *source, const char *const *names, size_t n, bool all, bool live);
/* Any thread: how it is watched, and how many temporary names there are now; wakes nobody. */
void source_post_watch(struct source *source, enum tail_watch watch, uint32_t poll_ms,
                       uint32_t left_out);
/* Any thread: hands a file over that is not in the directory. */
void source_post_addition(struct source *source, struct addition *addition);
/* Any thread: files that were added and grow are looked at. */
void source_poke(struct source *source);
/* May the turn go on reading? While nobody waits for a worker, a turn is longer: its end costs a
 * commit, and the worker that helps goes to sleep. */
bool source_may_read(struct source_turn *turn);
/* A worker's turn; the pool calls it. */
struct pool_verdict source_turn(struct pool_task *task);

/* For tailfile: the file wants a visit in this or the next turn, or at a time (-1: never). */
void source_mark_dirty(struct source *source, struct tailfile *file);
void source_wait_until(struct source *source, struct tailfile *file, int64_t due_ns);
/* For tailfile: puts `file` in the place of the present life of its path (which is handed to the
 * orphans or, without a descriptor, released) or adds it. 0 or -ENOMEM. */
_must_check_ int source_replace(struct source *source, struct tailfile *old,
                                struct tailfile *file);
/* For tailfile: releases a file that never was opened. */
void source_forget(struct source *source, struct tailfile *file);
/* For tailfile: the file has this device and inode from now on; st NULL: none. */
void source_set_inode(struct source *source, struct tailfile *file, const struct stat *st);
/* For tailfile: the file of this device and inode whose own path does not lead to it any more;
 * NULL: there is none. */
struct tailfile *source_find_moved(struct source *source, const struct stat *st);
/* For tailfile: gives a file the place of the newcomer, which is released. */
void source_rename(struct source *source, struct tailfile *file, struct tailfile *newcomer);

#endif
