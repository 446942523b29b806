/* shiprun.h: one run that is shipped: its spool, its directories, its events, its files.
 *
 *   PUT (the run is made, its token comes) ─► POST events, each 10 s at least ─► stop orders
 *
 * Who owns what:
 *   - id, attempt, rank and everything above `lock`: set before the threads start.
 *   - what is below `lock`: under it.
 *   - roots and files: the ship thread.
 *   - channel of control, times of control: the control thread (shiprun_control()). */
#ifndef TB_SHIP_SHIPRUN_H
#define TB_SHIP_SHIPRUN_H

#include <pthread.h>

#include "ship/channel.h"
#include "ship/ledger.h"
#include "ship/ship.h"
#include "ship/spool.h"

struct shipfile;

struct shiproot {
    struct shiprun *run;
    char *path, *name; /* here; in the run's history: "logs", "outputs" */
    bool outputs;
    bool own;    /* in the spool: this process's alone */
    bool remote; /* changes made elsewhere give no news */
    bool missing_told;
    int64_t walk_ns; /* next walk */
};

struct event_row {
    char *json;
    bool sent;
};

struct shiprun {
    struct ship *ship;
    struct ship_run given; /* strings are own copies */
    struct spool spool;
    bool has_spool;

    pthread_mutex_t lock;
    char id[LIMIT_RUN_ID_BYTES + 1]; /* the server may give another one */
    char token[LIMIT_PROTOCOL_TOKEN_BYTES];
    struct event_row *events;
    size_t n_events, n_unsent;
    bool registered;    /* the server knows the run */
    bool failed_once;   /* the first try is over, one way or the other */
    bool deleted;       /* 410 */
    bool finishing;     /* no more events of the process come: send everything, complete files */
    bool files_over;    /* every file is acknowledged or cannot be had */
    bool flushed;       /* and the server knows that */
    int server_attempt; /* as PUT answered; 0: not known */
    uint64_t bytes_left, files_left, bytes_done, files_done;
    struct ship_durable *durable; /* acknowledged by answers to events, for the ship thread */
    size_t n_durable;
    struct buf left_out; /* JSON objects, comma-separated */

    struct shiproot *roots;
    size_t n_roots;
    struct shipfile *files;
    void *by_path; /* tsearch */
    size_t n_files;
    bool was_known; /* the files were queued since it is known */
    bool final;     /* finishing was seen: every file was looked at once more */
    struct shiprun *next;
    bool follows;                /* this process is the one that follows the directories */
    int follow_fd;               /* the lock that says so; -1 */
    struct ledger_entry *ledger; /* of an earlier process, sorted by name */
    size_t n_ledger;
    bool contested;     /* another run is alive in this place */
    int64_t contest_ns; /* when that is looked at again */
    bool ledger_due;
    int64_t ledger_ns, follow_ns, visit_ns; /* next times */

    int64_t try_ns, beat_ns; /* control: next PUT, next heartbeat */
    unsigned tries;
    int beat_s;
};

struct ship_durable {
    char *name;
    uint64_t offset;
};

/* 0 or -errno. The spool is opened (without one the run lives in memory only). */
_must_check_ int shiprun_new(struct ship *ship, const struct ship_run *given, struct shiprun **ret);
struct shiprun *shiprun_free(struct shiprun *run);

/* Any thread: adds an event; data is a JSON object. */
void shiprun_event(struct shiprun *run, const char *kind, const char *data);
/* The control thread's turn with this run: at most one request. Returns when to come again, ns. */
int64_t shiprun_control(struct shiprun *run, struct channel *channel, int64_t now_ns);
/* The ship thread: everything of it is at the server. */
void shiprun_files_over(struct shiprun *run);
/* run.json, for drain. */
int shiprun_save(struct shiprun *run);
/* Any thread: a file or a link that is not shipped. */
void shiprun_leave_out(struct shiprun *run, const char *name, const char *why);

/* Between two tries: 0.25 s, doubled up to LIMIT_BACKOFF_MS, with jitter. */
int64_t shiprun_backoff_ns(unsigned tries);

#endif
