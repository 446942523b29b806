/* generation.c: one life of one file: its interval of wall times, its parts, its lanes, its damage.
 *
 * Before: ingest tells every event. After: stitch.c compares intervals, commit.c publishes lanes.
 * Writer only, but for the order of generations. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/run.h"

static const struct generation_hot fresh_hot = {.start = NAN, .end = -INFINITY};

int generation_order(const struct generation *a, const struct generation *b)
{
    int order = strcmp(a->path, b->path);

    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

/* Restores the facts of a file of which nothing was read. -ENOMEM. */
static int facts_init(struct facts *facts)
{
    *facts = (struct facts){.hot = fresh_hot, .n_parts = 1};
    return run_grow(&facts->parts, &facts->cap_parts, 0, sizeof *facts->parts);
}

static void facts_done(struct facts *facts)
{
    free(facts->parts);
    free(facts->lanes);
    *facts = (struct facts){0};
}

void generation_touch(struct generation *generation)
{
    struct run *run = generation->run;

    run->touched = true;
    if (generation->dirty)
        return;
    generation->dirty = true;
    generation->next_dirty = run->dirty_generations;
    run->dirty_generations = generation;
}

static char *copy_path(struct run *run, const char *path)
{
    size_t size = strlen(path) + 1;
    char *copy = slab_alloc(&run->slab, size);

    if (copy)
        memcpy(copy, path, size);
    return copy;
}

/* Room in both tables, then nothing can fail. */
static int list_generation(struct run *run, struct dir *dir, struct generation *generation)
{
    int r;

    run_lock(run);
    r = run_grow(&run->generations, &run->cap_generations, run->n_generations,
                 sizeof *run->generations);
    if (r == 0)
        r = run_grow(&dir->generations, &dir->cap_generations, dir->n_generations,
                     sizeof *dir->generations);
    if (r == 0) {
        generation->index = run->n_generations;
        run->generations[run->n_generations++] = generation;
        dir->generations[dir->n_generations++] = generation;
        dir->unsorted = true;
    }
    run_unlock(run);
    return r;
}

struct generation *run_generation(struct run *run, const char *dir_name, const char *path,
                                  uint32_t number)
{
    struct dir *dir = run_dir(run, dir_name ? dir_name : "");
    struct generation *generation = slab_zalloc(&run->slab, sizeof *generation);

    if (!dir || !generation)
        goto fail;
    *generation = (struct generation){.hot = fresh_hot,
                                      .pub = fresh_hot,
                                      .run = run,
                                      .dir = dir,
                                      .number = number,
                                      .id = run->next_id++,
                                      .pub_parts = 1,
                                      .next_start = -INFINITY,
                                      .path = copy_path(run, path)};
    if (!generation->path || facts_init(&generation->now) < 0)
        goto fail;
    generation->now.parts[0] = (struct stitch_part){0};
    if (list_generation(run, dir, generation) < 0) {
        facts_done(&generation->now);
        goto fail;
    }
    dir->stale = true;
    generation_touch(generation);
    return generation;

fail:
    slab_free(&run->slab, generation, sizeof *generation);
    return NULL;
}

void generation_done(struct generation *generation)
{
    struct slab *slab = &generation->run->slab;

    for (size_t i = 0; i < generation->now.n_lanes; i++)
        lane_done(generation->now.lanes[i], slab);
    for (size_t i = 0; i < generation->old.n_lanes; i++)
        lane_done(generation->old.lanes[i], slab);
    for (size_t i = 0; i < generation->n_dropped; i++)
        lane_done(generation->dropped[i], slab);
    free(generation->dropped);
    facts_done(&generation->now);
    facts_done(&generation->old);
}

int generation_rename(struct generation *generation, const char *path, uint32_t number)
{
    struct run *run = generation->run;
    struct facts *facts = generation->replay == REPLAY_NONE ? &generation->now : &generation->old;
    const char *copy = copy_path(run, path);

    if (!copy)
        return -ENOMEM;
    run_lock(run); /* the old path stays: answers may have borrowed it */
    generation->path = copy;
    generation->number = number;
    generation->dir->unsorted = true;
    run_unlock(run);
    generation->dir->stale = true;
    for (size_t i = 0; i < facts->n_lanes; i++) {
        struct series *series = facts->lanes[i]->series;
        series->settle = series->reset = series->reorder = true;
        series_touch(series);
    }
    generation_touch(generation);
    return 0;
}

/* ---- facts ------------------------------------------------------------------------------- */

void generation_event_slow(struct generation *generation, uint64_t offset, double wall_time,
                           bool has_value)
{
    struct generation_hot *hot = &generation->hot;

    generation_touch(generation);
    if (has_value && hot->values++ == 0)
        hot->first_value = offset;
    if (isfinite(wall_time)) {
        if (isnan(hot->start))
            hot->start = wall_time;
        if (wall_time > hot->end)
            hot->end = wall_time;
    }
    hot->fast = hot->values > 0 && !isnan(hot->start);
}

int generation_session_start(struct generation *generation, int64_t step)
{
    struct facts *facts = &generation->now;

    if (generation->hot.values > facts->values_at_split) {
        if (run_grow(&facts->parts, &facts->cap_parts, facts->n_parts, sizeof *facts->parts) < 0)
            return -ENOMEM;
        facts->parts[facts->n_parts++] = (struct stitch_part){.hides = true, .from = step};
        facts->values_at_split = generation->hot.values;
    } else {
        struct stitch_part *part = &facts->parts[facts->n_parts - 1];
        if (!part->hides || step < part->from)
            *part = (struct stitch_part){.hides = true, .from = step};
    }
    facts->session_started = true;
    if (generation->replay == REPLAY_NONE)
        generation->dir->stale = true;
    generation_touch(generation);
    return 0;
}

/* ---- lanes ------------------------------------------------------------------------------- */

static bool same_text(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool same_meta(const struct series_meta *a, const struct series_meta *b)
{
    return a->kind == b->kind && a->data_class == b->data_class &&
           same_text(a->plugin, b->plugin) && same_text(a->content, b->content) &&
           same_text(a->display_name, b->display_name) &&
           same_text(a->description, b->description);
}

static struct text put_text(char **at, struct text text)
{
    struct text copy = {*at, text.size};

    if (text.size > 0)
        memcpy(*at, text.data, text.size);
    *at += text.size;
    return copy;
}

/* One copy for all lanes of a series that say the same. NULL: out of memory. */
static const struct series_meta *keep_meta(struct series *series, const struct series_meta *meta)
{
    for (const struct lane *lane = series->all; lane; lane = lane->next_in_series) {
        if (same_meta(lane->meta, meta))
            return lane->meta;
    }
    size_t size = sizeof *meta + meta->plugin.size + meta->content.size +
                  meta->display_name.size + meta->description.size;
    struct series_meta *copy = slab_alloc(&series->run->slab, size);
    if (!copy)
        return NULL;
    run_lock(series->run);
    series->run->meta_bytes += size;
    run_unlock(series->run);
    char *at = (char *)(copy + 1);
    *copy = *meta;
    copy->plugin = put_text(&at, meta->plugin);
    copy->content = put_text(&at, meta->content);
    copy->display_name = put_text(&at, meta->display_name);
    copy->description = put_text(&at, meta->description);
    return copy;
}

static struct lane *find_lane(const struct series *series, const struct generation *generation,
                              uint32_t part, enum series_kind kind)
{
    for (struct lane *lane = series->all; lane; lane = lane->next_in_series) {
        if (lane->generation == generation && lane->part == part && lane->meta->kind == kind &&
            !lane->replaced)
            return lane;
    }
    return NULL;
}

struct lane *generation_part_lane(struct generation *generation, struct series *series,
                                  uint32_t part, const struct series_meta *meta, uint64_t offset)
{
    struct run *run = generation->run;
    struct facts *facts = &generation->now;
    struct lane *lane = find_lane(series, generation, part, meta->kind);

    if (lane)
        return lane;
    const struct series_meta *kept = keep_meta(series, meta);
    if (!kept || run_grow(&facts->lanes, &facts->cap_lanes, facts->n_lanes,
                          sizeof *facts->lanes) < 0)
        return NULL;
    lane = slab_zalloc(&run->slab, sizeof *lane);
    if (!lane)
        return NULL;
    lane->series = series;
    lane->generation = generation;
    lane->part = part;
    lane->meta = kept;
    lane->first_offset = offset;
    lane->next_in_series = series->all;
    series->all = lane;
    series->n_unlinked++;
    facts->lanes[facts->n_lanes++] = lane;
    return lane;
}

struct lane *generation_lane(struct generation *generation, struct text tag,
                             const struct series_meta *meta, uint64_t offset)
{
    struct series *series = run_series_make(generation->run, generation->dir, tag);

    if (!series)
        return NULL;
    return generation_part_lane(generation, series, generation->now.n_parts - 1, meta, offset);
}

void lane_touch(struct lane *lane)
{
    struct run *run = lane->series->run;

    if (lane->dirty)
        return;
    lane->dirty = true;
    lane->next_dirty = run->dirty;
    run->dirty = lane;
    generation_touch(lane->generation);
}

int lane_add_slow(struct lane *lane, int64_t step, double wall_time, enum value_kind kind,
                  uint64_t bits)
{
    if (lane->reopen) {
        if (lane_reopen(lane) < 0)
            return -ENOMEM;
        lane_touch(lane);
    }
    int r = lane_append(lane, &lane->series->run->slab, step, wall_time, kind, bits);
    if (r == 0)
        lane_touch(lane);
    return r;
}

int lane_add_reference(struct lane *lane, const struct reference *reference)
{
    int r = lane_append_reference(lane, &lane->series->run->slab, reference);

    if (r == 0)
        lane_touch(lane);
    return r;
}

/* ---- replay ------------------------------------------------------------------------------ */

int generation_replay_begin(struct generation *generation)
{
    struct facts fresh;
    bool anew = generation->replay != REPLAY_NONE; /* the last one was never shown */
    struct facts *last = &generation->now;

    if (facts_init(&fresh) < 0)
        return -ENOMEM;
    fresh.parts[0] = (struct stitch_part){0};
    for (size_t i = 0; anew && i < last->n_lanes; i++) {
        if (run_grow(&generation->dropped, &generation->cap_dropped, generation->n_dropped,
                     sizeof *generation->dropped) < 0) {
            facts_done(&fresh);
            return -ENOMEM;
        }
        generation->dropped[generation->n_dropped++] = last->lanes[i];
    }
    for (size_t i = 0; i < last->n_lanes; i++)
        last->lanes[i]->replaced = true;
    if (anew) {
        facts_done(last);
    } else {
        generation->old = *last;
        generation->old.hot = generation->hot;
    }
    generation->now = fresh;
    generation->hot = fresh_hot;
    generation->placed = false;
    generation->replay = REPLAY_RUNNING;
    generation_touch(generation);
    return 0;
}

int generation_replay_end(struct generation *generation)
{
    if (generation->replay == REPLAY_RUNNING)
        generation->replay = REPLAY_ENDED;
    generation->dir->stale = true;
    generation_touch(generation);
    return 0;
}

void generation_adopt(struct generation *generation)
{
    facts_done(&generation->old);
    generation->replay = REPLAY_NONE;
    generation->incarnation++;
}

/* ---- going on after a restart ------------------------------------------------------------ */

void generation_place(struct generation *generation, const struct place *place)
{
    generation->placed = place != NULL;
    if (!place)
        return;
    generation->unflushed = generation->unflushed || place->offset != generation->covered.offset;
    generation->covered = *place;
}

bool generation_placed(const struct generation *generation, struct place *ret)
{
    if (generation->placed)
        *ret = generation->covered;
    return generation->placed;
}

struct generation *run_find_generation(struct run *run, const char *path, uint32_t number)
{
    struct generation *found = NULL;

    for (size_t i = 0; i < run->n_generations; i++) {
        struct generation *g = run->generations[i];
        if (strcmp(g->path, path) == 0 && (number == 0 || g->number == number) &&
            (!found || g->number > found->number))
            found = g;
    }
    return found;
}

uint32_t generation_number(const struct generation *generation)
{
    return generation->number;
}

enum series_kind generation_first_kind(const struct generation *generation, struct text tag)
{
    const struct facts *facts = &generation->now;
    const struct lane *first = NULL;
    const struct series *series = series_lookup(generation->run, generation->dir->name, tag);

    for (const struct lane *l = series ? series->all : NULL; l; l = l->next_in_series) {
        if (l->generation == generation && !l->replaced && l->part < facts->n_parts &&
            (!first || l->first_offset < first->first_offset))
            first = l;
    }
    return first ? first->meta->kind : 0;
}

/* ---- damage ------------------------------------------------------------------------------ */

static struct damage_row *find_damage(struct run *run, const struct generation *generation,
                                      uint64_t offset)
{
    for (size_t i = run->n_damage; i-- > 0;) {
        struct damage_row *row = &run->damage[i];
        if (row->generation == generation && row->damage.offset == offset)
            return row;
    }
    return NULL;
}

int generation_damage(struct generation *generation, const struct damage *damage)
{
    struct run *run = generation->run;
    int r = 0;

    run_lock(run);
    struct damage_row *row = find_damage(run, generation, damage->offset);
    if (row) {
        double found = row->damage.found_wall_s;
        row->damage = *damage;
        row->damage.found_wall_s = found;
    } else {
        if (run->n_damage < LIMIT_DAMAGE_ENTRIES) {
            r = run_grow(&run->damage, &run->cap_damage, run->n_damage, sizeof *run->damage);
            if (r == 0)
                run->damage[run->n_damage++] = (struct damage_row){
                    .generation = generation,
                    .damage = *damage,
                    .events_before = generation->hot.events};
        }
        run->damage_total += r == 0;
        generation->damage += r == 0;
    }
    run_unlock(run);
    run->damage_changed = true;
    generation_touch(generation);
    return r;
}
