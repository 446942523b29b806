/* run_commit(): everything that the writer gave since the last one becomes visible at once.
 *
 *   collect (changed series) ─► settle (cuts, attempts) ─► under the lock: publish, number, log
 *   ─► retire what was replaced ─► tell the subscribers
 *
 * All memory is found before the lock is taken: a commit happens whole or not at all. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/run.h"

/* A commit of so many points, or a run's first, is no live one: raw blocks are given back. */
#define BULK_POINTS 4096
#define INTERVAL_WEIGHT 0.125    /* of the newest in the usual interval */

/* ---- before the lock --------------------------------------------------------------------- */

static void collect_replays(struct run *run)
{
    for (struct generation *g = run->dirty_generations; g; g = g->next_dirty) {
        for (size_t i = 0; g->replay == REPLAY_ENDED && i < g->old.n_lanes; i++) {
            struct series *series = g->old.lanes[i]->series;
            series->settle = series->reset = true;
            series_touch(series);
        }
    }
}

static uint64_t collect_lanes(struct run *run)
{
    uint64_t points = 0;

    for (struct series *s = run->changed; s; s = s->next_changed)
        s->n_dirty = 0;
    for (struct lane *l = run->dirty; l; l = l->next_dirty) {
        if (!lane_grows(l))
            continue;
        if (!l->series->changed)
            l->series->n_dirty = 0;
        series_touch(l->series);
        l->series->n_dirty++;
        l->series->settle = l->series->settle || !l->linked;
        points += lane_count(l) - l->pub.count;
    }
    return points;
}

static int prepare(struct run *run)
{
    collect_replays(run);
    uint64_t points = collect_lanes(run);
    if (settle_dirs(run) < 0)
        return -ENOMEM;
    bool bulk = points >= BULK_POINTS || run->points == 0;
    for (struct lane *l = run->dirty; l && bulk; l = l->next_dirty)
        lane_park(l, &run->slab);
    for (struct series *s = run->changed; s; s = s->next_changed) {
        s->truncated = s->told = false;
        if (settle_series(s) < 0 || series_reserve(s, s->n_dirty, 2) < 0)
            return -ENOMEM;
    }
    if (settle_growth(run) < 0)
        return -ENOMEM;
    if (run->n_changed > run->cap_changed) {
        size_t want = MAX(run->n_changed, run->cap_changed * 2);
        struct series **grown = realloc(run->changed_list, want * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        run->changed_list = grown;
        run->cap_changed = want;
    }
    return 0;
}

/* ---- under the lock ---------------------------------------------------------------------- */

static void publish_cut(struct run *run, struct lane *l)
{
    if (l->meta->kind == SERIES_SCALAR)
        run->hidden += l->next_hidden - l->hidden;
    l->hidden = l->next_hidden;
    l->has_cut = l->next_has_cut;
    l->cut = l->next_cut;
    l->attempt = l->next_attempt;
}

/* Of a series of which some fact changed. */
static void publish_series(struct series *series)
{
    struct run *run = series->run;

    if (!series->settle)
        return;
    struct lane **old = series->lanes;
    size_t cap = series->cap_lanes;
    series->lanes = series->next_lanes;
    series->n_lanes = series->n_next;
    series->cap_lanes = series->cap_next;
    series->next_lanes = old;
    series->cap_next = cap;
    for (size_t i = 0; i < series->n_lanes; i++) {
        struct lane *l = series->lanes[i];
        publish_cut(run, l);
        series->n_unlinked -= !l->linked;
        l->linked = true;
    }
    if (series->n_lanes > 0) {
        run->n_visible += series->meta == NULL;
        run->new_series = run->new_series || !series->meta;
        series->meta = series->lanes[0]->meta;
    }
    if (series->truncated) {
        struct series_event event = {.ordinal = series->ordinal, .step = series->truncate_step};
        series_event(series, &event);
        series->told = true;
    }
}

static void unlink_lane(struct lane *lane)
{
    struct lane **at = &lane->series->all;

    while (*at != lane)
        at = &(*at)->next_in_series;
    *at = lane->next_in_series;
}

/* Counts of the lanes that an ended replay replaces. */
static void uncount_old(struct run *run, const struct generation *g)
{
    for (size_t i = 0; i < g->old.n_lanes; i++) {
        const struct lane *l = g->old.lanes[i];
        if (l->meta->kind == SERIES_SCALAR) {
            run->points -= l->pub.count;
            run->hidden -= l->hidden;
        } else {
            run->references -= l->pub.count;
        }
        run->lanes -= l->linked;
        run->resident -= l->pub.resident;
        run->open -= lane_open_bytes(&l->pub);
    }
}

static uint64_t publish_lanes(struct run *run)
{
    struct lane *waiting = NULL;
    uint64_t added = 0;

    for (struct lane *l = run->dirty, *next; l; l = next) {
        next = l->next_dirty;
        if (!lane_grows(l)) {
            l->next_dirty = waiting;
            waiting = l;
            continue;
        }
        uint64_t before = l->pub.count, resident = l->pub.resident;
        uint64_t open = lane_open_bytes(&l->pub);
        if (!l->series->settle)
            publish_cut(run, l);
        lane_publish(l);
        run->resident += l->pub.resident - resident;
        run->open += lane_open_bytes(&l->pub) - open;
        l->restored = false;
        if (!l->unflushed && l->pub.count != l->flushed_count) {
            l->unflushed = true;
            l->next_unflushed = run->unflushed;
            run->unflushed = l;
        }
        uint64_t count = l->pub.count - before;
        run->lanes += before == 0;
        if (l->meta->kind == SERIES_SCALAR)
            run->points += count;
        else
            run->references += count;
        /* Points that come again in a replay took their ordinals the first time. */
        bool again = l->generation->replay != REPLAY_NONE && l->series->reset;
        if (l->meta->kind == l->series->meta->kind && !again)
            series_log(l->series, l, before, count);
        l->series->told = true;
        l->dirty = false;
        added += count;
    }
    run->dirty = waiting;
    return added;
}

static void publish_resets(struct run *run)
{
    for (struct series *s = run->changed; s; s = s->next_changed) {
        if (!s->reset)
            continue;
        s->ordinal++;
        struct series_event event = {.ordinal = s->ordinal, .reset = true};
        series_event(s, &event);
        s->n_log = 0; /* nobody may ask for what was before */
        s->told = true;
    }
}

static void publish_generation(struct generation *g)
{
    bool old = g->replay == REPLAY_RUNNING;
    const struct facts *facts = old ? &g->old : &g->now;
    struct run *run = g->run;

    g->unflushed = true;
    g->pub = old ? g->old.hot : g->hot;
    g->pub_parts = facts->n_parts;
    g->has_interval = !isnan(g->pub.start) && (g->pub.values > 0 || facts->session_started);
    if (isfinite(g->pub.start)) {
        run->first_wall = fmin(run->first_wall, g->pub.start);
        run->last_wall = fmax(run->last_wall, g->pub.end);
    }
    g->hot.fast = false;
}

static void publish_generations(struct run *run)
{
    bool again = false;

    for (struct generation *g = run->dirty_generations; g; g = g->next_dirty) {
        if (g->replay == REPLAY_ENDED)
            uncount_old(run, g);
        again = again || g->replay == REPLAY_ENDED;
    }
    if (again) { /* extremes may have shrunk */
        run->first_wall = run->last_wall = NAN;
        for (size_t i = 0; i < run->n_generations; i++)
            publish_generation(run->generations[i]);
    }
    for (struct generation *g = run->dirty_generations; g; g = g->next_dirty)
        publish_generation(g);
    for (struct dir *dir = run->dirs; dir; dir = dir->next) {
        for (size_t i = 0; dir->settled && i < dir->n_generations; i++) {
            struct generation *g = dir->generations[i];
            g->attempt = dir->files[i].attempt;
            g->hidden = dir->files[i].hidden;
            g->hidden_from = dir->files[i].hidden_from;
        }
        dir->settled = false;
    }
}

static void count_interval(struct run *run, double now)
{
    double interval = now - run->last_points_s;

    if (interval >= 0 && !run->source.loading) {
        if (isnan(run->usual_interval_s))
            run->usual_interval_s = interval;
        else
            run->usual_interval_s += (interval - run->usual_interval_s) * INTERVAL_WEIGHT;
    }
    run->last_points_s = now;
}

/* ---- after it ---------------------------------------------------------------------------- */

static void drop_lane(struct generation *g, struct lane *lane)
{
    struct run *run = g->run;

    for (struct lane **at = &run->dirty; *at && lane->dirty; at = &(*at)->next_dirty) {
        if (*at == lane) {
            *at = lane->next_dirty;
            break;
        }
    }
    lane->dirty = false;
    unlink_lane(lane);
    lane->series->n_unlinked -= !lane->linked;
    lane->linked = false;
    if (lane_retire(lane, &run->slab) < 0)
        run->leaked++; /* the slab gives it back at the end of the run */
}

/* Lanes that a replay has replaced are not for segments any more. */
static void forget_unflushed(struct run *run)
{
    for (struct lane **at = &run->unflushed; *at;) {
        if ((*at)->replaced)
            *at = (*at)->next_unflushed;
        else
            at = &(*at)->next_unflushed;
    }
}

static void finish_generations(struct run *run)
{
    for (struct generation *g = run->dirty_generations, *next; g; g = next) {
        next = g->next_dirty;
        g->dirty = false;
        for (size_t i = 0; i < g->n_dropped; i++)
            drop_lane(g, g->dropped[i]);
        g->n_dropped = 0;
        if (g->replay != REPLAY_ENDED)
            continue;
        forget_unflushed(run);
        for (size_t i = 0; i < g->old.n_lanes; i++)
            drop_lane(g, g->old.lanes[i]);
        generation_adopt(g);
    }
    run->dirty_generations = NULL;
}

/* Empties the list of changed series; returns how many of them readers are told of. */
static size_t finish_series(struct run *run)
{
    size_t count = 0;

    for (struct series *s = run->changed, *next; s; s = next) {
        next = s->next_changed;
        s->changed = s->settle = s->reset = s->reorder = s->truncated = false;
        free(s->next_lanes);
        s->next_lanes = NULL;
        s->n_next = s->cap_next = 0;
        if (s->told)
            run->changed_list[count++] = s;
    }
    run->changed = NULL;
    run->n_changed = 0;
    return count;
}

void run_tell(struct run *run, const struct commit *commit)
{
    struct store *store = run->store;

    if (commit->run_changed)
        atomic_store(&run->change, atomic_fetch_add(&store->changes, 1) + 1);
    pthread_rwlock_rdlock(&store->subscribers_lock);
    for (size_t i = 0; i < store->n_subscribers; i++)
        store->subscribers[i].fn(store->subscribers[i].ctx, commit);
    pthread_rwlock_unlock(&store->subscribers_lock);
}

static bool same_source(const struct run_source *a, const struct run_source *b)
{
    return a->watch == b->watch && a->poll_ms == b->poll_ms && a->gone == b->gone &&
           a->loading == b->loading && a->cut_at_source == b->cut_at_source &&
           a->unreadable == b->unreadable && a->left_out == b->left_out &&
           a->bytes_total == b->bytes_total && a->bytes_read == b->bytes_read &&
           a->newest_byte_wall_s == b->newest_byte_wall_s && strcmp(a->message, b->message) == 0;
}

int run_commit(struct run *run)
{
    bool source = run->source_set && !same_source(&run->source, &run->next_source);

    if (!run->touched && !source)
        return 0;
    if (prepare(run) < 0)
        return -ENOMEM;

    double now = clock_wall_s(run->store->options.clock);
    run_lock(run);
    for (struct series *s = run->changed; s; s = s->next_changed)
        publish_series(s);
    uint64_t added = publish_lanes(run);
    publish_resets(run);
    publish_generations(run);
    if (source)
        run->source = run->next_source;
    if (added > 0)
        count_interval(run, now);
    run->commit++;
    run->commit_wall_s = now;
    slab_turn(&run->slab);
    slab_turn(&run->slab); /* without readers nothing has to wait for another commit */
    struct commit commit = {.run = run,
                            .number = run->commit,
                            .new_series = run->new_series,
                            .run_changed = true,
                            .damage_changed = run->damage_changed,
                            .wall_s = now};
    run_unlock(run);

    atomic_store(&run->store->commit_wall_s, now);
    finish_generations(run);
    commit.n_changed = finish_series(run);
    commit.changed = run->changed_list;
    run->touched = run->new_series = run->damage_changed = run->source_set = false;
    run_tell(run, &commit);
    return 0;
}
