/* Cuts and attempts of one commit, before it is made visible: which lanes a series will have and
 * in what order, from which step each is hidden, and whether watchers can be told by a truncation
 * or must ask again. Only what a fact changed is computed. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/run.h"

int lane_order(const struct lane *a, const struct lane *b)
{
    int order = a->generation == b->generation ? 0 : generation_order(a->generation, b->generation);

    if (order != 0)
        return order;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    return (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

static int compare_lanes(const void *a, const void *b)
{
    return lane_order(*(struct lane *const *)a, *(struct lane *const *)b);
}

static int compare_generations(const void *a, const void *b)
{
    return generation_order(*(struct generation *const *)a, *(struct generation *const *)b);
}

/* ---- attempts of a dir ------------------------------------------------------------------- */

/* The facts that readers are going to see: those before a replay until it has ended. */
static const struct facts *facts_shown(const struct generation *g, struct generation_hot *ret_hot)
{
    bool old = g->replay == REPLAY_RUNNING;

    *ret_hot = old ? g->old.hot : g->hot;
    return old ? &g->old : &g->now;
}

static struct stitch_file file_of(const struct generation *g)
{
    struct generation_hot hot;
    const struct facts *facts = facts_shown(g, &hot);

    return (struct stitch_file){.path = g->path,
                                .number = g->number,
                                .start = hot.start,
                                .end = hot.end,
                                .has_interval = !isnan(hot.start) &&
                                                (hot.values > 0 || facts->session_started),
                                .n_parts = facts->n_parts,
                                .parts = facts->parts};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* How far each file may grow before a later one is no longer after it. */
static int find_next_starts(struct dir *dir, const struct stitch_file *files)
{
    size_t count = dir->n_generations, n = 0;
    _cleanup_free_ double *starts = malloc((count + 1) * sizeof *starts);

    if (!starts)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (files[i].has_interval)
            starts[n++] = files[i].late_start;
    }
    qsort(starts, n, sizeof *starts, compare_doubles);
    for (size_t i = 0; i < count; i++) {
        struct generation *g = dir->generations[i];
        size_t low = 0, high = n;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (starts[middle] > files[i].late_end)
                high = middle;
            else
                low = middle + 1;
        }
        g->next_start = low < n ? starts[low] : INFINITY;
        if (i + 1 < count && strcmp(files[i + 1].path, files[i].path) == 0)
            g->next_start = -INFINITY; /* a newer one is measured by its end */
    }
    return 0;
}

static int settle_dir(struct dir *dir)
{
    size_t count = dir->n_generations;
    struct run *run = dir->run;

    if (dir->unsorted) {
        run_lock(run);
        qsort(dir->generations, count, sizeof *dir->generations, compare_generations);
        dir->unsorted = false;
        run_unlock(run);
    }
    free(dir->files);
    dir->files = malloc((count + 1) * sizeof *dir->files);
    if (!dir->files)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        dir->files[i] = file_of(dir->generations[i]);
        dir->generations[i]->place = i;
    }
    if (stitch_files(dir->files, count) < 0 || find_next_starts(dir, dir->files) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < run->n_series; i++) {
        struct series *series = run->series[i];
        if (series->dir == dir && series->n_lanes > 0) {
            series->settle = true;
            series_touch(series);
        }
    }
    run_lock(run);
    if (dir->n_hiding > 0)
        memset(dir->hiding, 0, dir->n_hiding);
    run_unlock(run);
    dir->stale = false;
    dir->settled = true;
    return 0;
}

/* True when the file's growth since the last commit may change who is after whom. */
static bool changes_relations(const struct generation *g)
{
    struct generation_hot hot;
    const struct facts *facts = facts_shown(g, &hot);
    bool interval = !isnan(hot.start) && (hot.values > 0 || facts->session_started);

    if (interval != g->has_interval)
        return true;
    return interval && hot.end != g->pub.end && !(hot.end < g->next_start);
}

int settle_dirs(struct run *run)
{
    for (struct generation *g = run->dirty_generations; g; g = g->next_dirty) {
        if (changes_relations(g))
            g->dir->stale = true;
    }
    for (struct dir *dir = run->dirs; dir; dir = dir->next) {
        if (dir->stale && settle_dir(dir) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- steps of points --------------------------------------------------------------------- */

struct step_range {
    bool any;
    int64_t min, max;
};

static void widen(struct step_range *r, int64_t min, int64_t max)
{
    r->min = r->any ? MIN(r->min, min) : min;
    r->max = r->any ? MAX(r->max, max) : max;
    r->any = true;
}

/* Extent of the published steps in [low, high); `bounded` says whether `high` holds. */
static int steps_within(const struct lane *lane, int64_t low, bool bounded, int64_t high,
                        struct scratch *scratch, struct step_range *range)
{
    struct lane_view view;
    struct tally room;

    lane_view_of(lane, true, &view);
    if (lane->meta->kind != SERIES_SCALAR) {
        for (uint64_t i = 0; i < view.data.count; i++) {
            int64_t step = view.data.references[i].step;
            if (step >= low && (!bounded || step < high))
                widen(range, step, step);
        }
        return 0;
    }
    for (size_t i = 0; i < view_pieces(&view); i++) {
        const struct tally *t = view_tally(&view, i, &room);
        if (t->max_step < low || (bounded && t->min_step >= high))
            continue;
        if (t->min_step >= low && (!bounded || t->max_step < high)) {
            widen(range, t->min_step, t->max_step);
            continue;
        }
        if (!scratch->points.step && scratch_init(scratch) < 0)
            return -ENOMEM;
        ssize_t count = view_decode(&view, i, &scratch->points);
        if (count == -ENOMEM)
            return -ENOMEM;
        if (count < 0) { /* cannot be read: taken for wider than it is, which is the safe side */
            widen(range, MAX(t->min_step, low), bounded ? MIN(t->max_step, high) : t->max_step);
            continue;
        }
        for (ssize_t k = 0; k < count; k++) {
            int64_t step = scratch->points.step[k];
            if (step >= low && (!bounded || step < high))
                widen(range, step, step);
        }
    }
    return 0;
}

/* Points with step >= cut that the lane will have, published or not. */
static int count_hidden(struct lane *lane, struct scratch *scratch)
{
    struct lane_view view;
    struct tally room;
    uint64_t hidden = 0;

    lane_view_of(lane, false, &view);
    lane->hidden_max = view.cut;
    if (lane->meta->kind != SERIES_SCALAR) {
        for (uint64_t i = 0; i < view.data.count; i++) {
            hidden += view.data.references[i].step >= view.cut;
            lane->hidden_max = MAX(lane->hidden_max, view.data.references[i].step);
        }
        lane->next_hidden = hidden;
        return 0;
    }
    for (size_t i = 0; i < view_pieces(&view); i++) {
        const struct tally *t = view_tally(&view, i, &room);
        if (t->max_step < view.cut)
            continue;
        lane->hidden_max = MAX(lane->hidden_max, t->max_step);
        if (t->min_step >= view.cut) {
            hidden += t->count;
            continue;
        }
        if (!scratch->points.step && scratch_init(scratch) < 0)
            return -ENOMEM;
        ssize_t count = view_decode(&view, i, &scratch->points);
        if (count == -ENOMEM)
            return -ENOMEM;
        for (ssize_t k = 0; k < count; k++)
            hidden += scratch->points.step[k] >= view.cut;
    }
    lane->next_hidden = hidden;
    return 0;
}

/* ---- one series -------------------------------------------------------------------------- */

/* True when readers will see the lane after this commit. */
static bool will_be_shown(const struct lane *l)
{
    enum replay replay = l->generation->replay;

    if (l->linked)
        return !(l->replaced && replay == REPLAY_ENDED);
    return !l->replaced && replay != REPLAY_RUNNING && l->has_first;
}

/* Puts a lane where it belongs among `n` sorted ones. */
static void insert_lane(struct lane **lanes, size_t n, struct lane *lane)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (lane_order(lanes[middle], lane) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(lanes + low + 1, lanes + low, (n - low) * sizeof *lanes);
    lanes[low] = lane;
}

/* The lanes that readers are going to see, in order: those of before and the new ones, which
 * stand near the head of `all`. */
static int list_lanes(struct series *series)
{
    size_t n = 0, cap = series->n_lanes + series->n_unlinked, unlinked = series->n_unlinked;

    struct lane **lanes = realloc(series->next_lanes, (cap + 1) * sizeof *lanes);
    if (!lanes)
        return -ENOMEM;
    series->next_lanes = lanes;
    series->cap_next = cap + 1;
    for (size_t i = 0; i < series->n_lanes; i++) {
        if (will_be_shown(series->lanes[i]))
            lanes[n++] = series->lanes[i];
    }
    if (series->reorder)
        qsort(lanes, n, sizeof *lanes, compare_lanes);
    for (struct lane *l = series->all; unlinked > 0; l = l->next_in_series) {
        unlinked -= !l->linked;
        if (!l->linked && will_be_shown(l))
            insert_lane(lanes, n++, l);
    }
    series->n_next = n;
    return 0;
}

/* Cuts and attempts of next_lanes. Lanes of one part (several kinds) count as one. */
static int cut_lanes(struct series *series)
{
    size_t count = series->n_next, n = 0;
    struct lane **lanes = series->next_lanes;
    _cleanup_free_ struct stitch_lane *parts = malloc((count + 1) * sizeof *parts);

    if (!parts)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct lane *l = lanes[i];
        if (i > 0 && l->generation == lanes[i - 1]->generation && l->part == lanes[i - 1]->part)
            continue;
        parts[n++] = (struct stitch_lane){.file = &series->dir->files[l->generation->place],
                                          .part = l->part,
                                          .first_step = l->first_step};
    }
    if (stitch_lanes(parts, n) < 0)
        return -ENOMEM;
    n = 0;
    for (size_t i = 0; i < count; i++) {
        struct lane *l = lanes[i];
        if (i > 0 && (l->generation != lanes[i - 1]->generation || l->part != lanes[i - 1]->part))
            n++;
        l->next_attempt = parts[n].file->attempt + l->part;
        l->next_has_cut = parts[n].cut;
        l->next_cut = parts[n].cut_from;
    }
    return 0;
}

/* What the new cut of one lane does to points that have ordinals. */
static int compare_cuts(struct series *series, const struct lane *l, struct scratch *scratch,
                        struct step_range *hidden)
{
    struct step_range shown = {0};

    if (l->attempt != l->next_attempt)
        series->reset = true;
    if (l->has_cut == l->next_has_cut && (!l->has_cut || l->cut == l->next_cut))
        return 0;
    if (l->next_has_cut && (!l->has_cut || l->next_cut < l->cut))
        return steps_within(l, l->next_cut, l->has_cut, l->cut, scratch, hidden);
    int r = steps_within(l, l->cut, l->next_has_cut, l->next_cut, scratch, &shown);
    if (shown.any)
        series->reset = true;
    return r;
}

/* The published steps below the new cut. A lane that neither grew nor was cut elsewhere is not
 * looked at again: a dir may have had hundreds of restarts. */
static int visible_steps(struct lane *l, struct scratch *scratch, struct step_range *visible)
{
    struct step_range own = {0};
    bool same = l->extent_known && l->extent_has_cut == l->next_has_cut &&
                (!l->next_has_cut || l->extent_cut == l->next_cut);

    if (!same) {
        if (steps_within(l, INT64_MIN, l->next_has_cut, l->next_cut, scratch, &own) < 0)
            return -ENOMEM;
        l->extent_known = true;
        l->extent_has_cut = l->next_has_cut;
        l->extent_cut = l->next_cut;
        l->extent_any = own.any;
        l->extent_max = own.max;
    }
    if (l->extent_any)
        widen(visible, l->extent_max, l->extent_max);
    return 0;
}

/* Decides between truncation and reset. */
static int judge(struct series *series, struct scratch *scratch)
{
    struct step_range hidden = {0}, visible = {0};
    const struct series_meta *meta = series->n_next ? series->next_lanes[0]->meta : NULL;
    int r = 0;

    if (series->meta != meta && series->meta)
        series->reset = true;
    for (size_t i = 0; i < series->n_next && r == 0; i++) {
        const struct lane *l = series->next_lanes[i];
        if (l->linked && l->pub.count > 0 && l->meta->kind == meta->kind)
            r = compare_cuts(series, l, scratch, &hidden);
    }
    if (r < 0 || !hidden.any || series->reset)
        return r;
    for (size_t i = 0; i < series->n_next && r == 0; i++) {
        struct lane *l = series->next_lanes[i];
        if (l->linked && l->pub.count > 0 && l->meta->kind == meta->kind)
            r = visible_steps(l, scratch, &visible);
    }
    if (visible.any && visible.max >= hidden.min) {
        series->reset = true;
    } else {
        series->truncated = true;
        series->truncate_step = hidden.min;
    }
    return r;
}

/* Marks attempts that hide points of earlier ones. */
static int note_hiding(struct series *series)
{
    struct dir *dir = series->dir;
    uint32_t highest = 0;
    int r = 0;

    for (size_t i = 0; i < series->n_next; i++)
        highest = MAX(highest, series->next_lanes[i]->next_attempt);
    /* [a]: largest step of points in attempts before a that lost some. */
    _cleanup_free_ struct step_range *before = calloc((size_t)highest + 2, sizeof *before);
    if (!before)
        return -ENOMEM;
    for (size_t i = 0; i < series->n_next; i++) {
        const struct lane *f = series->next_lanes[i];
        if (f->next_hidden > 0)
            widen(&before[f->next_attempt + 1], f->hidden_max, f->hidden_max);
    }
    for (uint32_t a = 1; a <= highest; a++) {
        if (before[a].any)
            widen(&before[a + 1], before[a].min, before[a].max);
    }
    run_lock(series->run);
    for (size_t i = 0; i < series->n_next && r == 0; i++) {
        const struct lane *g = series->next_lanes[i];
        uint32_t a = g->next_attempt;
        if (!before[a].any || g->first_step > before[a].max)
            continue;
        while (a >= dir->n_hiding && r == 0) {
            size_t old = dir->n_hiding;
            r = run_grow(&dir->hiding, &dir->n_hiding, old, sizeof *dir->hiding);
            if (r == 0)
                memset(dir->hiding + old, 0, dir->n_hiding - old);
        }
        if (r == 0)
            dir->hiding[a] = 1;
    }
    run_unlock(series->run);
    return r;
}

static int settle_hidden(struct series *series, struct scratch *scratch)
{
    for (size_t i = 0; i < series->n_next; i++) {
        struct lane *l = series->next_lanes[i];
        bool same_cut = (l->linked || l->restored) && l->has_cut == l->next_has_cut &&
                        (!l->has_cut || l->cut == l->next_cut);
        if ((!l->dirty || l->restored) && same_cut)
            continue;
        l->next_hidden = 0;
        if (l->next_has_cut && count_hidden(l, scratch) < 0)
            return -ENOMEM;
    }
    return 0;
}

int settle_series(struct series *series)
{
    _cleanup_(scratch_done) struct scratch scratch = {0};

    if (!series->settle)
        return 0;
    if (list_lanes(series) < 0 || cut_lanes(series) < 0 || judge(series, &scratch) < 0 ||
        settle_hidden(series, &scratch) < 0)
        return -ENOMEM;
    return note_hiding(series);
}

bool lane_grows(const struct lane *l)
{
    return !l->replaced && l->generation->replay != REPLAY_RUNNING;
}

int settle_growth(struct run *run)
{
    _cleanup_(scratch_done) struct scratch scratch = {0};

    for (struct lane *l = run->dirty; l; l = l->next_dirty) {
        if (!lane_grows(l) || l->series->settle)
            continue;
        l->next_has_cut = l->has_cut;
        l->next_cut = l->cut;
        l->next_attempt = l->attempt;
        if (l->restored)
            continue;
        l->next_hidden = 0;
        if (l->next_has_cut && count_hidden(l, &scratch) < 0)
            return -ENOMEM;
    }
    return 0;
}
