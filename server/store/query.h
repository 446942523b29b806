/* query.h: which pieces of a look answer a query, shared by queries and summaries.
 *
 *   look ─► plan_make(): counts, extent, pieces that matter ─► raw points, buckets or one bucket
 *
 * A piece that lies whole in the range and in the view is answered by its tally; only those cut
 * by an edge are decoded. Private to the store; thread: the reader's own. */
#ifndef TB_STORE_QUERY_H
#define TB_STORE_QUERY_H

#include "store/answer.h"
#include "store/run.h"

struct part {
    const struct lane_view *view;
    const struct tally *tally; /* of the piece */
    uint32_t piece;
    bool whole; /* every point of the piece belongs to the answer */
};

struct plan {
    const struct look *look;
    const struct query *query;
    struct part *parts;
    size_t n_parts;
    struct tally *tails; /* of the lanes' open tails: made once, for that takes decoding */
    uint64_t count;      /* points of the answer */
    double low, high;    /* extent of their finite x; low > high: none */
    bool beyond;         /* visible points lie behind the end of the range */
    struct scratch scratch;
};

/* -ENOMEM, or a chunk cannot be read (view_decode()). */
_must_check_ int plan_make(struct plan *plan, const struct look *look, const struct query *query);
void plan_done(struct plan *plan);

/* Adds everything in the plan to one bucket. Errors as above. */
_must_check_ int plan_sum(struct plan *plan, struct bucket *ret);

/* Would the answer be buckets? */
bool plan_is_buckets(const struct plan *plan);
/* The whole answer. -ENOMEM. */
_must_check_ int plan_answer(struct plan *plan, struct answer *ret);

/* True when the point belongs to the answer. */
bool plan_takes(const struct plan *plan, const struct lane_view *view, int64_t step, double wall);

#endif
