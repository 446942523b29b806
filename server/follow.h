/* follow.h: between the tailer, the archive and what decodes: what is followed is kept, and what is
 * kept is read.
 *
 *   tail ── run, generation, bytes, damage ──► follow ──► archive      (copies of what is followed)
 *                                                └──────► inner sink   (ingest: points)
 *   archive ── kept files, new and grown ones ─► follow ─► tail_add_file(), tail_poke()
 *
 * The archive is the authority on generation numbers. A file that is met for the first time since
 * the start is compared with its newest kept generation by content: the same, it goes on under that
 * number; other bytes are the next one. Kept generations that no directory shows any more are read
 * from the archive: older ones before the one that is met, newest ones after the first walk.
 *
 * Paths: a found run's file `x` is `logs/x` of the archive; other runs' paths are the archive's
 * own, and the directory of such a file is its path below logs/ without the name.
 *
 * Threads: the sink's calls as in tail.h; the archive's two callbacks: its writer thread. */
#ifndef TB_FOLLOW_H
#define TB_FOLLOW_H

#include "archive/archive.h"
#include "tail/tail.h"

struct follow;

/* `inner` gets every call that is its own. NULL: out of memory. */
struct follow *follow_new(const struct tail_sink *inner);
/* After tailer and archive are closed. Accepts NULL; returns NULL. */
struct follow *follow_free(struct follow *follow);

/* For archive_open(): ctx is the struct follow. */
void follow_begun(void *follow, struct archive_file *file);
void follow_written(void *follow, struct archive_file *file);

/* The sink for tail_start(). */
struct tail_sink follow_sink(struct follow *follow, struct archive *archive);
/* The tailer runs: kept files without a source are handed to it. -ENOMEM. */
_must_check_ int follow_start(struct follow *follow, struct tail *tail);
/* Bytes of a file that are safe, by its path as the tailer knows it; all, if it is not archived. */
uint64_t follow_durable(struct follow *follow, const char *run, const char *path,
                        uint32_t generation);
/* Before tail_stop(): nothing is handed to it any more. */
void follow_stop(struct follow *follow);

#endif
