/* checkup.h: a check, a repair or a new catalog of an archive that is at work, in the background.
 *
 *   checkup_start() ─► own thread: fsck_check(), fsck_renew() ─► findings, progress
 *   checkup_look()  ◄────────────────────────────────────────────┘
 *
 * A further door of the module, for the HTTP side. One at a time; what the last one found stays
 * until the next begins. Threads: any; free: one. */
#ifndef TB_ARCHIVE_CHECKUP_H
#define TB_ARCHIVE_CHECKUP_H

#include "archive/fsck.h"
#include "base/buf.h"

struct checkup;

/* `changed` is called by the thread of a check when there is something new; quickly. NULL: out of
 * memory. */
struct checkup *checkup_new(struct archive *archive, void (*changed)(void *ctx), void *ctx);
/* Stops what is under way and waits for it. Accepts NULL; returns NULL. */
struct checkup *checkup_free(struct checkup *checkup);

struct checkup_wish {
    bool repair;  /* put right what is found */
    bool renew;   /* make the catalog anew, and nothing else */
};
/* 0; -EBUSY: one is under way; -errno of the thread. */
_must_check_ int checkup_start(struct checkup *checkup, const struct checkup_wish *wish);
/* Asks it to end soon. */
void checkup_stop(struct checkup *checkup);

struct checkup_finding {
    enum fsck_finding finding;
    enum fsck_cure cure;
    char path[]; /* below the archive */
};

struct checkup_state {
    uint64_t number; /* of checks since the start; 0: there was none */
    bool running;
    struct checkup_wish wish;
    int result;      /* once it is over: 0, -ECANCELED or an error */
    uint64_t done, total; /* bytes */
    struct fsck_totals totals; /* of files: once it is over */
    uint64_t found;
    size_t listed;   /* of those that were found, LIMIT_FSCK_FINDINGS at most */
};
struct checkup_state checkup_look(struct checkup *checkup);
/* Calls `each` for listed findings [from, from + most). */
void checkup_findings(struct checkup *checkup, size_t from, size_t most,
                      void (*each)(void *ctx, const struct checkup_finding *finding), void *ctx);

#endif
