/* hot.h: the few words that every event and every point touches, and the code that does.
 *
 * Included by store.h alone. struct lane and struct generation begin with these, so that the two
 * calls of the read loop are stores into memory that is already near; anything rare goes out of
 * line. Writer only. */
#ifndef TB_STORE_HOT_H
#define TB_STORE_HOT_H

#include <math.h>

#include "flow.h"

#define HOT_HISTORY 2 /* slots before the first point, for the codec */
#define HOT_POINTS 64

/* Points as columns, as they come in: one encoder block. */
struct columns {
    int64_t step[HOT_HISTORY + HOT_POINTS];
    double wall[HOT_HISTORY + HOT_POINTS];
    uint64_t bits[HOT_HISTORY + HOT_POINTS];
};

struct lane_hot {
    struct columns *raw; /* NULL: none at present */
    uint32_t used;       /* points in it */
    uint32_t limit;      /* from here on lane_add_slow() must look; 0 after each commit */
    uint32_t kind;       /* enum value_kind of the points in it */
};

struct generation_hot {
    double start;         /* first finite wall time; NaN: none yet */
    double end;           /* largest finite wall time; -inf: none yet */
    uint64_t events;
    uint64_t values;      /* events with a value */
    uint64_t first_value; /* offset of the first of these */
    bool fast;            /* nothing is left to be noticed but a later end; false after commits */
};

int lane_add_slow(struct lane *lane, int64_t step, double wall_time, enum value_kind kind,
                  uint64_t bits);
void generation_event_slow(struct generation *generation, uint64_t offset, double wall_time,
                           bool has_value);

static inline void generation_event(struct generation *generation, uint64_t offset,
                                    double wall_time, bool has_value)
{
    struct generation_hot *hot = (struct generation_hot *)generation;

    hot->events++;
    if (__builtin_expect(!hot->fast || !(wall_time - wall_time == 0.0), 0)) {
        generation_event_slow(generation, offset, wall_time, has_value);
        return;
    }
    hot->values += has_value;
    if (wall_time > hot->end)
        hot->end = wall_time;
}

/* Many events in a row, each with a value: counted here, told together. While `events` is open no
 * generation_event() of this generation may be called. */
struct events {
    uint64_t count;
    double end; /* as in generation_hot */
};

/* False: the next event has to be told by generation_event(). */
static inline bool events_open(struct events *events, const struct generation *generation)
{
    const struct generation_hot *hot = (const struct generation_hot *)generation;

    *events = (struct events){0, hot->end};
    return hot->fast;
}

/* False: not an event of the usual kind, it was not counted. */
static inline bool events_add(struct events *events, double wall_time)
{
    if (__builtin_expect(wall_time > events->end, 1)) {
        if (!(wall_time < INFINITY))
            return false;
        events->end = wall_time;
    } else if (!(wall_time - wall_time == 0.0)) {
        return false;
    }
    events->count++;
    return true;
}

static inline void events_close(const struct events *events, struct generation *generation)
{
    struct generation_hot *hot = (struct generation_hot *)generation;

    hot->events += events->count;
    hot->values += events->count;
    hot->end = events->end;
}

static inline int lane_add(struct lane *lane, int64_t step, double wall_time,
                           enum value_kind kind, uint64_t bits)
{
    struct lane_hot *hot = (struct lane_hot *)lane;
    uint32_t used = hot->used;
    struct columns *raw = hot->raw; /* once: for all the compiler knows, the stores change it */

    if (__builtin_expect(used >= hot->limit || hot->kind != (uint32_t)kind, 0))
        return lane_add_slow(lane, step, wall_time, kind, bits);
    raw->step[HOT_HISTORY + used] = step;
    raw->wall[HOT_HISTORY + used] = wall_time;
    raw->bits[HOT_HISTORY + used] = bits;
    hot->used = used + 1;
    return 0;
}

#endif
