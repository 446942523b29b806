#include "store/stitch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"

struct lowest {
    bool any;
    int64_t step;
};

static void lower(struct lowest *l, bool any, int64_t step)
{
    if (any && (!l->any || step < l->step))
        *l = (struct lowest){true, step};
}

bool stitch_after(const struct stitch_file *g, const struct stitch_file *f)
{
    if (strcmp(g->path, f->path) == 0)
        return g->number > f->number;
    return g->has_interval && f->has_interval && g->late_start > f->late_end;
}

/* Rule 2: raises the intervals of newer generations. */
static void raise_intervals(struct stitch_file *files, size_t count)
{
    double end = -INFINITY;

    for (size_t i = 0; i < count; i++) {
        struct stitch_file *f = &files[i];
        if (i == 0 || strcmp(f->path, files[i - 1].path) != 0)
            end = -INFINITY;
        f->late_start = f->late_end = end;
        if (f->has_interval) {
            f->late_start = MAX(f->start, end);
            f->late_end = MAX(f->end, end);
        }
        end = MAX(end, f->late_end);
    }
}

static int by_start(const void *a, const void *b)
{
    const struct stitch_file *x = *(const struct stitch_file *const *)a;
    const struct stitch_file *y = *(const struct stitch_file *const *)b;

    if (x->late_start != y->late_start)
        return x->late_start < y->late_start ? -1 : 1;
    return (x > y) - (x < y); /* (path, number): older generations first */
}

static int by_end(const void *a, const void *b)
{
    const struct stitch_file *x = *(const struct stitch_file *const *)a;
    const struct stitch_file *y = *(const struct stitch_file *const *)b;

    if (x->late_end != y->late_end)
        return x->late_end < y->late_end ? -1 : 1;
    return (x > y) - (x < y);
}

/* Highest attempt of the older generations of the same path. */
static uint32_t older_attempt(const struct stitch_file *files, const struct stitch_file *f)
{
    uint32_t highest = 0;

    for (const struct stitch_file *o = f; o > files && strcmp(o[-1].path, f->path) == 0; o--)
        highest = MAX(highest, o[-1].attempt + o[-1].n_parts - 1);
    return highest;
}

/* Rule 4, in the order of starts; a file that ends before another starts has started before it
 * too, so its own attempt is known by then. */
static void number_attempts(struct stitch_file *files, struct stitch_file **starts,
                            struct stitch_file **ends, size_t count)
{
    uint32_t highest = 0;
    size_t ended = 0;

    for (size_t i = 0; i < count; i++) {
        struct stitch_file *f = starts[i];
        uint32_t after = older_attempt(files, f);
        if (f->has_interval) {
            for (; ended < count && ends[ended]->late_end < f->late_start; ended++) {
                if (ends[ended]->has_interval)
                    highest = MAX(highest, ends[ended]->attempt + ends[ended]->n_parts - 1);
            }
            after = MAX(after, highest);
        }
        f->attempt = after + 1;
    }
}

static struct lowest own_starts(const struct stitch_file *f)
{
    struct lowest l = {0};

    for (uint32_t p = 0; p < f->n_parts; p++)
        lower(&l, f->parts[p].hides, f->parts[p].from);
    return l;
}

/* Rule 3 between generations: for each file the lowest START of those after it. */
static void spread_starts(struct stitch_file *files, struct stitch_file **starts,
                          struct stitch_file **ends, size_t count)
{
    struct lowest l = {0};
    size_t begun = count;

    for (size_t i = count; i-- > 0;) {
        struct stitch_file *f = ends[i];
        f->hidden = false;
        if (!f->has_interval)
            continue;
        for (; begun > 0 && starts[begun - 1]->late_start > f->late_end; begun--) {
            struct lowest own = own_starts(starts[begun - 1]);
            lower(&l, own.any && starts[begun - 1]->has_interval, own.step);
        }
        f->hidden = l.any;
        f->hidden_from = l.step;
    }
    l = (struct lowest){0};
    for (size_t i = count; i-- > 0;) { /* newer generations of the same path */
        struct stitch_file *f = &files[i];
        if (i + 1 == count || strcmp(f->path, files[i + 1].path) != 0)
            l = (struct lowest){0};
        struct lowest all = {f->hidden, f->hidden_from}, own = own_starts(f);
        lower(&all, l.any, l.step);
        f->hidden = all.any;
        f->hidden_from = all.step;
        lower(&l, own.any, own.step);
    }
}

int stitch_files(struct stitch_file *files, size_t count)
{
    _cleanup_free_ struct stitch_file **starts = malloc((count + 1) * sizeof *starts);
    _cleanup_free_ struct stitch_file **ends = malloc((count + 1) * sizeof *ends);

    if (!starts || !ends)
        return -ENOMEM;
    raise_intervals(files, count);
    for (size_t i = 0; i < count; i++) {
        DCHECK(files[i].n_parts > 0);
        starts[i] = ends[i] = &files[i];
        files[i].attempt = 0;
    }
    qsort(starts, count, sizeof *starts, by_start);
    qsort(ends, count, sizeof *ends, by_end);
    number_attempts(files, starts, ends, count);
    spread_starts(files, starts, ends, count);
    return 0;
}

/* ---- lanes of one series ----------------------------------------------------------------- */

static int lane_by_start(const void *a, const void *b)
{
    const struct stitch_lane *x = *(struct stitch_lane *const *)a;
    const struct stitch_lane *y = *(struct stitch_lane *const *)b;

    if (x->file->late_start != y->file->late_start)
        return x->file->late_start < y->file->late_start ? -1 : 1;
    return (x > y) - (x < y);
}

/* Cuts from files of other paths: the lowest first step of those that start after the end. */
static void cut_by_others(struct stitch_lane *lanes, size_t count, struct stitch_lane **starts,
                          struct lowest *after)
{
    bool sorted = true; /* names often carry the time of their start */
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!lanes[i].file->has_interval)
            continue;
        starts[n++] = &lanes[i];
        sorted = sorted && (n < 2 || lane_by_start(&starts[n - 2], &starts[n - 1]) <= 0);
    }
    if (!sorted)
        qsort(starts, n, sizeof *starts, lane_by_start);
    after[n] = (struct lowest){0};
    for (size_t i = n; i-- > 0;) {
        after[i] = after[i + 1];
        lower(&after[i], true, starts[i]->first_step);
    }
    for (size_t i = 0; i < count; i++) {
        const struct stitch_file *f = lanes[i].file;
        size_t low = 0, high = n;
        while (f->has_interval && low < high) {
            size_t middle = (low + high) / 2;
            if (starts[middle]->file->late_start > f->late_end)
                high = middle;
            else
                low = middle + 1;
        }
        struct lowest cut = {lanes[i].cut, lanes[i].cut_from};
        if (f->has_interval)
            lower(&cut, after[low].any, after[low].step);
        lanes[i].cut = cut.any;
        lanes[i].cut_from = cut.step;
    }
}

/* Cuts from newer generations of the path, later parts of the file, and STARTs. */
static void cut_by_own(struct stitch_lane *lanes, size_t count)
{
    struct lowest l = {0};

    for (size_t i = count; i-- > 0;) {
        struct stitch_lane *lane = &lanes[i];
        const struct stitch_file *f = lane->file;
        if (i + 1 == count || strcmp(f->path, lanes[i + 1].file->path) != 0)
            l = (struct lowest){0};
        struct lowest cut = l;
        lower(&cut, f->hidden, f->hidden_from);
        for (uint32_t p = lane->part + 1; p < f->n_parts; p++)
            lower(&cut, f->parts[p].hides, f->parts[p].from);
        lane->cut = cut.any;
        lane->cut_from = cut.step;
        lower(&l, true, lane->first_step);
    }
}

int stitch_lanes(struct stitch_lane *lanes, size_t count)
{
    _cleanup_free_ struct stitch_lane **starts = malloc((count + 1) * sizeof *starts);
    _cleanup_free_ struct lowest *after = malloc((count + 1) * sizeof *after);

    if (!starts || !after)
        return -ENOMEM;
    cut_by_own(lanes, count);
    cut_by_others(lanes, count, starts, after);
    return 0;
}
