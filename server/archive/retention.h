/* retention.h: which runs may go: a choice, made from the list of runs alone.
 *
 *   archive_runs() ─► retention_choose() ─► shown (dry run) ─► archive_delete(), archive_purge()
 *
 * Oldest first by their newest byte. Never pinned runs, nor ones with bytes of the last 10 minutes.
 * A second door of the module: pure, no archive is needed. Thread: any. */
#ifndef TB_ARCHIVE_RETENTION_H
#define TB_ARCHIVE_RETENTION_H

#include "archive/archive.h"

struct retention {
    double max_age_s;   /* since the newest byte; 0: any age */
    uint64_t max_bytes; /* of all runs that stay; 0: any */
    uint64_t max_runs;  /* that stay; 0: any */
};

enum retention_why { RETENTION_STAYS, RETENTION_AGE, RETENTION_COUNT, RETENTION_SIZE };
const char *retention_word(enum retention_why why); /* "age", "count", "size" */

/* Fills ret_why[i] for each row; deleted ones stay as they are. The number of runs that go. */
size_t retention_choose(const struct retention *policy, const struct archive_run_row *rows,
                        size_t count, double now_s, enum retention_why *ret_why);

#endif
