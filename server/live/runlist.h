/* runlist.h: runs that changed, for clients that follow the list of runs.
 *
 *   commit ─► runlist_changed ─► client: those after the version it has ─► `runs` message
 *
 * Kept only while somebody follows. The JSON of a run is made once a change for all clients.
 * Thread: the live thread. */
#ifndef TB_LIVE_RUNLIST_H
#define TB_LIVE_RUNLIST_H

#include "live/idmap.h"
#include "store/store.h"

struct run_change {
    struct run *run;
    const char *name, *experiment; /* of the run */
    uint64_t version;              /* of the last change; rises over all */
    const char *id;
    bool deleted;                  /* as last seen */
    enum activity activity;        /* the same */
    struct buf json;
    uint64_t json_version;
};

struct runlist {
    struct run_change *changes;
    size_t count, capacity;
    struct idmap by_run; /* run -> place */
    uint64_t version;
};

void runlist_done(struct runlist *list);
/* Errors (no memory) are met again at the run's next change. */
void runlist_changed(struct runlist *list, struct run *run);
/* Counts the runs that changed after `since` of the store (store_changes()) as changed now. */
void runlist_since(struct runlist *list, struct store *store, uint64_t since);
/* Compares what changes with time alone: live, quiet. */
void runlist_look(struct runlist *list, struct store *store);
/* The object of GET /runs, or NULL when out of memory. */
const struct buf *runlist_json(struct run_change *change, double now);

#endif
