/* fsck.h: does the archive hold what its catalog says? And a catalog made anew.
 *
 *   fsck_check() ─► each file against its row ─► found() ─► with `repair`: put right, said how
 *
 * A second door of the module. The archive may be at work meanwhile: what seems wrong is looked at
 * twice, and changes are the writer's (mend.c, renew.c). Without `repair` a check changes nothing.
 * Thread: the caller's, but not one of the archive's; all take as long as the disk needs to read
 * everything. */
#ifndef TB_ARCHIVE_FSCK_H
#define TB_ARCHIVE_FSCK_H

#include <stdatomic.h>

#include "archive/archive.h"

enum fsck_finding {
    FSCK_MISSING,  /* the file of a row is not there */
    FSCK_SHORT,    /* it has fewer bytes than are durable */
    FSCK_DIFFERS,  /* its hash, or its first and last bytes, are not what was acknowledged */
    FSCK_UNLISTED, /* a file without a row */
    FSCK_FINDINGS,
};
const char *fsck_word(enum fsck_finding finding);

enum fsck_cure {
    FSCK_LEFT,     /* as it was */
    FSCK_RESTORED, /* from the source, or from the object of that content */
    FSCK_CUT,      /* the row has the length of what is there */
    FSCK_ACCEPTED, /* the row has the content that is there */
    FSCK_EMPTIED,  /* it begins anew: a sender that has it sends it again */
    FSCK_ENTERED,  /* it has a row now */
    FSCK_FAILED,
};
const char *fsck_cure_word(enum fsck_cure cure);

struct fsck_report {
    void *ctx;
    /* Something is not as it should be. path: below the archive. */
    void (*found)(void *ctx, enum fsck_finding finding, const char *path, enum fsck_cure cure);
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
    const atomic_bool *stop; /* may be NULL: looked at often */
    bool repair;
};

struct fsck_totals {
    uint64_t runs, files, bytes;
    uint64_t findings[FSCK_FINDINGS];
    uint64_t cured;
};

/* Compares every generation with its row. 0; -ECANCELED: stopped; -ENOMEM. */
_must_check_ int fsck_check(struct archive *archive, const struct fsck_report *report,
                            struct fsck_totals *ret);

/* Makes catalog.db from run.json, files.jsonl, events.jsonl and the files. Lengths on disk count:
 * nothing is cut. The old catalog is kept as catalog.db.old. 0; -EBUSY: *ret_holder has the
 * archive; -errno. */
_must_check_ int fsck_rebuild(const char *dir, struct fsck_totals *ret,
                              struct archive_holder *ret_holder);
/* The same for an archive that is open: from what it knows. 0; -ESTALE: it is closing, or lost;
 * -ETIMEDOUT: the disk does not answer; -errno. */
_must_check_ int fsck_renew(struct archive *archive);

#endif
