/* ingest.h: spans in, points out.
 *
 *   tail ── span ──► filestate (framing, decode) ──► points ──► store
 *
 * Implements the calls of struct tail_sink (same meanings, no include): the wiring copies the
 * pointers. Every record of a span is decoded once; scalars become points, other values become
 * references, session marks become attempts; what is no event becomes damage.
 *
 * Threads: the same as the sink's: one caller at a time for a run, any thread for different runs.
 * A run's file states belong to the run's present worker; decoders are borrowed from a pool. Each
 * call holds the run for writing (run_write_begin()), so that the index may look in between. */
#ifndef TB_INGEST_INGEST_H
#define TB_INGEST_INGEST_H

#include "flow.h"
#include "store/store.h"

struct ingest;

struct ingest *ingest_new(struct store *store);
/* After the tailer has stopped. Accepts NULL; returns NULL. */
struct ingest *ingest_free(struct ingest *ingest);

void *ingest_run_found(void *ingest, const struct run_info *info);
/* A life that the store has from an index already goes on. */
/* dir: of the run, "" for its top. */
void *ingest_generation(void *ingest, void *run, const char *dir, const char *path,
                        uint32_t number);
/* Whether the store has that life of the path (0: the newest that it has; *number is set), and how
 * far it was read. */
bool ingest_resume(void *ingest, void *run, const char *path, uint32_t *number,
                   struct place *ret);
/* The store's run behind a handle. */
struct run *ingest_store_run(void *run);
void ingest_place(void *ingest, void *run, void *generation, const struct place *place);
void ingest_renamed(void *ingest, void *run, void *generation, const char *path,
                    uint32_t number);
int ingest_span(void *ingest, void *run, void *generation, const struct span *span);
void ingest_damage(void *ingest, void *run, void *generation, const struct damage *damage);
void ingest_replay_begin(void *ingest, void *run, void *generation);
void ingest_replay_end(void *ingest, void *run, void *generation);
void ingest_state(void *ingest, void *run, const struct run_source *source);
void ingest_commit(void *ingest, void *run);

struct ingest_stats {
    uint64_t records, points, references;
    uint64_t not_events; /* sound records whose payload is no event */
    uint64_t left_out;   /* values over a limit (tag length, series per run) */
    uint64_t fallbacks;  /* events that the hand-written decoder gave to protobuf-c */
};
struct ingest_stats ingest_stats(struct ingest *ingest);

#endif
