/* ship.h: files and events of runs to a server, with resume. The module's only door.
 *
 *   folders, console ──► shipfile ──► upload ──► channel ──► server (archive)
 *   events, heartbeats ──► shiprun ──► channel ──►    "
 *                    ◄── durable offsets, stop orders ◄──
 *
 * Two threads: "ship" looks at files and sends their bytes, "control" makes runs known, sends
 * events and heartbeats, and hears of stop orders. Acknowledged means durable at the server. What
 * is not acknowledged is sent again, by this process or by a later one that finds the spool.
 * Without a server everything stays in the spool. */
#ifndef TB_SHIP_SHIP_H
#define TB_SHIP_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ship;
struct shiprun;

struct ship_root {
    const char *path; /* absolute */
    const char *name; /* in the run's history: "logs", "outputs" */
    bool outputs;
};

enum ship_before {
    SHIP_BEFORE_OURS,      /* files that are there already belong to the run */
    SHIP_BEFORE_IF_CHANGED /* only once they change */
};

struct ship_run { /* strings are copied */
    const char *id;
    const char *base;  /* the spool lies in BASE/.tailboard; NULL: an existing one in `spool` */
    const char *spool; /* path of an existing spool, for drain */
    int attempt, rank, ranks, node;
    bool join;            /* other processes have the same id: one a directory follows it */
    const char *document; /* JSON object of PUT */
    const char *source;   /* DIRID */
    const struct ship_root *roots;
    size_t n_roots;
    const char *console; /* folder of the console's files in the run's history; those of attempt
                            A > 1 lie in aA/ below it */
    enum ship_before before;
    bool keep; /* the spool stays when all is flushed: the run may go on later */
};

/* What a spool says of its run. One block; strings live with it. */
struct ship_saved {
    struct ship_run run; /* for ship_add() */
    const char *server;  /* NULL: none was named */
    void *tree;
};

struct ship_stop {
    const char *kind, *reason; /* "cancel", … */
    double grace_s;            /* negative: not said */
    bool now;
};

struct ship_options {
    const char *server;  /* URL; NULL: nothing is sent */
    const char *token;   /* to make runs with; NULL */
    uint64_t limit_rate; /* bytes a second; 0: none */
    void (*stop)(void *ctx, struct shiprun *run, const struct ship_stop *stop); /* control thread */
    void (*trouble)(void *ctx, const char *text); /* one line for people; any thread */
    void *ctx;
};

/* Makes the runs and starts the threads. -EINVAL: the URL is none; -ELIBACC: https without
 * libcurl. *ret_why tells (constant text). */
_must_check_ int ship_start(const struct ship_options *options, struct ship **ret,
                            const char **ret_why);
/* Before or after the start. 0; -EBUSY: a living process has this spool; -errno. */
_must_check_ int ship_add(struct ship *ship, const struct ship_run *given, struct shiprun **ret);

/* Any thread: one event of the run; data is a JSON object. */
void ship_event(struct shiprun *run, const char *kind, const char *data);
/* No more comes: files are taken as they are, completed, and `flushed` is said. */
void ship_finish(struct shiprun *run);
/* The attempt was not known when the run was added (before any event). */
void ship_set_attempt(struct shiprun *run, int attempt);

/* Waits until the first try to make the run known is over, at most timeout_ms. */
void ship_wait_known(struct shiprun *run, int timeout_ms);
/* What the server gave: "" if nothing did. Valid until ship_stop(). */
void ship_identity(struct shiprun *run, char *ret_id, size_t id_size, char *ret_token,
                   size_t token_size, int *ret_attempt);
/* The spool's folder, with console/ (shipped to the run's console) and kept/ (to its top) in it;
 * NULL: nothing can be written. */
const char *ship_spool(const struct shiprun *run);

/* Is there a server to send to? */
bool ship_sends(const struct ship *ship);
/* Readable when every run that was finished is flushed. */
int ship_done_fd(const struct ship *ship);
bool ship_done(struct ship *ship);

struct ship_left {
    uint64_t bytes, files, events; /* known here and not acknowledged */
    uint64_t bytes_done, files_done;
    bool deleted; /* the run was deleted at the server */
    bool flushed; /* the server knows that it has everything */
};
struct ship_left ship_left(struct shiprun *run);

/* Stops the threads (within a second, else they are left behind and false is returned: end the
 * process then), writes the ledgers, removes the spools of flushed runs, frees. Accepts NULL. */
bool ship_stop(struct ship *ship);

/* Runs below DIR whose process is gone and that left something behind: calls `each` with the path
 * of each spool. Returns how many. */
size_t ship_find_spools(const char *dir, void (*each)(void *ctx, const char *path), void *ctx);

/* Reads run.json of a spool. 0; -ENOENT; -EBADMSG. */
_must_check_ int ship_load(const char *spool, struct ship_saved *ret);
void ship_saved_done(struct ship_saved *saved);
/* BASE/.tailboard/RUN-aA-rR, as ship_add() makes it. Heap; NULL: out of memory. */
char *ship_spool_path(const char *base, const char *run, int attempt, int rank);

/* Directory's own id (BASE/.tailboard/dir-id), and the run's that follows it (run-id). 0; -errno:
 * it cannot be kept, ret is a fresh one. */
#define SHIP_ID_BYTES 65
_must_check_ int ship_dir_id(const char *base, const char *fresh, char ret[SHIP_ID_BYTES]);
_must_check_ int ship_run_id(const char *base, const char *fresh, char ret[SHIP_ID_BYTES]);

/* Lies this path where other machines see it too? */
bool ship_is_remote(const char *path);

#endif
