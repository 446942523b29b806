/* fsck.h: does the archive hold what its catalog says? And a catalog made anew from the files.
 *
 * A second door of the module, for `tailboard fsck`. Nothing is changed by a check; a rebuild
 * writes the catalog alone and puts the old one aside. Thread: the caller's; both take as long as
 * the disk needs to read everything. */
#ifndef TB_ARCHIVE_FSCK_H
#define TB_ARCHIVE_FSCK_H

#include "archive/archive.h"

enum fsck_finding {
    FSCK_MISSING,  /* the file of a row is not there */
    FSCK_SHORT,    /* it has fewer bytes than are durable */
    FSCK_DIFFERS,  /* its hash, or its first and last bytes, are not what was acknowledged */
    FSCK_UNLISTED, /* a file without a row */
    FSCK_FINDINGS,
};
const char *fsck_word(enum fsck_finding finding);

struct fsck_report {
    void *ctx;
    /* Something is not as it should be. path: below the archive. */
    void (*found)(void *ctx, enum fsck_finding finding, const char *path);
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
};

struct fsck_totals {
    uint64_t runs, files, bytes;
    uint64_t findings[FSCK_FINDINGS];
};

/* Compares every generation with its row. 0, or -ENOMEM. */
_must_check_ int fsck_check(struct archive *archive, const struct fsck_report *report,
                            struct fsck_totals *ret);

/* Makes catalog.db from run.json, files.jsonl, events.jsonl and the files. Lengths on disk count:
 * nothing is cut. The old catalog is kept as catalog.db.old. 0; -EBUSY: *ret_holder has the
 * archive; -errno. */
_must_check_ int fsck_rebuild(const char *dir, const struct fsck_report *report,
                              struct fsck_totals *ret, struct archive_holder *ret_holder);

#endif
