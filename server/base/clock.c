#include "base/clock.h"

#include <time.h>

int64_t clock_ns(const struct clock *clock)
{
    struct timespec t;

    if (clock)
        return atomic_load(&clock->now_ns);
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

double clock_wall_s(const struct clock *clock)
{
    struct timespec t;

    if (clock)
        return clock->wall_base_s + (double)atomic_load(&clock->now_ns) / 1e9;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void clock_advance(struct clock *clock, int64_t ns)
{
    atomic_fetch_add(&clock->now_ns, ns);
}
