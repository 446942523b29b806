/* filestate.h: where the records of one file generation become points, references and marks.
 *
 *   span ─► framing (CRCs are checked already) ─► ef_event_decode ─► tag ─► lane ─► lane_add
 *                └─► ef_scalar_again ─► lane_add    nearly all records of nearly all files
 *
 * After a call that ran out of memory the state remembers how far it came, so that the same span
 * given once more adds nothing twice.
 * Thread: the present worker of the run. Private to ingest/. */
#ifndef TB_INGEST_FILESTATE_H
#define TB_INGEST_FILESTATE_H

#include <eventfile/event.h>

#include "ingest/ingest.h"
#include "ingest/tagcache.h"

/* What one span held; added to the totals by the caller. */
struct filestate_tally {
    uint64_t records, points, references, not_events, left_out;
};

struct filestate {
    struct filestate *next; /* of the same run */
    struct run *run;
    struct generation *generation;
    struct tagcache tags;
    bool replay_wanted; /* replay_begin came, but memory was short */
    bool resumed;       /* it began in the middle: the store knows what its tags began with */
    bool told_limit;    /* the series limit was logged for this file */
    struct {            /* where the last span ended early */
        bool set;
        uint64_t record; /* offset of the record that was not done */
        size_t values;   /* of these, already added */
        bool begun;      /* its generation_event() was called */
    } stop;
};

/* A generation that has been read in part goes on where it was. NULL: out of memory. */
struct filestate *filestate_new(struct run *run, struct generation *generation);
struct filestate *filestate_free(struct filestate *file);

/* Takes records from `p` on as long as each is a scalar in the form that its tag's records have,
 * and the tag the one that came next before. Returns the first that is not, or is too near to
 * `end`; adds to *count. They are taken as filestate_span() takes them one by one. */
const uint8_t *filestate_scalars(struct filestate *file, const uint8_t *p, const uint8_t *end,
                                 uint64_t *count);

/* 0, or -ENOMEM: give the same span again later. */
int filestate_span(struct filestate *file, ef_decoder *decoder, const struct span *span,
                   struct filestate_tally *tally);
void filestate_replay_begin(struct filestate *file);
/* -ENOMEM: the replay is lost; what was there before stays. */
int filestate_replay_end(struct filestate *file);

#endif
