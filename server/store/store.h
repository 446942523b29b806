/* store.h: points of all runs in memory: written by ingest, read by http and live.
 *
 *   store ─► run ─► series (dir, tag) ─► lane (generation, part) ─► chunks | open tail
 *             └──► generation (one life of one file) ─► attempts
 *
 * Order, attempts and what is hidden are functions of the bytes, never of when they were read:
 * docs/formats/points.md. Every point is kept.
 *
 * Threads: a run has one writer at a time (the ingest worker whose turn it is; hand-over gives a
 * happens-before). The writer prepares privately and publishes with run_commit(), which takes the
 * run's lock for a time that depends on the count of changed lanes, not of points. Readers are any
 * threads; they take the run's lock to collect references and decode outside of it. Lock order:
 * store, then run. Runs, series and generations live as long as the store.
 *
 * "Writer only" functions below: only by the run's present writer. */
#ifndef TB_STORE_STORE_H
#define TB_STORE_STORE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "flow.h"

struct store;
struct run;
struct series;
struct generation;
struct lane;

/* ---- life ------------------------------------------------------------------------------- */

struct store_options {
    const struct clock *clock; /* NULL: the system's */
    uint64_t epoch;            /* 0: 64 random bits */
    uint64_t cache_bytes;      /* of chunks read back from segments; 0: 64 MiB */
};

/* NULL when out of memory. */
struct store *store_new(const struct store_options *options);
/* Only when no writer and no reader is left. Accepts NULL; returns NULL. */
struct store *store_free(struct store *store);
uint64_t store_epoch(const struct store *store);

/* ---- writing ---------------------------------------------------------------------------- */

struct run_info { /* strings are copied */
    const char *id;         /* [0-9A-Za-z_-]{1,64} */
    const char *name;
    const char *experiment;
    const char *path;       /* directory at the source */
    bool deleted;           /* until run_set_life() says otherwise */
};

/* Finds or makes the run; any thread. NULL: out of memory or LIMIT_DIRS runs. */
struct run *store_run(struct store *store, const struct run_info *info);
/* Where runs that the store has not come from, before anybody writes to them: an index. `make`
 * returns the run, from store_make_run() or with what is known of it; NULL: it is made empty. Set
 * before runs are made, or (NULL) when no more will be. */
void store_set_maker(struct store *store,
                     struct run *(*make)(void *ctx, const struct run_info *info), void *ctx);
/* store_run() without asking the maker. */
struct run *store_make_run(struct store *store, const struct run_info *info);

/* Writer only: a new generation of `path` (relative to the run's directory, "/"-separated) in
 * `dir` ("" for found runs). Numbers of one path rise. NULL when out of memory. */
struct generation *run_generation(struct run *run, const char *dir, const char *path,
                                  uint32_t number);
/* Writer only: the file's path, and its number among those of that path, from now on. Orders may
 * change: watchers are reset. */
int generation_rename(struct generation *generation, const char *path, uint32_t number);

enum series_kind {
    SERIES_SCALAR = 1, SERIES_TENSOR, SERIES_HISTOGRAM, SERIES_IMAGE, SERIES_AUDIO, SERIES_TEXT,
    SERIES_HPARAMS, SERIES_GRAPH, SERIES_BLOB,
};
/* "scalar", "tensor", …; and back (0: unknown word). */
const char *series_kind_word(enum series_kind kind);
enum series_kind series_kind_parse(const char *word, size_t size);

struct text { /* bytes as in the file, perhaps not UTF-8; not terminated */
    const char *data;
    size_t size;
};

struct series_meta { /* of the first value; copied */
    enum series_kind kind;
    struct text plugin, content, display_name, description;
    int data_class; /* 0 unknown, 1 scalar, 2 tensor, 3 blob sequence */
};

/* Writer only: says what an event other than file_version tells about its file: its wall time, and
 * whether it has a value (any Summary value, graph_def, tagged_run_metadata). Called for every
 * such event in file order, before its values are added; `offset` is the record's. Hot. */
static inline void generation_event(struct generation *generation, uint64_t offset,
                                    double wall_time, bool has_value);
/* Writer only: a SessionLog START at `step`: hides, or splits the file into parts. */
int generation_session_start(struct generation *generation, int64_t step);

/* Writer only: the lane of (tag, meta->kind) in the file's present part, made if it is new.
 * `offset` is that of the record with its first value. The result stays valid until the next
 * generation_session_start() or replay of this generation: callers cache it by tag. NULL: out of
 * memory, or LIMIT_SERIES_PER_RUN. */
struct lane *generation_lane(struct generation *generation, struct text tag,
                             const struct series_meta *meta, uint64_t offset);

/* Writer only: appends a number. 0; -ENOMEM (nothing was appended). Hot: ~10 ns amortised,
 * encoding included. */
static inline int lane_add(struct lane *lane, int64_t step, double wall_time,
                           enum value_kind kind, uint64_t bits);

/* A value that stays in its file. */
struct reference {
    int64_t step;
    double wall_time;
    uint64_t offset; /* of the value's member in the event file */
    uint64_t length; /* bytes */
    uint64_t record; /* offset of its record */
};
/* Writer only: appends a reference to a lane that is not scalar. 0; -ENOMEM. */
int lane_add_reference(struct lane *lane, const struct reference *reference);

/* Writer only: everything given for this generation so far is replaced, at the first commit after
 * generation_replay_end(), by what comes between the two. Readers see the old until then. */
int generation_replay_begin(struct generation *generation);
int generation_replay_end(struct generation *generation);

/* How far a file was read, and what proves that it is the same file: checksums (CRC-32C) of its
 * first bytes and of the last sound ones before `offset`. */
struct place {
    uint64_t offset;
    uint32_t head_size, head_crc;
    uint64_t window_end;
    uint32_t window_size, window_crc;
};
/* Writer only: all that lies before place->offset was given, and nothing behind it. NULL: that is
 * not so any more (more is being given). Only a generation with a place can be flushed. */
void generation_place(struct generation *generation, const struct place *place);
/* Writer only: where to go on. False: unknown. */
bool generation_placed(const struct generation *generation, struct place *ret);
/* Writer only: that generation of the path, 0: its newest. NULL: there is none. */
struct generation *run_find_generation(struct run *run, const char *path, uint32_t number);
uint32_t generation_number(const struct generation *generation);
/* Writer only: the kind of the tag's first value in this file; 0: it has none yet. */
enum series_kind generation_first_kind(const struct generation *generation, struct text tag);

/* Whoever writes holds this between the two, so that the index may look at the run meanwhile.
 * Not needed where nothing else runs (tests). */
void run_write_begin(struct run *run);
void run_write_end(struct run *run);
/* A pointer for the wiring; any thread that the wiring says. */
void run_set_kept(struct run *run, void *kept);
void *run_kept(const struct run *run);

/* Writer only. Adds to, or (same offset: length or reason changed) updates the damage list. */
int generation_damage(struct generation *generation, const struct damage *damage);

/* State of the source: copied at the next commit. */
struct run_source {
    const char *watch;   /* "inotify" or "poll"; static text */
    uint32_t poll_ms;
    bool gone, loading, cut_at_source;
    uint32_t unreadable, left_out;
    uint64_t bytes_total, bytes_read;
    double newest_byte_wall_s;
    char message[160];
};
/* Writer only. */
void run_source(struct run *run, const struct run_source *source);

/* What is known of a run beside its points: from whoever keeps its history. */
struct run_life {
    const char *status, *reason; /* static words; NULL: nobody reports, nothing to say */
    char message[160];
    char title[128];             /* given by people; "" if none */
    bool kept;                   /* the history has it */
    bool cancel_requested, not_responding, files_complete, deleted, pinned;
    bool has_exit;
    int exit_code, signal;
    uint32_t attempt, ranks, started, ended;
    double created_s, started_s, ended_s; /* NaN: not yet */
};
/* Any thread. Counts as a commit without points, if anything changed. */
void run_set_life(struct run *run, const struct run_life *life);
/* Any thread. Tells subscribers of a run that came in as it is, without a commit. */
void run_announce(struct run *run);
bool run_is_deleted(struct run *run);

/* Writer only: makes everything since the last commit visible together; takes the next commit
 * number if anything changed; then calls the subscribers. */
int run_commit(struct run *run);

/* ---- being told ------------------------------------------------------------------------- */

struct commit {
    struct run *run;
    uint64_t number;            /* of this run, rising */
    struct series *const *changed; /* series with points, truncations or resets; borrowed */
    size_t n_changed;
    bool new_series, run_changed, damage_changed; /* anything GET /runs or /damage shows */
    double wall_s;              /* when */
};

/* Called by the writer's thread after each commit, without locks; must be quick. Subscribe before
 * writers start or at any time; unsubscribe waits until no call is under way. -ENOMEM. */
_must_check_ int store_subscribe(struct store *store,
                                 void (*fn)(void *ctx, const struct commit *commit), void *ctx);
void store_unsubscribe(struct store *store,
                       void (*fn)(void *ctx, const struct commit *commit), void *ctx);

/* ---- reading: runs ---------------------------------------------------------------------- */

enum activity { ACTIVITY_LIVE, ACTIVITY_QUIET, ACTIVITY_GONE };
const char *activity_word(enum activity activity);

/* A run as lists show it. Strings belong to the run and never change. */
struct run_summary {
    struct run *run;
    const char *id, *name, *experiment, *path;
    enum activity activity;   /* quiet: no bytes for 3 x the usual interval (at least 30 s) */
    uint32_t attempts;        /* highest attempt of a file with a value, else 0 */
    uint32_t restarts;        /* attempts that hide something, beyond the first */
    double first_wall, last_wall; /* of events, finite; NaN if none */
    uint64_t points;          /* scalar points, view `all` */
    uint64_t hidden;          /* of these, not in the stitched view */
    uint64_t references;      /* values of other kinds */
    uint64_t series, files;
    uint64_t bytes;           /* read from event files */
    uint64_t damage;          /* entries (also those beyond the listed ones) */
    uint64_t commit;          /* number of the newest */
    double commit_wall_s;     /* when; NaN: never */
    double usual_interval_s;  /* between commits with points; NaN if unknown */
    uint64_t changed;         /* number of the last change of what is said here: store_changes() */
    struct run_source source;
    struct run_life life;
};

/* Changes of runs are numbered over the whole store, from 1. Read before a list, the number says
 * what the list may lack: a run whose `changed` is greater. Any thread. */
uint64_t store_changes(struct store *store);

/* How many runs there are, and when one was committed last (NaN: never). For those who ask again
 * and again: costs the same with any number of runs. Any thread. */
size_t store_pulse(struct store *store, double *ret_commit_wall_s);

/* All runs, in order of name (natural order of "/"-parts); *ret is freed by the caller. */
_must_check_ int store_runs(struct store *store, struct run_summary **ret, size_t *ret_count);
/* NULL: no such run. */
struct run *store_find_run(struct store *store, const char *id);
void run_summarize(struct run *run, struct run_summary *ret);
uint64_t run_commit_number(struct run *run);

/* One event file as lists show it. */
struct file_summary {
    char *path; /* freed with file_summaries_free() */
    struct text dir; /* of the run; valid while the store is */
    uint32_t generation, attempt;
    double first_wall, last_wall; /* of its interval; NaN if none */
    uint64_t points, references, damage;
    int64_t hides_from; /* stitched: its own points from this step on are hidden … */
    bool hides;         /* … if set in some series */
};
_must_check_ int run_files(struct run *run, struct file_summary **ret, size_t *ret_count);
void file_summaries_free(struct file_summary *files, size_t count);

/* One attempt as the page shows it: first/last step and wall time over its files. */
struct attempt_summary {
    uint32_t attempt, files;
    double first_wall, last_wall;
    int64_t first_step, last_step;
    uint64_t points, hidden;
};
_must_check_ int run_attempts(struct run *run, struct attempt_summary **ret, size_t *ret_count);

struct damage_entry {
    char *path; /* freed with damage_entries_free() */
    uint32_t generation;
    struct damage damage;
    uint64_t records_after; /* sound records given after it so far */
};
_must_check_ int run_damage(struct run *run, struct damage_entry **ret, size_t *ret_count);
void damage_entries_free(struct damage_entry *entries, size_t count);

/* ---- reading: series -------------------------------------------------------------------- */

/* NULL: not there (yet). `dir` "" for found runs. */
struct series *run_find_series(struct run *run, struct text dir, struct text tag);

struct series_summary {
    struct series *series;
    struct text dir, tag;        /* belong to the series */
    struct series_meta meta;     /* texts are valid while the store is */
    uint64_t count;              /* view asked for */
    uint64_t other;              /* values of another kind under this tag */
    int64_t first_step, last_step; /* in the order of answers; 0 if count is 0 */
    double first_wall, last_wall;
    double max_wall;             /* of the finite ones; NaN if none */
    /* scalars: */
    enum value_kind last_kind, min_kind, max_kind;
    uint64_t last_bits, min_bits, max_bits; /* finite ones; kind 0: there is none */
    int64_t min_step, max_step;
    uint64_t nan, inf;           /* counts */
    uint64_t ordinal;
};
enum view { VIEW_STITCHED, VIEW_ALL };
/* All series of a run in natural order of the tag; *ret freed by the caller. */
_must_check_ int run_series(struct run *run, enum view view, struct series_summary **ret,
                            size_t *ret_count);
int series_summarize(struct series *series, enum view view, struct series_summary *ret);
struct run *series_run(const struct series *series);
/* The next number that an append to it would take; changes exactly with points and resets. */
uint64_t series_ordinal(struct series *series);

enum axis { AXIS_STEP, AXIS_WALL, AXIS_RELATIVE };

struct query {
    enum axis axis;
    enum view view;
    bool limited;     /* from and to hold; both ends included */
    double from, to;  /* in units of the axis; step ranges beyond 2^53: from_step, to_step */
    int64_t from_step, to_step; /* AXIS_STEP */
    uint32_t width;   /* px; 0: raw points. More than 4 x width points: buckets */
    uint64_t max_points; /* -EOVERFLOW when the answer would hold more; 0: LIMIT_ANSWER_POINTS */
};

/* Columns of raw points or of buckets, in the order of answers; freed by answer_done(). */
struct answer {
    bool buckets;
    bool complete;      /* up to the end of the series */
    size_t count;
    uint64_t ordinal;   /* of the series when asked */
    uint32_t attempt;   /* of all, or 0: mixed, then `attempts` is set */
    uint32_t *attempts;
    int64_t *step;      /* points: step; buckets: of the first point */
    double *wall;
    enum value_kind kind;  /* of `bits`; F64 when kinds are mixed and all fit exactly */
    uint64_t *bits;     /* points: value. buckets: `first` */
    uint8_t *kinds;     /* only when kinds are mixed and no single one fits; else NULL */
    /* buckets only: */
    uint64_t *last, *min, *max; /* bits like `bits` (NaN when there is no finite one) */
    double *mean;
    uint32_t *n, *nan, *inf;
    int64_t *argmin, *argmax, *step_last;
    double *wall_last, *wall_min, *wall_max;
    void *memory;       /* holds all columns */
};

/* 0; -ENOMEM; -EOVERFLOW; -EIO or another error: a segment cannot be read. A series of another
 * kind than scalar answers count 0. */
_must_check_ int series_query(struct series *series, const struct query *query,
                              struct answer *ret);
void answer_done(struct answer *answer);
/* The most items that its answer would hold now. 0; -ENOMEM. */
_must_check_ int series_count(struct series *series, const struct query *query, uint64_t *ret);

/* A long raw answer, given in pieces: all points as they were at the beginning, in memory that
 * does not grow with their number (it does with how much the files' ranges overlap). One thread
 * at a time. */
struct walk;
/* *ret_walk NULL: *ret is the whole answer (buckets, or few points), as by series_query(). Else
 * *ret tells about the whole (count, complete, ordinal, attempt, kind) and has no columns.
 * max_points of the query is not looked at. 0; -ENOMEM. */
_must_check_ int series_walk(struct series *series, const struct query *query, struct answer *ret,
                             struct walk **ret_walk);
/* The most points that it holds at once: a bound to be reserved before the first step. */
uint64_t walk_points(const struct walk *walk);
/* The next points, at least one; freed by answer_done(). Only the last piece is `complete`. 1; 0:
 * that was all; -ENOMEM; -ESTALE: the series was reset meanwhile, the answer cannot be ended. */
_must_check_ int walk_next(struct walk *walk, struct answer *ret);
/* From the beginning again. */
void walk_rewind(struct walk *walk);
/* Accepts NULL; returns NULL. */
struct walk *walk_free(struct walk *walk);

/* The references of a series that is not scalar, in the order of answers; *ret freed by the
 * caller. path and generation say which file each is in. */
struct value_place {
    struct reference reference;
    const char *path; /* belongs to the generation; valid while the store is */
    uint32_t generation, attempt;
};
_must_check_ int series_references(struct series *series, enum view view,
                                   struct value_place **ret, size_t *ret_count);

/* ---- reading: what is new --------------------------------------------------------------- */

enum news_kind {
    NEWS_NONE,   /* nothing after the ordinal */
    NEWS_POINTS, /* *ret: truncations first, then visible points in append order */
    NEWS_BEHIND, /* ask history again: a reset, or more than LIMIT_LIVE_BACKLOG_POINTS behind */
};

struct news {
    enum news_kind kind;
    size_t n_truncations;
    int64_t truncate[LIMIT_SERIES_EVENTS]; /* steps; view stitched only */
    struct answer points; /* kind points, or buckets when more than `max_points` are visible */
    uint64_t ordinal;     /* cursor after this news */
};

/* What came after `ordinal`, by one consistent look. max_points: more visible points than that
 * are given as at most that many buckets. 0; -ENOMEM. ret is released with news_done(). */
_must_check_ int series_news(struct series *series, enum view view, uint64_t ordinal,
                             uint32_t max_points, struct news *ret);
void news_done(struct news *news);

/* ---- frames ----------------------------------------------------------------------------- */

enum frame_column { /* bits of `cols`, in the order of the wire (docs/formats/frames.md) */
    COL_STEP = 1u << 0, COL_WALL = 1u << 1, COL_FIRST = 1u << 2, COL_LAST = 1u << 3,
    COL_MIN = 1u << 4, COL_MAX = 1u << 5, COL_MEAN = 1u << 6, COL_N = 1u << 7, COL_NAN = 1u << 8,
    COL_INF = 1u << 9, COL_ARGMIN = 1u << 10, COL_ARGMAX = 1u << 11, COL_STEP_LAST = 1u << 12,
    COL_WALL_LAST = 1u << 13, COL_WALL_MIN = 1u << 14, COL_WALL_MAX = 1u << 15,
    COL_ALL = 0xffffu,
};
/* Mask from names as in requests ("step", "wall", …); 0: unknown name. "value" is COL_FIRST. */
uint32_t frame_column_parse(const char *name, size_t size);
const char *frame_column_word(uint32_t bit);

/* Appends the frame(s) of an answer: points or buckets, each padded to 8 bytes. `approximate`
 * allows wall times in units of 2^-12 s (charts only). */
int frame_answer(struct buf *out, const struct answer *answer, uint32_t handle, uint32_t cols,
                 bool approximate);
int frame_truncate(struct buf *out, uint32_t handle, int64_t step, uint64_t ordinal);
int frame_behind(struct buf *out, uint32_t handle, uint64_t ordinal);

/* ---- figures ---------------------------------------------------------------------------- */

struct store_stats {
    uint64_t runs, series, lanes, points, references;
    uint64_t chunks, chunk_bytes;   /* sealed; bytes of those in memory */
    uint64_t segment_bytes;         /* of those that lie in segments only */
    uint64_t cache_bytes, cache_hits, cache_misses;
    uint64_t tail_bytes;            /* open tails, blocks and raw */
    uint64_t table_bytes;           /* runs, series, lanes, tags */
};
void store_stats(struct store *store, struct store_stats *ret);

#include "store/hot.h" /* bodies of the two inline functions */
#include "store/summary_json.h"
#include "store/tagname.h"

#endif
