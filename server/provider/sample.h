/* sample.h: which points a limited answer has: the last, the first, then for numbers the least and
 * the greatest of each stretch, for other values evenly spaced ones.
 *
 * A function of the points and the limit alone. Thread: one owner. */
#ifndef TB_PROVIDER_SAMPLE_H
#define TB_PROVIDER_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Index of item `i` of `limit` evenly spaced ones among `count` > limit >= 1 points. */
uint64_t sample_even(uint64_t i, uint64_t limit, uint64_t count);

struct sample_point {
    int64_t step;
    double wall, value;
};

/* Takes points one after another and keeps `limit` of `count`. */
struct sample {
    uint64_t count, limit, at;
    uint64_t stretches, stretch, until; /* the one that `at` is in ends before `until` */
    bool any;                           /* of this stretch, by index: */
    uint64_t first_at, second_at, low_at, high_at;
    struct sample_point first, second, low, high;
    struct sample_point *kept; /* room for `limit` points */
    size_t n_kept;
};

/* limit < count. */
void sample_init(struct sample *sample, uint64_t count, uint64_t limit, struct sample_point *room);
void sample_add(struct sample *sample, const struct sample_point *point);

#endif
