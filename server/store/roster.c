/* Lists: runs, files, attempts, damage and series, as pages and scripts show them. Names are
 * collected under the lock and sorted outside of it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/natural.h"
#include "store/query.h"

/* ---- runs -------------------------------------------------------------------------------- */

static int compare_runs(const void *a, const void *b)
{
    const struct run_summary *x = a, *y = b;
    int order = natural_compare(x->name, strlen(x->name), y->name, strlen(y->name));

    return order != 0 ? order : strcmp(x->id, y->id);
}

uint64_t store_changes(struct store *store)
{
    return atomic_load(&store->changes);
}

size_t store_pulse(struct store *store, double *ret_commit_wall_s)
{
    pthread_mutex_lock(&store->lock);
    size_t count = store->n_runs;
    pthread_mutex_unlock(&store->lock);
    *ret_commit_wall_s = atomic_load(&store->commit_wall_s);
    return count;
}

int store_runs(struct store *store, struct run_summary **ret, size_t *ret_count)
{
    pthread_mutex_lock(&store->lock);
    size_t count = store->n_runs;
    struct run_summary *list = malloc((count + 1) * sizeof *list);
    for (size_t i = 0; list && i < count; i++)
        list[i].run = store->runs[i];
    pthread_mutex_unlock(&store->lock);
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        run_summarize(list[i].run, &list[i]);
    qsort(list, count, sizeof *list, compare_runs);
    *ret = list;
    *ret_count = count;
    return 0;
}

/* ---- files and attempts ------------------------------------------------------------------ */

/* Published lanes of a generation are found through the series: lists of facts are the writer's.
 * Adds the counts of every linked lane to its generation's row. */
static void count_files(struct run *run, struct file_summary *files)
{
    for (size_t s = 0; s < run->n_series; s++) {
        const struct series *series = run->series[s];
        for (size_t i = 0; i < series->n_lanes; i++) {
            const struct lane *l = series->lanes[i];
            struct file_summary *f = &files[l->generation->index];
            if (l->meta->kind == SERIES_SCALAR)
                f->points += l->pub.count;
            else
                f->references += l->pub.count;
            if (l->has_cut && l->hidden > 0) {
                f->hides_from = f->hides ? MIN(f->hides_from, l->cut) : l->cut;
                f->hides = true;
            }
        }
    }
}

static int list_files(struct run *run, struct file_summary **ret, size_t *ret_count)
{
    size_t count = run->n_generations;
    struct file_summary *files = calloc(count + 1, sizeof *files);

    if (!files)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct generation *g = run->generations[i];
        files[i] = (struct file_summary){.path = strdup(g->path),
                                         .dir = g->dir->name,
                                         .generation = g->number,
                                         .attempt = g->attempt,
                                         .first_wall = g->pub.start,
                                         .last_wall = isfinite(g->pub.end) ? g->pub.end : NAN,
                                         .damage = g->damage};
        if (!files[i].path) {
            file_summaries_free(files, i);
            return -ENOMEM;
        }
    }
    count_files(run, files);
    *ret = files;
    *ret_count = count;
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    const struct file_summary *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order != 0 ? order : (x->generation > y->generation) - (x->generation < y->generation);
}

int run_files(struct run *run, struct file_summary **ret, size_t *ret_count)
{
    run_lock(run);
    int r = list_files(run, ret, ret_count);
    run_unlock(run);
    if (r == 0)
        qsort(*ret, *ret_count, sizeof **ret, compare_files);
    return r;
}

void file_summaries_free(struct file_summary *files, size_t count)
{
    for (size_t i = 0; files && i < count; i++)
        free(files[i].path);
    free(files);
}

static int compare_attempts(const void *a, const void *b)
{
    const struct attempt_summary *x = a, *y = b;

    return (x->attempt > y->attempt) - (x->attempt < y->attempt);
}

static struct attempt_summary *attempt_row(struct attempt_summary *rows, size_t *count,
                                           uint32_t attempt)
{
    for (size_t i = *count; i-- > 0;) {
        if (rows[i].attempt == attempt)
            return &rows[i];
    }
    rows[*count] = (struct attempt_summary){.attempt = attempt, .first_wall = NAN,
                                            .last_wall = NAN, .first_step = INT64_MAX,
                                            .last_step = INT64_MIN};
    return &rows[(*count)++];
}

static void add_lane(struct attempt_summary *row, const struct lane *lane)
{
    struct lane_view view;
    struct tally room;

    lane_view_of(lane, true, &view);
    if (lane->meta->kind != SERIES_SCALAR)
        return;
    row->points += lane->pub.count;
    row->hidden += lane->hidden;
    for (size_t i = 0; i < view_pieces(&view); i++) {
        const struct tally *t = view_tally(&view, i, &room);
        row->first_step = MIN(row->first_step, t->min_step);
        row->last_step = MAX(row->last_step, t->max_step);
    }
}

static int list_attempts(struct run *run, struct attempt_summary **ret, size_t *ret_count)
{
    size_t most = 1, count = 0;

    for (size_t i = 0; i < run->n_generations; i++)
        most += run->generations[i]->pub_parts;
    struct attempt_summary *rows = malloc(most * sizeof *rows);
    if (!rows)
        return -ENOMEM;
    for (size_t i = 0; i < run->n_generations; i++) {
        const struct generation *g = run->generations[i];
        for (uint32_t p = 0; g->pub.values > 0 && p < g->pub_parts; p++) {
            struct attempt_summary *row = attempt_row(rows, &count, g->attempt + p);
            row->files++;
            row->first_wall = fmin(row->first_wall, g->pub.start);
            row->last_wall = fmax(row->last_wall, isfinite(g->pub.end) ? g->pub.end : NAN);
        }
    }
    for (size_t s = 0; s < run->n_series; s++) {
        const struct series *series = run->series[s];
        for (size_t i = 0; i < series->n_lanes; i++)
            add_lane(attempt_row(rows, &count, series->lanes[i]->attempt), series->lanes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].first_step > rows[i].last_step)
            rows[i].first_step = rows[i].last_step = 0;
    }
    *ret = rows;
    *ret_count = count;
    return 0;
}

int run_attempts(struct run *run, struct attempt_summary **ret, size_t *ret_count)
{
    run_lock(run);
    int r = list_attempts(run, ret, ret_count);
    run_unlock(run);
    if (r == 0)
        qsort(*ret, *ret_count, sizeof **ret, compare_attempts);
    return r;
}

/* ---- damage ------------------------------------------------------------------------------ */

int run_damage(struct run *run, struct damage_entry **ret, size_t *ret_count)
{
    int r = 0;

    run_lock(run);
    size_t count = run->n_damage;
    struct damage_entry *list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; list && i < count; i++) {
        const struct damage_row *row = &run->damage[i];
        const struct generation *g = row->generation;
        uint64_t events = g->pub.events;
        list[i] = (struct damage_entry){.path = strdup(g->path),
                                        .generation = g->number,
                                        .damage = row->damage,
                                        .records_after = events > row->events_before
                                                             ? events - row->events_before
                                                             : 0};
        if (!list[i].path)
            r = -ENOMEM;
    }
    run_unlock(run);
    if (!list || r < 0) {
        damage_entries_free(list, count);
        return -ENOMEM;
    }
    *ret = list;
    *ret_count = count;
    return 0;
}

void damage_entries_free(struct damage_entry *entries, size_t count)
{
    for (size_t i = 0; entries && i < count; i++)
        free(entries[i].path);
    free(entries);
}

/* ---- series ------------------------------------------------------------------------------ */

static void summarize_references(const struct look *look, struct series_summary *s)
{
    for (size_t l = 0; l < look->n_lanes; l++) {
        const struct lane_view *v = &look->lanes[l];
        for (uint64_t i = 0; i < v->data.count; i++) {
            const struct reference *r = &v->data.references[i];
            if (v->has_cut && r->step >= v->cut)
                continue;
            bool first = s->count++ == 0;
            if (isfinite(r->wall_time))
                s->max_wall = fmax(s->max_wall, r->wall_time);
            if (first || r->step < s->first_step ||
                (r->step == s->first_step && r->wall_time < s->first_wall)) {
                s->first_step = r->step;
                s->first_wall = r->wall_time;
            }
            if (first || r->step > s->last_step ||
                (r->step == s->last_step && !(r->wall_time < s->last_wall))) {
                s->last_step = r->step;
                s->last_wall = r->wall_time;
            }
        }
    }
}

/* Pieces that are hidden in part are not decoded for it. */
static double max_wall_of(const struct plan *plan, const struct bucket *sum)
{
    double max = isfinite(sum->wall_first) ? sum->wall_first : NAN;

    if (isfinite(sum->wall_last))
        max = fmax(max, sum->wall_last);
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct tally *t = plan->parts[i].tally;
        if (plan->parts[i].whole && t->min_wall <= t->max_wall)
            max = fmax(max, t->max_wall);
    }
    return max;
}

static int summarize_points(const struct look *look, struct series_summary *s)
{
    const struct query query = {.axis = AXIS_STEP, .view = look->view};
    _cleanup_(plan_done) struct plan plan = {0};
    struct bucket b[2] = {{0}};

    int r = plan_make(&plan, look, &query);
    if (r == 0)
        r = plan_sum(&plan, b);
    if (r < 0)
        return r;
    s->count = b->n;
    s->nan = b->nan;
    s->inf = b->inf;
    if (b->n == 0)
        return 0;
    s->first_step = b->step_first;
    s->first_wall = b->wall_first;
    s->last_step = b->step_last;
    s->last_wall = b->wall_last;
    s->max_wall = max_wall_of(&plan, b);
    s->last_kind = b->last_kind;
    s->last_bits = b->last;
    s->min_kind = b->min_kind;
    s->min_bits = b->min;
    s->min_step = b->argmin;
    s->max_kind = b->max_kind;
    s->max_bits = b->max;
    s->max_step = b->argmax;
    return 0;
}

int series_summarize(struct series *series, enum view view, struct series_summary *ret)
{
    struct series_summary s = {.series = series, .dir = series->dir->name, .tag = series->tag,
                               .max_wall = NAN};
    _cleanup_(look_done) struct look look = {0};

    run_lock(series->run);
    int r = series_look_locked(series, view, &look);
    if (series->meta)
        s.meta = *series->meta;
    for (size_t i = 0; i < series->n_lanes; i++) {
        const struct lane *l = series->lanes[i];
        if (l->meta->kind != s.meta.kind)
            s.other += l->pub.count;
    }
    run_unlock(series->run);
    if (r < 0)
        return r;
    s.ordinal = look.ordinal;
    if (look.kind == SERIES_SCALAR)
        r = summarize_points(&look, &s);
    else
        summarize_references(&look, &s);
    if (r == 0)
        *ret = s;
    return r;
}

static int compare_series(const void *a, const void *b)
{
    const struct series_summary *x = a, *y = b;
    int order = natural_compare(x->tag.data, x->tag.size, y->tag.data, y->tag.size);

    return order != 0 ? order
                      : natural_compare(x->dir.data, x->dir.size, y->dir.data, y->dir.size);
}

int run_series(struct run *run, enum view view, struct series_summary **ret, size_t *ret_count)
{
    size_t count = 0;
    int r = 0;

    run_lock(run);
    struct series_summary *list = malloc((run->n_series + 1) * sizeof *list);
    for (size_t i = 0; list && i < run->n_series; i++) {
        if (run->series[i]->meta)
            list[count++].series = run->series[i];
    }
    run_unlock(run);
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count && r == 0; i++)
        r = series_summarize(list[i].series, view, &list[i]);
    if (r < 0) {
        free(list);
        return r;
    }
    qsort(list, count, sizeof *list, compare_series);
    *ret = list;
    *ret_count = count;
    return 0;
}

/* ---- references -------------------------------------------------------------------------- */

struct placed {
    struct value_place place;
    size_t order; /* of lanes and within them: decides between equals */
};

static int compare_places(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    const struct reference *p = &x->place.reference, *q = &y->place.reference;

    if (p->step != q->step)
        return p->step < q->step ? -1 : 1;
    int order = (p->wall_time != p->wall_time) - (q->wall_time != q->wall_time);
    if (order == 0)
        order = (p->wall_time > q->wall_time) - (p->wall_time < q->wall_time);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static size_t collect_places(const struct look *look, struct placed *to)
{
    size_t n = 0;

    for (size_t l = 0; l < look->n_lanes; l++) {
        const struct lane_view *v = &look->lanes[l];
        for (uint64_t i = 0; i < v->data.count; i++) {
            if (v->has_cut && v->data.references[i].step >= v->cut)
                continue;
            to[n] = (struct placed){.order = n};
            to[n++].place = (struct value_place){.reference = v->data.references[i],
                                                 .path = v->path,
                                                 .generation = v->number,
                                                 .attempt = v->attempt};
        }
    }
    return n;
}

int series_references(struct series *series, enum view view, struct value_place **ret,
                      size_t *ret_count)
{
    _cleanup_(look_done) struct look look = {0};
    size_t most = 0;

    if (series_look(series, view, &look) < 0)
        return -ENOMEM;
    if (look.kind == SERIES_SCALAR)
        look.n_lanes = 0;
    for (size_t l = 0; l < look.n_lanes; l++)
        most += look.lanes[l].data.count;
    _cleanup_free_ struct placed *placed = malloc((most + 1) * sizeof *placed);
    struct value_place *list = malloc((most + 1) * sizeof *list);
    if (!placed || !list) {
        free(list);
        return -ENOMEM;
    }
    size_t count = collect_places(&look, placed);
    qsort(placed, count, sizeof *placed, compare_places);
    for (size_t i = 0; i < count; i++)
        list[i] = placed[i].place;
    *ret = list;
    *ret_count = count;
    return 0;
}
