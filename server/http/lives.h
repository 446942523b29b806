/* lives.h: what the history knows of each run, kept ready for answers. Part of http.
 *
 *   archive (events, notes) ─► fold ─► life ─► run_set_life(): lists, live messages
 *        ▲                               ▲
 *   routes: events, notes, deletions     heartbeats, time
 *
 * The archive has the events; here is what they come to, when an agent was heard last (which is
 * kept nowhere else: after a start every agent counts as heard), and what people wrote. Every run
 * of the catalog is in the store too, also one without points.
 * The runs of the catalog come in behind the start, newest first, by a thread of its own that ends
 * then; one that is asked for before its turn comes at once. So what is said of one run is always
 * right, and a list may lack runs until lives_loaded().
 * Threads: any; one lock over all, held while a run's events are folded. */
#ifndef TB_HTTP_LIVES_H
#define TB_HTTP_LIVES_H

#include "archive/lifecycle.h"
#include "store/store.h"

struct lives;

/* Begins to read the catalog. 0; -ENOMEM or what the archive said. */
_must_check_ int lives_new(struct archive *archive, struct store *store,
                           const struct clock *clock, struct lives **ret);
struct lives *lives_free(struct lives *lives);
/* All runs of the catalog are in the store. */
bool lives_loaded(const struct lives *lives);
/* That run is in the store, if the history has it. Accepts no lives. */
void lives_bring(struct lives *lives, const char *id);

/* One run as it is now; texts are valid until it is given back. */
struct life {
    struct archive_run *archived;
    struct run *run;         /* in the store */
    struct lifecycle cycle;
    double heard_s;          /* an agent of it, last; NaN: not since the start */
    bool deleted, purged, pinned, job; /* purged: it cannot be restored */
    const char *title, *notes, *tags; /* "" if there are none; tags: JSON */
};
/* False: the history has no such run. True: lives_give_back() must follow soon; until then this
 * thread holds the lock. */
bool lives_take(struct lives *lives, const char *id, struct life *ret);
void lives_give_back(struct lives *lives);

/* A run that is new to the history, or its row anew. 0 or -ENOMEM. */
_must_check_ int lives_add(struct lives *lives, struct archive_run *archived);
/* An agent of it was heard now. */
void lives_heard(struct lives *lives, const char *id);
/* Its events changed: folds. */
void lives_changed(struct lives *lives, const char *id);
/* What people wrote, as archive_set_notes() took it. */
void lives_noted(struct lives *lives, const char *id, const struct archive_notes *notes);
void lives_deleted(struct lives *lives, const char *id, bool deleted);
/* What time alone changes; about once a second, by one thread. */
void lives_tick(struct lives *lives);

/* A rank of it is alive, or it was heard or sent bytes in the last LIMIT_BUSY_SECONDS. */
bool lives_is_busy(struct lives *lives, const char *id);

#endif
