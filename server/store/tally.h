/* tally.h: what is known about a stretch of points without looking at them.
 *
 * lane.c keeps one for the open tail; sealed, it is the second half of a chunk's header, so the
 * layout is the one on disk (docs/formats/chunk.md): fixed widths, no holes, little endian.
 * first and last are in the order of the lane. Steps and walls of the extremes are those of the
 * first of equal values. min_bits to wall_max mean something only if tally_finite() > 0, min_wall
 * and max_wall only if some wall time is finite (else min > max). Thread: whoever owns it. */
#ifndef TB_STORE_TALLY_H
#define TB_STORE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

enum tally_flags {
    TALLY_ASCENDS_STEP = 1, /* by (step, wall time) */
    TALLY_ASCENDS_WALL = 2, /* by (wall time, step) */
    TALLY_WALL_FINITE = 4,  /* every wall time is */
};

struct tally {
    uint8_t kind; /* enum value_kind of every value */
    uint8_t flags;
    uint8_t zero[6];
    uint32_t count, nan, pinf, ninf;
    int64_t first_step;
    double first_wall;
    uint64_t first_bits;
    int64_t last_step;
    double last_wall;
    uint64_t last_bits;
    int64_t min_step, max_step;
    double min_wall, max_wall; /* of the finite ones */
    uint64_t min_bits, max_bits;
    int64_t argmin, argmax;
    double wall_min, wall_max;
    double sum; /* of the finite values */
};
_Static_assert(sizeof(struct tally) == 160, "layout on disk");

static inline uint32_t tally_finite(const struct tally *t)
{
    return t->count - t->nan - t->pinf - t->ninf;
}

void tally_init(struct tally *tally, enum value_kind kind);

/* Adds points [0, count) in lane order, count >= 1. `step[-1]` and `wall[-1]` are readable and
 * hold the point before; for the first of all, that point itself. */
void tally_add(struct tally *tally, const int64_t *step, const double *wall, const uint64_t *bits,
               size_t count);

#endif
