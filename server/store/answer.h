/* answer.h: building a struct answer: points in order, or buckets, as columns.
 *
 *   query.c, news.c ─► gather (points as columns) or buckets ─► answer ─► frame.c, http
 *
 * Values of several kinds become doubles where all of them are exactly doubles; else each item
 * says its kind. Private to the store; thread: the reader's own. */
#ifndef TB_STORE_ANSWER_H
#define TB_STORE_ANSWER_H

#include "store/store.h"
#include "store/tally.h"
#include "store/view.h"

/* Points of several lanes one behind another, in the order of lanes. */
struct gather {
    size_t count, cap;
    int64_t *step;
    double *wall;
    uint64_t *bits;
    uint64_t *place; /* only of placed ones: decides between equal keys in gather_sort() */
    uint32_t *attempt;
    uint8_t *kind;
};

/* Room for `cap` points. -ENOMEM. */
_must_check_ int gather_init(struct gather *gather, size_t cap);
_must_check_ int gather_init_placed(struct gather *gather, size_t cap);
void gather_done(struct gather *gather);
/* Sorts by the order of answers along `axis`; equal ones keep their order, or take that of their
 * places. -ENOMEM. */
_must_check_ int gather_sort(struct gather *gather, enum axis axis);

/* What one bucket holds; also a summary of anything. */
struct bucket {
    uint64_t n, nan, inf, finite;
    uint32_t attempt; /* 0: mixed */
    uint8_t first_kind, last_kind, min_kind, max_kind; /* min, max: 0 if none is finite */
    int64_t step_first, step_last, argmin, argmax;
    double wall_first, wall_last, wall_min, wall_max;
    uint64_t first, last, min, max;
    double sum;
};

/* Adds points in lane order, lanes in their order: ties then need no more than that. */
void bucket_add(struct bucket *bucket, enum axis axis, int64_t step, double wall, uint64_t bits,
                enum value_kind kind, uint32_t attempt);
/* Adds all of a piece that ascends along `axis`. */
void bucket_add_tally(struct bucket *bucket, enum axis axis, const struct tally *tally,
                      uint32_t attempt);

/* Fills `ret` (but complete and ordinal) from sorted points, whose memory it takes over: a long
 * answer is never held twice; `gather` is empty then. */
void answer_points(struct answer *ret, struct gather *gather);
/* The same from buckets, leaving out the empty ones. -ENOMEM. */
_must_check_ int answer_buckets(struct answer *ret, const struct bucket *buckets, size_t count);

#endif
