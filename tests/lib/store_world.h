/* store_world.h: random event files, fed to a store in any order, and what must come out.
 *
 *   world_make(seed): files of one run as lists of events
 *   world_feed(): gives some events of some file to the store
 *   model_points(): what docs/formats/points.md says about the events that were committed, worked
 *                   out the slow and plain way, with nothing shared with the store
 *
 * The walls of files are laid so that restarts, concurrent writers, rewritten files and session
 * marks all come up. Thread: the test's. */
#ifndef TB_TESTS_STORE_WORLD_H
#define TB_TESTS_STORE_WORLD_H

#include "store/store.h"

#define WORLD_FILES 6
#define WORLD_TAGS 3
#define WORLD_EVENTS 400

struct world_event {
    double wall;
    int64_t step;
    bool start;            /* a SessionLog START */
    int tag;               /* -1: no value */
    enum value_kind kind;
    uint64_t bits;
    bool tensor;           /* a reference, of another kind than scalar */
};

struct world_file {
    char path[32];
    uint32_t number;
    struct world_event events[WORLD_EVENTS];
    size_t count, fed, committed;
    struct generation *generation;
    struct lane *lanes[WORLD_TAGS][2]; /* cached as callers do */
    /* of the model, over what is committed: */
    struct span_of {
        bool any;
        double start, end, late_start, late_end;
    } span;
    uint32_t parts[WORLD_EVENTS], attempt;
};

struct world {
    uint64_t random;
    struct world_file files[WORLD_FILES];
    size_t n_files;
    struct store *store;
    struct run *run;
    bool simple;           /* no tensors: every series is scalar */
};

struct model_point {
    int64_t step;
    double wall;
    uint64_t bits;
    enum value_kind kind;
    uint32_t attempt;
    bool hidden;
    bool tensor;
    const struct world_file *file;
    size_t event;
};

uint64_t world_random(struct world *world, uint64_t below);
void world_make(struct world *world, uint64_t seed, bool simple);
/* A store and its run; the files become generations when they are first fed. */
void world_open(struct world *world);
void world_close(struct world *world);
/* Gives up to `count` events of file `f`; returns how many. */
size_t world_feed(struct world *world, size_t f, size_t count);
void world_commit(struct world *world);
/* Takes all events of the file back and gives `count` of them again. */
void world_replay(struct world *world, size_t f, size_t count);
struct series *world_series(const struct world *world, int tag);

/* Points of the series' own kind in the order of answers; freed by the caller. *ret_other: values
 * of another kind. */
struct model_point *model_points(struct world *world, int tag, bool stitched,
                                 size_t *ret_count, size_t *ret_other);
/* Sorts by (step, wall, bits), as a live client may hold them. */
void model_sort_free(struct model_point *points, size_t count);

#endif
