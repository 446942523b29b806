/* spool.h: an agent's own state on the node's disk: DIR/.tailboard/.
 *
 *   DIR/.tailboard/
 *     run-id, dir-id            "ID INODE": who this directory is; another inode: it is a copy
 *     RUN-aA-rR/                one process of one attempt of one run
 *       run.json                what `drain` has to know (docs/formats/upload.md)
 *       token                   the run's own token, mode 0600
 *       events.jsonl            events, one a line
 *       ledger                  per file what was acknowledged; see ledger.h
 *       console/                what the command printed
 *       kept/                   other files made here that belong to the run
 *       lock                    held by the living process
 *
 * Followed files are not copied: they are the spool. Whole files are replaced by a temporary file,
 * fsync and rename; lines are appended in one write and synced; a torn last line is left out when
 * read. So a kill at any moment leaves the old or the new state.
 * Thread: one owner at a time (shiprun's lock for events). */
#ifndef TB_SHIP_SPOOL_H
#define TB_SHIP_SPOOL_H

#include <stdbool.h>

#include "base/buf.h"

#define SPOOL_FOLDER ".tailboard"
#define SPOOL_ID_BYTES 65

struct spool {
    char *dir;   /* of this process */
    int lock_fd; /* -1: not held */
};

/* Makes BASE/.tailboard/RUN-aA-rR (and what is above it) and takes its lock. 0; -EBUSY: another
 * process has it; -errno: nothing can be written there. */
_must_check_ int spool_open(struct spool *spool, const char *base, const char *run, int attempt,
                            int rank);
/* An existing folder, by its path. The same errors; -ENOENT. */
_must_check_ int spool_open_path(struct spool *spool, const char *path);
void spool_close(struct spool *spool);
/* Everything was acknowledged: the folder goes away. */
void spool_remove(struct spool *spool);

/* "DIR/NAME" of a file in the spool; heap, NULL: out of memory. */
char *spool_path(const struct spool *spool, const char *name);
/* Replaces a file as a whole. 0 or -errno. */
int spool_write(const struct spool *spool, const char *name, const void *data, size_t size);
/* Appends a line (a newline is added). 0 or -errno. */
int spool_append(const struct spool *spool, const char *name, const char *line);
/* Reads a file into `ret` (appended; its maximum holds). 0 or -errno. */
_must_check_ int spool_read(const struct spool *spool, const char *name, struct buf *ret);

/* The id kept in BASE/.tailboard/NAME; made from `fresh` if there is none or it is a copy's.
 * 0; -errno (then *ret is `fresh`). */
_must_check_ int spool_id(const char *base, const char *name, const char *fresh,
                          char ret[SPOOL_ID_BYTES]);

#endif
