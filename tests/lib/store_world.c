#include "store_world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- making files ------------------------------------------------------------------------ */

uint64_t world_random(struct world *world, uint64_t below)
{
    uint64_t x = world->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    world->random = x;
    return below ? (x * UINT64_C(0x2545f4914f6cdd1d) >> 11) % below : x;
}

static uint64_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t random_value(struct world *w, enum value_kind *ret_kind, bool mixed)
{
    uint64_t choice = world_random(w, 40);
    double value = (double)world_random(w, 1000) / 8 - 60;
    uint64_t bits;

    *ret_kind = VALUE_F32;
    if (choice == 0)
        return float_bits(NAN);
    if (choice == 1)
        return float_bits(world_random(w, 2) ? INFINITY : -INFINITY);
    if (choice == 2)
        return float_bits(-0.0f);
    if (mixed && choice < 6) {
        *ret_kind = VALUE_I64;
        return choice < 4 ? world_random(w, 0) : world_random(w, 100);
    }
    if (mixed && choice < 10) {
        *ret_kind = VALUE_F64;
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }
    return float_bits((float)value);
}

static void make_file(struct world *w, struct world_file *f, double begin, bool mixed)
{
    size_t shape = world_random(w, 3);
    double wall = begin;
    int64_t step = world_random(w, 3) ? 0 : (int64_t)world_random(w, 60);

    f->count = shape == 0 ? world_random(w, 12) : 20 + world_random(w, WORLD_EVENTS - 20);
    for (size_t i = 0; i < f->count; i++) {
        struct world_event *e = &f->events[i];
        uint64_t choice = world_random(w, 200);
        *e = (struct world_event){.wall = wall, .step = step, .tag = -1};
        if (choice == 0) {
            e->start = true;
            step = e->step = (int64_t)world_random(w, 80);
        } else if (choice == 1) {
            e->wall = world_random(w, 2) ? NAN : INFINITY;
        } else if (choice == 2) {
            step -= (int64_t)world_random(w, 20);
        }
        if (choice > 6 && !e->start) {
            e->tag = (int)world_random(w, WORLD_TAGS);
            e->bits = random_value(w, &e->kind, mixed);
            e->tensor = !w->simple && world_random(w, 60) == 0;
        }
        step += world_random(w, 3) > 0;
        wall += (double)world_random(w, 4) / 4;
    }
}

void world_make(struct world *world, uint64_t seed, bool simple)
{
    *world = (struct world){.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .simple = simple};
    world->n_files = 1 + world_random(world, WORLD_FILES);
    double begin = 1000;
    for (size_t i = 0; i < world->n_files; i++) {
        struct world_file *f = &world->files[i];
        uint64_t relation = world_random(world, 4);
        snprintf(f->path, sizeof f->path, "events.%c", "cabed"[world_random(world, 5)]);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(world->files[k].path, f->path) == 0)
                f->number = world->files[k].number + 1;
        }
        make_file(world, f, begin, world_random(world, 3) == 0);
        if (relation > 0) /* the next starts after this one, else beside it */
            begin += (double)f->count / 2 + 5;
        else
            begin += (double)world_random(world, 40);
    }
}

/* ---- feeding ----------------------------------------------------------------------------- */

void world_open(struct world *world)
{
    struct run_info info = {"r1", "run", "experiment", "/logs/run", false};

    world->store = store_new(NULL);
    CHECK(world->store);
    world->run = store_run(world->store, &info);
    CHECK(world->run);
}

void world_close(struct world *world)
{
    world->store = store_free(world->store);
    for (size_t i = 0; i < world->n_files; i++) {
        struct world_file *f = &world->files[i];
        f->fed = f->committed = 0;
        f->generation = NULL;
        memset(f->lanes, 0, sizeof f->lanes);
    }
}

static struct text tag_text(int tag)
{
    static const char *const tags[WORLD_TAGS] = {"loss", "acc", "lr/1"};

    return (struct text){tags[tag], strlen(tags[tag])};
}

struct series *world_series(const struct world *world, int tag)
{
    return run_find_series(world->run, (struct text){"", 0}, tag_text(tag));
}

static void give(struct world_file *f, size_t i)
{
    const struct world_event *e = &f->events[i];
    struct series_meta meta = {.kind = e->tensor ? SERIES_TENSOR : SERIES_SCALAR};
    struct reference reference = {e->step, e->wall, i * 10, 5, i * 10};

    generation_event(f->generation, i * 10, e->wall, e->tag >= 0);
    if (e->start) {
        CHECK(generation_session_start(f->generation, e->step) == 0);
        memset(f->lanes, 0, sizeof f->lanes);
    }
    if (e->tag < 0)
        return;
    struct lane **lane = &f->lanes[e->tag][e->tensor];
    if (!*lane)
        *lane = generation_lane(f->generation, tag_text(e->tag), &meta, i * 10);
    CHECK(*lane);
    if (e->tensor)
        CHECK(lane_add_reference(*lane, &reference) == 0);
    else
        CHECK(lane_add(*lane, e->step, e->wall, e->kind, e->bits) == 0);
}

size_t world_feed(struct world *world, size_t index, size_t count)
{
    struct world_file *f = &world->files[index];
    size_t n = 0;

    if (!f->generation)
        f->generation = run_generation(world->run, "", f->path, f->number);
    CHECK(f->generation);
    for (; n < count && f->fed < f->count; n++)
        give(f, f->fed++);
    return n;
}

void world_commit(struct world *world)
{
    CHECK(run_commit(world->run) == 0);
    for (size_t i = 0; i < world->n_files; i++)
        world->files[i].committed = world->files[i].fed;
}

void world_replay(struct world *world, size_t index, size_t count)
{
    struct world_file *f = &world->files[index];

    if (!f->generation)
        return;
    CHECK(generation_replay_begin(f->generation) == 0);
    memset(f->lanes, 0, sizeof f->lanes);
    f->fed = 0;
    world_feed(world, index, count);
    CHECK(generation_replay_end(f->generation) == 0);
}

/* ---- the model --------------------------------------------------------------------------- */

/* Rule 1 over what was committed. */
static struct span_of own_span(const struct world_file *f)
{
    struct span_of s = {.start = NAN, .end = -INFINITY};

    for (size_t i = 0; i < f->committed; i++) {
        const struct world_event *e = &f->events[i];
        s.any = s.any || e->tag >= 0 || e->start;
        if (!isfinite(e->wall))
            continue;
        s.start = isnan(s.start) ? e->wall : s.start;
        s.end = fmax(s.end, e->wall);
    }
    s.any = s.any && !isnan(s.start);
    return s;
}

/* Rule 2. */
static struct span_of late_span(const struct world *w, const struct world_file *f)
{
    struct span_of s = own_span(f);
    double before = -INFINITY;

    for (size_t i = 0; i < w->n_files; i++) {
        const struct world_file *o = &w->files[i];
        struct span_of old = o == f ? s : own_span(o);
        if (o != f && strcmp(o->path, f->path) == 0 && o->number < f->number && old.any)
            before = fmax(before, old.end);
    }
    s.late_start = fmax(s.start, before);
    s.late_end = fmax(s.end, before);
    return s;
}

static bool file_after(const struct world_file *g, const struct world_file *f)
{
    if (strcmp(g->path, f->path) == 0)
        return g->number > f->number;
    return g->span.any && f->span.any && g->span.late_start > f->span.late_end;
}

/* Part of each event: STARTs split where values came since the last split. */
static void find_parts(struct world_file *f)
{
    uint32_t part = 0;
    bool values = false;

    for (size_t i = 0; i < f->committed; i++) {
        if (f->events[i].start && values) {
            part++;
            values = false;
        }
        values = values || f->events[i].tag >= 0;
        f->parts[i] = part;
    }
}

static uint32_t parts_of(const struct world_file *f)
{
    return f->committed ? f->parts[f->committed - 1] + 1 : 1;
}

static uint32_t attempt_of(const struct world *w, const struct world_file *f)
{
    uint32_t highest = 0;

    for (size_t i = 0; i < w->n_files; i++) {
        const struct world_file *o = &w->files[i];
        if (o == f || !o->generation || !file_after(f, o))
            continue;
        uint32_t attempt = attempt_of(w, o) + parts_of(o) - 1;
        highest = attempt > highest ? attempt : highest;
    }
    return highest + 1;
}

/* From which step on values of (file, part) are hidden in the series; INT64_MAX with *any false:
 * none. */
static int64_t cut_of(const struct world *w, const struct world_file *f, uint32_t part, int tag,
                      bool *any)
{
    int64_t cut = INT64_MAX;

    *any = false;
    for (size_t i = 0; i < w->n_files; i++) {
        const struct world_file *g = &w->files[i];
        if (!g->generation || (g != f && !file_after(g, f)))
            continue;
        bool seen[WORLD_EVENTS] = {false};
        for (size_t k = 0; k < g->committed; k++) {
            const struct world_event *e = &g->events[k];
            uint32_t p = g->parts[k];
            if (g == f && p <= part)
                continue;
            bool first = e->tag == tag && !seen[p];
            if (first)
                seen[p] = true;
            if (first || e->start) {
                *any = true;
                cut = e->step < cut ? e->step : cut;
            }
        }
    }
    return cut;
}

static int by_file(const void *a, const void *b)
{
    const struct model_point *x = a, *y = b;
    int order = strcmp(x->file->path, y->file->path);

    if (order != 0)
        return order;
    if (x->file->number != y->file->number)
        return x->file->number < y->file->number ? -1 : 1;
    return (x->event > y->event) - (x->event < y->event);
}

static int compare_wall(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

static int by_answer(const void *a, const void *b)
{
    const struct model_point *x = a, *y = b;

    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    int order = compare_wall(x->wall, y->wall);
    return order != 0 ? order : by_file(a, b);
}

static int by_bits(const void *a, const void *b)
{
    const struct model_point *x = a, *y = b;

    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    int order = compare_wall(x->wall, y->wall);
    return order != 0 ? order : (x->bits > y->bits) - (x->bits < y->bits);
}

void model_sort_free(struct model_point *points, size_t count)
{
    if (count > 0)
        qsort(points, count, sizeof *points, by_bits);
}

/* Every value of the tag, with attempt and whether it is hidden. */
static size_t all_values(const struct world *w, int tag, struct model_point *to)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_files; i++) {
        const struct world_file *f = &w->files[i];
        uint32_t last = UINT32_MAX, attempt = f->attempt;
        int64_t cut = 0;
        bool any = false;
        for (size_t k = 0; k < f->committed; k++) {
            const struct world_event *e = &f->events[k];
            uint32_t part = f->parts[k];
            if (e->tag != tag)
                continue;
            if (part != last)
                cut = cut_of(w, f, part, tag, &any);
            last = part;
            to[n++] = (struct model_point){.step = e->step,
                                           .wall = e->wall,
                                           .bits = e->bits,
                                           .kind = e->kind,
                                           .attempt = attempt + part,
                                           .hidden = any && e->step >= cut,
                                           .tensor = e->tensor,
                                           .file = f,
                                           .event = k};
        }
    }
    return n;
}

static void prepare(struct world *w)
{
    for (size_t i = 0; i < w->n_files; i++) {
        w->files[i].span = late_span(w, &w->files[i]);
        find_parts(&w->files[i]);
    }
    for (size_t i = 0; i < w->n_files; i++)
        w->files[i].attempt = attempt_of(w, &w->files[i]);
}

struct model_point *model_points(struct world *world, int tag, bool stitched, size_t *ret_count,
                                 size_t *ret_other)
{
    struct model_point *points = malloc((WORLD_FILES * WORLD_EVENTS + 1) * sizeof *points);
    size_t kept = 0, other = 0;

    CHECK(points);
    prepare(world);
    size_t count = all_values(world, tag, points);
    if (count > 0)
        qsort(points, count, sizeof *points, by_file);
    bool tensor = count > 0 && points[0].tensor;
    for (size_t i = 0; i < count; i++) {
        if (points[i].tensor != tensor)
            other++;
        else if (!stitched || !points[i].hidden)
            points[kept++] = points[i];
    }
    if (kept > 0)
        qsort(points, kept, sizeof *points, by_answer);
    *ret_count = kept;
    *ret_other = other;
    return points;
}
