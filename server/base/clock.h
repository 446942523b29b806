/* clock.h: time, with a source that tests can set.
 *
 * Monotonic nanoseconds are for intervals, wall seconds (since 1970) for what people read.
 * A NULL clock is the system's. Thread: any (a test's clock is set before threads start, or by
 * clock_advance, which is atomic). */
#ifndef TB_BASE_CLOCK_H
#define TB_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* A clock that stands still until a test advances it. */
struct clock {
    _Atomic int64_t now_ns; /* monotonic */
    double wall_base_s;     /* wall time at now_ns = 0 */
};

int64_t clock_ns(const struct clock *clock);     /* monotonic, ns */
double clock_wall_s(const struct clock *clock);  /* seconds since 1970 */
void clock_advance(struct clock *clock, int64_t ns);

#endif
