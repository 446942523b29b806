/* tail_world.h: a temporary logdir, event files written record by record, and a sink that keeps
 * what it is told, for tests of the tailer.
 *
 * The sink checks the rules every call must keep: calls of one run never overlap, spans are whole
 * records with sound CRCs that do not run into ones given before, a replay comes before its end.
 * Waits look until a deadline and print what is there when it passes. */
#ifndef TB_TESTS_TAIL_WORLD_H
#define TB_TESTS_TAIL_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "tail/tail.h"

struct tail_seen { /* one record, or one damaged range */
    uint64_t offset, size;
    uint32_t crc;
    int reason;
};

struct tail_seen_list {
    struct tail_seen *items;
    size_t n, capacity;
};

struct tail_world_file { /* one generation */
    char path[256];
    uint32_t number;
    struct tail_seen_list records, damage, staged, staged_damage;
    size_t shown; /* records at the last commit */
    bool replaying;
    unsigned replays, renames;
};

struct tail_world_run {
    struct tail_world *world;
    char id[32], name[256], experiment[64], path[4096];
    struct tail_world_file *files[512];
    size_t n_files;
    struct tail_state state;
    unsigned commits;
    atomic_flag busy;
};

struct tail_world {
    char dir[128]; /* the logdir */
    struct tail *tail;
    struct tail_options options;
    struct tail_logdir logdir;
    struct clock clock;
    pthread_mutex_t lock;
    struct tail_world_run *runs[20000];
    size_t n_runs;
    _Atomic int refuse_spans, refuse_generations; /* so many are answered -ENOMEM */
    _Atomic int64_t committed_ns; /* when the last commit came */
    _Atomic uint64_t commits;
};

/* True while the calling thread is inside the sink: what is made to fail for the tailer must not
 * fail for the test. */
extern _Thread_local bool tail_world_inside;

/* A new logdir under /tmp. Change world->options before tail_world_start(). */
struct tail_world *tail_world_new(void);
void tail_world_start(struct tail_world *world);
void tail_world_stop(struct tail_world *world);
/* Stops, removes the directory, frees. */
void tail_world_free(struct tail_world *world);

/* Paths below the logdir; directories in between are made. */
void tail_world_append(struct tail_world *world, const char *path, int first_step, int n);
void tail_world_write(struct tail_world *world, const char *path, const void *data, size_t size);
void tail_world_create(struct tail_world *world, const char *path); /* empty; cut if it exists */
void tail_world_truncate(struct tail_world *world, const char *path, size_t size);
void tail_world_rename(struct tail_world *world, const char *from, const char *to);
void tail_world_remove(struct tail_world *world, const char *path);
const char *tail_world_path(struct tail_world *world, const char *path); /* until the next call */

/* One record with a scalar; its size. All of these have the same size. */
#define TAIL_RECORD_BYTES 51
size_t tail_world_record(uint8_t *out, int step, double wall_time);
/* Records of the next append carry this wall time: a rewritten file is told by it. */
extern double tail_world_wall_time;

/* Waits until this generation shows exactly n records, and all files of the run have no more.
 * number 0: the newest life of the path. */
void tail_world_expect(struct tail_world *world, const char *run, const char *path,
                       uint32_t number, size_t n);
/* Waits until so many generations of the path were told. */
void tail_world_expect_lives(struct tail_world *world, const char *run, const char *path,
                             size_t lives);
/* Waits until `test` holds for the run's state. */
void tail_world_expect_state(struct tail_world *world, const char *run,
                             bool (*test)(const struct tail_state *state));
/* Waits until the run was found; the lock is not needed for what never changes. */
struct tail_world_run *tail_world_run(struct tail_world *world, const char *name);
struct tail_world_file *tail_world_file(struct tail_world_run *run, const char *path,
                                        uint32_t number);
size_t tail_world_runs(struct tail_world *world); /* how many were found */
void tail_world_wait_caught_up(struct tail_world *world);
/* Waits until the test holds (with the world's lock); fails the test with `what` after 20 s. */
void tail_world_wait(struct tail_world *world, bool (*test)(struct tail_world *world, void *ctx),
                     void *ctx, const char *what);

#endif
