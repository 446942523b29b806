/* walk.h: a raw answer of any length, piece by piece.
 *
 *   plan (query.h) ─► parts by their lowest key ─► held: sorted points of the loaded parts
 *                                                   └─► pieces: what lies before all other parts
 *
 * A part is a piece of a lane (a chunk, or the tail as it was). Between two steps nothing of the
 * run's memory is held on to, for a client may read slowly: each step looks again, and takes of
 * each lane what was there at the beginning. Points that came since are left out, points hidden
 * since are given. Only a reset makes the rest unknowable: -ESTALE.
 *
 * Invariants: every point of a part has low <= key <= high. `held` is sorted from `at` on, and
 * what is before the key of the next part is before every part that is not loaded.
 * Private to the store. Thread: one at a time. */
#ifndef TB_STORE_WALK_H
#define TB_STORE_WALK_H

#include "store/query.h"

#define WALK_FROM 65536  /* up to so many points an answer is gathered whole */
#define WALK_PIECE 16384 /* points of one step */

struct walk_key {
    int64_t step;
    double wall;
};

struct walk_part {
    struct walk_key low, high;
    uint64_t place;        /* of its first point, in the order of lanes */
    uint32_t view, piece;  /* indices */
    uint32_t count;        /* of the piece when the walk began */
    bool whole;
};

struct walk {
    struct series *series;
    struct query query;
    struct look look;      /* cuts and attempts of lanes; what they point to is gone */
    struct plan plan;
    struct answer head;    /* no columns */
    bool own_kinds;        /* kinds are mixed and no single one fits */
    struct walk_part *parts;
    size_t n_parts, next;  /* next: to be loaded */
    struct gather held;
    size_t at;             /* given up to here */
    uint64_t given, most;
    size_t step;           /* points of one step, at most */
};

/* series_walk() with other sizes than the usual ones: `whole` for WALK_FROM, `step` for
 * WALK_PIECE. */
_must_check_ int walk_new(struct series *series, const struct query *query, uint64_t whole,
                          size_t step, struct answer *ret, struct walk **ret_walk);

#endif
