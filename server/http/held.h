/* held.h: how many points the answers under way keep in memory, counted beforehand. Part of http.
 *
 * A client that reads slowly keeps its answer: there is a limit to all of them together
 * (LIMIT_HELD_POINTS). Whoever is about to gather points takes that many first, gives them back
 * when they are let go, and waits or refuses while there is no room. One answer alone always has
 * room, whatever its size. Thread: a held belongs to one; the sum is shared by all workers. */
#ifndef TB_HTTP_HELD_H
#define TB_HTTP_HELD_H

#include "http/request.h"

enum { HELD_RETRY_MS = 100 };

struct held {
    uint64_t points; /* taken */
    uint64_t want;   /* was refused: not 0 while it is waited for */
};

/* False: no room now. */
static inline bool held_take(struct held *held, struct http_shared *shared, uint64_t points)
{
    uint64_t before = atomic_fetch_add(&shared->held_points, points);

    if (before > 0 && before + points > LIMIT_HELD_POINTS) {
        atomic_fetch_sub(&shared->held_points, points);
        held->want = points;
        return false;
    }
    held->points += points;
    held->want = 0;
    return true;
}

static inline void held_give_back(struct held *held, struct http_shared *shared)
{
    atomic_fetch_sub(&shared->held_points, held->points);
    held->points = 0;
}

/* Is there room for what was refused? */
static inline bool held_is_roomy(const struct held *held, struct http_shared *shared)
{
    uint64_t now = atomic_load(&shared->held_points);

    return now == 0 || now + held->want <= LIMIT_HELD_POINTS;
}

#endif
