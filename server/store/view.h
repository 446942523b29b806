/* view.h: what a reader sees of a series: pieces of lanes, fixed at one moment.
 *
 *   series_look() (series.h, under the run's lock) ─► struct look ─► pieces ─► query, news, lists
 *
 * A lane is a row of pieces: its chunks, then its open tail. A piece says by its tally what it
 * holds and can be decoded into columns; one that lies in a segment is read then. Looking holds no
 * lock; memory stays until look_done(), which must be called soon. Thread: the reader's own. */
#ifndef TB_STORE_VIEW_H
#define TB_STORE_VIEW_H

#include "store/lane.h"

/* Points of the largest piece, and the room that decoding it may touch. */
#define PIECE_MAX (LIMIT_CHUNK_POINTS + HOT_POINTS)
#define PIECE_ROOM (PIECE_MAX + FOR64_BLOCK)

struct lane_view {
    struct lane_data data;
    struct tally acc;     /* of the encoded blocks of the open chunk, parked ones too */
    const struct lane *lane;
    const char *path;     /* of its file, at that moment */
    uint32_t number;      /* of its generation, at that moment */
    uint32_t order;       /* place of the lane among those of its series */
    uint32_t attempt;
    bool has_cut;
    int64_t cut;
};

struct look {
    struct run *run;
    unsigned parity;
    enum view view;
    enum series_kind kind; /* 0: nothing is visible yet */
    size_t n_lanes;       /* of the series' own kind, in order of (path, generation, offset) */
    struct lane_view *lanes;
    uint64_t ordinal;
    double first_wall;    /* of the run's events: relative time counts from here; or NaN */
};

static inline size_t view_pieces(const struct lane_view *v)
{
    const struct lane_data *d = &v->data;
    return (size_t)d->n_chunks + (d->n_blocks > 0 || d->parked || d->n_raw > 0);
}

/* The tally of piece `i`; `room` is used where it must be made. Of the lane, hidden or not. */
const struct tally *view_tally(const struct lane_view *v, size_t i, struct tally *room);
/* Decodes piece `i` (all of it); returns the count. `out` has PIECE_ROOM items. A chunk that is
 * not in memory is read: -ENOMEM, or what chunkcache_get() says. */
_must_check_ ssize_t view_decode(const struct lane_view *v, size_t i, const struct points *out);
/* Points behind the last encoded block, at most 64: what live readers mostly want. `out` has 64
 * items. They are the last of the lane. */
size_t view_decode_rest(const struct lane_view *v, const struct points *out);
static inline size_t view_rest(const struct lane_view *v)
{
    return v->data.parked ? v->data.parked->block.count : v->data.n_raw;
}
enum value_kind view_kind(const struct lane_view *v, size_t i);

/* Columns of PIECE_ROOM items on the heap. */
struct scratch {
    struct points points;
};
_must_check_ int scratch_init(struct scratch *scratch);
void scratch_done(struct scratch *scratch);

#endif
