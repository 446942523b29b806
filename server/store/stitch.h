/* stitch.h: which file begins a new attempt, and what it hides: docs/formats/points.md.
 *
 *   intervals of the generations of one dir ─► stitch_files(): attempts, who is after whom
 *   lanes of one series                     ─► stitch_lanes(): from which step each is hidden
 *
 * Pure functions of their arguments, so the answer cannot depend on when bytes were read.
 * Rule 1: G is after F if G starts later than F ends. Rule 2: a newer generation of a path is
 * after the older ones, and counts as no earlier than their end. Rule 3: a START at step S hides
 * steps >= S of everything that its part is after. Rule 4: attempt = 1 + the highest that the
 * file is after. No locks, no state. */
#ifndef TB_STORE_STITCH_H
#define TB_STORE_STITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stitch_part {
    bool hides; /* a START was seen */
    int64_t from;
};

/* One generation. In: all but the last group. */
struct stitch_file {
    const char *path;
    uint32_t number;
    double start, end; /* of its interval; used if has_interval */
    bool has_interval;
    uint32_t n_parts;  /* at least 1 */
    const struct stitch_part *parts;
    /* out: */
    double late_start, late_end; /* raised by rule 2 */
    uint32_t attempt;  /* of its first part; part k: attempt + k */
    /* Smallest `from` of STARTs in parts of other generations that are after this one. */
    bool hidden;
    int64_t hidden_from;
};

/* `files` are sorted by (path, number) bytewise. -ENOMEM. */
int stitch_files(struct stitch_file *files, size_t count);

/* True when a part of g is after every part of f; f and g are different generations. */
bool stitch_after(const struct stitch_file *g, const struct stitch_file *f);

/* The first value of one part of one file in a series. */
struct stitch_lane {
    const struct stitch_file *file; /* an item of the array above */
    uint32_t part;
    int64_t first_step;
    /* out: */
    bool cut;
    int64_t cut_from; /* points with step >= this are hidden */
};

/* `lanes` are sorted by (file, part), one per part. -ENOMEM. */
int stitch_lanes(struct stitch_lane *lanes, size_t count);

#endif
