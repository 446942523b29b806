/* run.h: the tables of one run, and of the store: who owns what, and under which lock.
 *
 *   struct store ─► struct run ─► struct dir ─► struct generation (a life of a file)
 *                        └──────► struct series ─► struct lane (lane.h)
 *
 * "writer": fields that only the run's writer touches. "lock": written by the writer under
 * run->lock, read by others under it (the writer reads them freely). All these live as long as
 * the store; lanes may be replaced (generation_replay_end()). Private to the store. */
#ifndef TB_STORE_RUN_H
#define TB_STORE_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/lane.h"
#include "store/stitch.h"
#include "store/store.h"
#include "store/symtab.h"
#include "store/view.h"

/* Which points took which ordinals: [ordinal, ordinal + count) are lane's [index, …). */
struct log_entry {
    uint64_t ordinal, index, count;
    struct lane *lane;
};

/* A truncation (points from `step` on got hidden when the ordinal was this), or a reset. */
struct series_event {
    uint64_t ordinal;
    int64_t step;
    bool reset;
};

struct series {
    struct run *run;
    struct dir *dir;
    struct text tag;
    /* writer */
    struct lane *all;          /* every lane, also unlinked ones, newest first */
    struct series *next_changed;
    bool changed, settle, reset;  /* in this commit: listed; cuts to compute; reset wanted */
    bool reorder;              /* a file was renamed: the order of lanes may be another */
    size_t n_unlinked;         /* of `all` */
    bool truncated, told;      /* told: has points, a truncation or a reset in this commit */
    size_t n_dirty;
    int64_t truncate_step;
    struct lane **next_lanes;  /* replaces `lanes` at this commit, if not NULL */
    size_t n_next, cap_next;
    /* lock */
    struct lane **lanes;       /* in order of (path, generation, offset) */
    size_t n_lanes, cap_lanes;
    const struct series_meta *meta; /* NULL: not visible yet */
    uint64_t ordinal;
    struct log_entry *log;     /* rising ordinals; covers the last LIMIT_LIVE_BACKLOG_POINTS */
    size_t n_log, cap_log;
    struct series_event *events;
    size_t n_events, cap_events;
    uint64_t lost_event;       /* ordinal of the newest event no longer kept, + 1; 0: none */
    uint64_t log_start;        /* ordinals before this one are not in the log */
};

/* What is known about the bytes of a generation; replaced as one by a replay. */
struct facts {
    struct generation_hot hot;
    struct stitch_part *parts; /* n_parts >= 1 */
    uint32_t n_parts;
    size_t cap_parts;
    uint64_t values_at_split;
    bool session_started;      /* a START was seen */
    struct lane **lanes;
    size_t n_lanes, cap_lanes;
};

enum replay { REPLAY_NONE, REPLAY_RUNNING, REPLAY_ENDED };

struct generation {
    struct generation_hot hot; /* first: hot.h */
    struct run *run;
    struct dir *dir;
    struct generation *next_dirty;
    uint32_t number;
    size_t index;              /* in run->generations */
    bool dirty;
    enum replay replay;
    struct facts now;          /* writer; now.hot is unused, see `hot` */
    struct facts old;          /* writer; what readers see while a replay is under way */
    struct lane **dropped;     /* writer; of abandoned replays, wait to be retired */
    size_t n_dropped, cap_dropped;
    uint32_t id, incarnation;  /* writer; of the run; replays that were shown */
    uint32_t flushed_in;       /* writer; the flush that last had it; 0: none */
    bool unflushed, placed;    /* writer; placed: `covered` tells what was given */
    struct place covered;      /* writer */
    /* lock */
    const char *path;
    struct generation_hot pub;
    uint32_t pub_parts;
    bool has_interval;
    uint32_t attempt;          /* of its first part; 0: not stitched yet */
    bool hidden;               /* by a START of a later file … */
    int64_t hidden_from;       /* … from this step on */
    uint64_t damage;
    size_t place;              /* writer; in dir->files */
    double next_start;         /* writer: its end may grow up to here without changing who is after
                                  whom; -inf: may not grow */
};

/* One dir ("" for found runs): attempts are counted within it. */
struct dir {
    struct dir *next;
    struct run *run;
    struct text name;
    bool stale;                /* writer: attempts must be computed at the next commit */
    bool unsorted;
    bool settled;              /* writer: new attempts wait to be published */
    struct stitch_file *files; /* writer; of the last settling, in the order of generations */
    struct generation **generations; /* lock; by (path, number) */
    size_t n_generations, cap_generations;
    uint8_t *hiding;           /* lock; [attempt]: hides something */
    size_t n_hiding;
};

struct damage_row {
    struct generation *generation;
    struct damage damage;
    uint64_t events_before;
};

struct run {
    struct store *store;
    const char *id, *name, *experiment, *path;
    pthread_mutex_t writing;   /* held by whoever is the writer at the moment; before `lock` */
    pthread_mutex_t lock;
    struct slab slab;
    /* writer */
    struct lane *dirty;
    struct generation *dirty_generations;
    struct series *changed;
    size_t n_changed;
    struct series **changed_list;
    size_t cap_changed;
    bool touched, new_series, damage_changed;
    struct run_source next_source;
    bool source_set;
    struct lane *unflushed;    /* published lanes with more than segments have */
    uint32_t next_id, flush;   /* of generations; number of the last flush */
    uint64_t chain;            /* id of its segments; 0: none yet */
    _Atomic uint64_t change;   /* number of its last change among those of the store */
    void *kept;                /* run_set_kept() */
    uint64_t leaked;           /* lanes that could not be retired for want of memory */
    /* lock */
    struct dir *dirs;
    struct generation **generations; /* in order of their making */
    size_t n_generations, cap_generations;
    struct series **series;
    size_t n_series, cap_series, n_visible;
    struct symtab series_table;
    struct damage_row *damage;
    size_t n_damage, cap_damage;
    uint64_t damage_total;
    uint64_t commit, lanes, points, hidden, references, meta_bytes;
    uint64_t resident;         /* bytes of sealed chunks in memory */
    uint64_t open;             /* bytes of published points that are not sealed */
    double commit_wall_s, last_points_s, usual_interval_s, first_wall, last_wall;
    struct run_source source;
    struct run_life life;
};

struct subscriber {
    void (*fn)(void *ctx, const struct commit *commit);
    void *ctx;
};

struct store {
    struct store_options options;
    uint64_t epoch, seed;
    _Atomic uint64_t changes;  /* store_changes() */
    _Atomic double commit_wall_s; /* of the newest commit of any run; NaN: none yet */
    pthread_mutex_t lock;      /* runs and their table */
    struct run **runs;
    size_t n_runs, cap_runs;
    struct symtab run_table;
    struct chunkcache *cache;  /* chunks that lie in segments */
    struct bigpool *pool;      /* of all runs */
    struct run *(*make)(void *ctx, const struct run_info *info); /* store_set_maker() */
    void *make_ctx;
    pthread_rwlock_t subscribers_lock;
    struct subscriber *subscribers;
    size_t n_subscribers;
};

/* commit.c: numbers the change, calls the subscribers. Behind the change itself: who reads the
 * number first and then the run may meet the change twice, never miss it. */
void run_tell(struct run *run, const struct commit *commit);

/* run.c */
void run_free(struct run *run);
/* Puts a run that is not in the store yet into it. -EEXIST, -ENOMEM, -ENOSPC (LIMIT_DIRS). */
int run_enter(struct run *run);
struct dir *run_dir(struct run *run, const char *name);
void run_lock(struct run *run);
void run_unlock(struct run *run);
/* Room for one more item in a malloc'd array. */
int run_grow(void *array_pointer, size_t *cap, size_t count, size_t item);

/* A run that nobody knows yet. NULL: out of memory. */
struct run *run_new(struct store *store, const struct run_info *info);

/* generation.c */
/* generation_lane() of any part. */
struct lane *generation_part_lane(struct generation *generation, struct series *series,
                                  uint32_t part, const struct series_meta *meta, uint64_t offset);
/* Puts the lane on the list of this commit. */
void lane_touch(struct lane *lane);
void generation_touch(struct generation *generation);
void generation_done(struct generation *generation);
/* By (path bytewise, number). */
int generation_order(const struct generation *a, const struct generation *b);
/* Adopts the facts of an ended replay; the lanes of the old are taken out of their series by
 * settle_replay() before. */
void generation_adopt(struct generation *generation);

/* reopen.c: the open chunk that a lane ended with in its segment becomes its open tail again.
 * -ENOMEM: nothing changed. Where it cannot be read, it stays a chunk. */
int lane_reopen(struct lane *lane);

/* series.c */
struct series *run_series_make(struct run *run, struct dir *dir, struct text tag);
struct series *series_lookup(struct run *run, struct text dir, struct text tag);
void series_done(struct series *series);
/* Puts the series on the list of this commit. */
void series_touch(struct series *series);
/* -ENOMEM: nothing changed. */
int series_reserve(struct series *series, size_t more_log, size_t more_events);
/* Under the lock, after series_reserve(). */
void series_log(struct series *series, struct lane *lane, uint64_t index, uint64_t count);
void series_event(struct series *series, const struct series_event *event);
/* Takes references of all lanes of the series' kind. -ENOMEM. */
int series_look(struct series *series, enum view view, struct look *ret);
/* The same with run->lock held. */
int series_look_locked(struct series *series, enum view view, struct look *ret);
void look_done(struct look *look);

/* settle.c: what a commit means for cuts, attempts and the order of lanes. Writer, no lock. */
int settle_dirs(struct run *run);
/* All lanes of a series of which some fact changed; nothing to do for others. */
int settle_series(struct series *series);
/* Lanes with new points in series of which nothing else changed. */
int settle_growth(struct run *run);
/* True when readers will see the lane's new points after this commit. */
bool lane_grows(const struct lane *lane);
/* A lane as it will be, or is, published. */
void lane_view_of(const struct lane *lane, bool published, struct lane_view *ret);
int lane_order(const struct lane *a, const struct lane *b);

#endif
