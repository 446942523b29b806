/* live_rig.h: a store and the live side on a port of their own, in one process.
 *
 * The rig's thread accepts and hands over, as the front does; every peer counts as the own user.
 * Points are added through the store's writer functions by the test's thread. */
#ifndef TESTS_LIB_LIVE_RIG_H
#define TESTS_LIB_LIVE_RIG_H

#include <pthread.h>

#include "live/live.h"

struct live_rig {
    struct store *store;
    struct auth *auth;
    struct live *live;
    int listener;
    uint16_t port;
    pthread_t thread;
    _Atomic unsigned closed; /* connections that ended */
    char state_dir[64];
    bool stopping;
};

/* Aborts when something cannot be made. */
void live_rig_start(struct live_rig *rig, const struct clock *clock);
void live_rig_stop(struct live_rig *rig); /* stops the live side too, unless live is NULL */

/* A run with one file, and series by number: tags t0, t1, … */
struct live_writer {
    struct run *run;
    struct generation *generation;
    struct lane *lanes[1024];
    uint64_t offset;
};
void live_writer_init(struct live_writer *w, struct store *store, const char *id,
                      const char *path);
/* A new file of the same run: a restart if `wall` is after what the other has. */
void live_writer_file(struct live_writer *w, const char *path);
/* One event with one float. Visible after run_commit(w->run). */
void live_writer_point(struct live_writer *w, unsigned tag, int64_t step, double wall,
                       float value);

#endif
