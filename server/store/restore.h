/* restore.h: a run as its segments tell it: tables become series, lanes and places of chunks.
 *
 *   index.c: segments of one run, oldest first ─► restore_apply() … ─► restore_end(): in the store
 *
 * No chunk bytes are read. The run is nobody else's until restore_end(). Tables are hostile bytes:
 * every length, count and place is checked before it is used. Format: docs/formats/segment.md.
 * Thread: one for each restore; that thread is the run's writer until it gives it away. */
#ifndef TB_STORE_RESTORE_H
#define TB_STORE_RESTORE_H

#include "store/run.h"

struct restore;

/* NULL: out of memory. Strings are copied. */
struct restore *restore_new(struct store *store, const struct run_info *info);
/* Lets go of what did not end. Accepts NULL; returns NULL. */
struct restore *restore_free(struct restore *restore);

/* The table of the next segment. Chunks lie in [64, data_end) of `file`, which lives as long as
 * the run names it. 0; -EBADMSG: no table that this program writes; -ESTALE: of another run;
 * -ENOMEM. After an error only restore_free() is of use. */
_must_check_ int restore_apply(struct restore *restore, const void *table, size_t size,
                               const struct chunk_file *file, uint64_t data_end);

/* Makes all of it visible. `chain`: of the segments; `kept`: run_set_kept() before anybody sees
 * the run. 0 and the run; -EEXIST, -ENOSPC, -ENOMEM: it is let go. */
_must_check_ int restore_end(struct restore **restore, uint64_t chain, void *kept,
                             struct run **ret);

#endif
