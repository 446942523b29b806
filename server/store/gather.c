/* gather.c: points of several lanes, copied out of chunks and tails into columns of one answer.
 *
 * Before: view.c collects references under the run's lock. Here: decoding, outside of it. After:
 * query.c and news.c put the points in order. Any thread; a gather belongs to one. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/answer.h"
#include "store/scalar.h"

static int allocate(struct gather *gather, size_t cap, bool placed)
{
    size_t item = sizeof *gather->step + sizeof *gather->wall + sizeof *gather->bits +
                  sizeof *gather->attempt + sizeof *gather->kind;
    uint8_t *room = malloc((cap + 1) * (item + (placed ? sizeof *gather->place : 0)));

    if (!room)
        return -ENOMEM;
    *gather = (struct gather){.cap = cap};
    gather->step = (int64_t *)room;
    gather->wall = (double *)(gather->step + cap);
    gather->bits = (uint64_t *)(gather->wall + cap);
    gather->place = placed ? gather->bits + cap : NULL;
    gather->attempt = (uint32_t *)(gather->bits + (placed ? 2 : 1) * cap);
    gather->kind = (uint8_t *)(gather->attempt + cap);
    return 0;
}

int gather_init(struct gather *gather, size_t cap)
{
    return allocate(gather, cap, false);
}

int gather_init_placed(struct gather *gather, size_t cap)
{
    return allocate(gather, cap, true);
}

void gather_done(struct gather *gather)
{
    free(gather->step);
    *gather = (struct gather){0};
}

static int order(const struct gather *g, enum axis axis, size_t a, size_t b)
{
    int by_step = (g->step[a] > g->step[b]) - (g->step[a] < g->step[b]);

    if (axis == AXIS_STEP && by_step != 0)
        return by_step;
    int by_wall = scalar_compare_x(g->wall[a], g->wall[b]);
    if (by_wall != 0 || by_step != 0)
        return by_wall != 0 ? by_wall : by_step;
    return g->place ? (g->place[a] > g->place[b]) - (g->place[a] < g->place[b]) : 0;
}

/* End of the run of rising items that begins at `i`. */
static size_t run_end(const struct gather *g, enum axis axis, const uint32_t *at, size_t i,
                      size_t count)
{
    for (i++; i < count && order(g, axis, at[i - 1], at[i]) <= 0; i++)
        ;
    return i;
}

/* Merges neighbouring runs of `from` into `to`; returns the number of runs left. */
static size_t merge_pass(const struct gather *g, enum axis axis, const uint32_t *from,
                         uint32_t *to)
{
    size_t runs = 0, count = g->count;

    for (size_t i = 0; i < count; runs++) {
        size_t middle = run_end(g, axis, from, i, count);
        size_t end = middle < count ? run_end(g, axis, from, middle, count) : middle;
        size_t a = i, b = middle, o = i;
        while (a < middle && b < end)
            to[o++] = order(g, axis, from[b], from[a]) < 0 ? from[b++] : from[a++];
        memcpy(to + o, from + a, (middle - a) * sizeof *to);
        o += middle - a;
        memcpy(to + o, from + b, (end - b) * sizeof *to);
        i = end;
    }
    return runs;
}

static int permute(struct gather *g, const uint32_t *at)
{
    struct gather sorted;

    if (allocate(&sorted, g->cap, g->place) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < g->count; i++) {
        sorted.step[i] = g->step[at[i]];
        sorted.wall[i] = g->wall[at[i]];
        sorted.bits[i] = g->bits[at[i]];
        sorted.attempt[i] = g->attempt[at[i]];
        sorted.kind[i] = g->kind[at[i]];
        if (g->place)
            sorted.place[i] = g->place[at[i]];
    }
    sorted.count = g->count;
    gather_done(g);
    *g = sorted;
    return 0;
}

int gather_sort(struct gather *gather, enum axis axis)
{
    size_t count = gather->count, i = 1;

    while (i < count && order(gather, axis, i - 1, i) <= 0)
        i++;
    if (i >= count)
        return 0;
    uint32_t *at = malloc(2 * count * sizeof *at);
    if (!at)
        return -ENOMEM;
    uint32_t *from = at, *to = at + count;
    for (i = 0; i < count; i++)
        from[i] = (uint32_t)i;
    while (merge_pass(gather, axis, from, to) > 1) {
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    int r = permute(gather, to);
    free(at);
    return r;
}
