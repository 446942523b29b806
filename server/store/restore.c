#include "store/restore.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/tablefields.h"

#define GENERATION_ROW_BYTES 117 /* the least that a row takes: counts are held against it */
#define PART_ROW_BYTES 9
#define DAMAGE_ROW_BYTES 37
#define SERIES_ROW_BYTES 8
#define META_ROW_BYTES 18
#define LANE_ROW_BYTES 78
#define CHUNK_ROW_BYTES (9 + sizeof(struct chunk))
#define REFERENCE_ROW_BYTES 40
#define HEAD_BYTES 64

struct restored {
    uint32_t id;
    struct generation *generation;
    struct damage_row *damage;
    size_t n_damage;
    uint64_t damage_total;
};

struct restore {
    struct run *run;
    struct restored **generations;
    size_t n_generations, cap_generations;
    struct symtab by_id;
    uint32_t flush;
};

/* One table on its way in. */
struct reading {
    struct restore *restore;
    struct fields fields;
    const struct chunk_file *file;
    uint64_t data_end;
    struct restored **generations; /* of this table, as lanes name them */
    uint32_t n_generations;
    struct text *tags, *dirs;
    uint32_t n_series;
    struct series_meta *metas;
    uint32_t n_metas;
};

/* ---- generations ------------------------------------------------------------------------- */

static bool same_id(const void *item, const void *key)
{
    return ((const struct restored *)item)->id == *(const uint32_t *)key;
}

/* The generation of that id, made if it is new. NULL: out of memory. */
static struct restored *find_generation(struct restore *restore, uint32_t id, const char *dir,
                                        const char *path, uint32_t number)
{
    uint64_t hash = symtab_hash(restore->run->store->seed, &id, sizeof id);
    struct restored *g = symtab_find(&restore->by_id, hash, same_id, &id);

    if (g)
        return g;
    if (run_grow(&restore->generations, &restore->cap_generations, restore->n_generations,
                 sizeof *restore->generations) < 0)
        return NULL;
    g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->id = id;
    g->generation = run_generation(restore->run, dir, path, number);
    if (!g->generation || symtab_add(&restore->by_id, hash, g) < 0) {
        free(g);
        return NULL;
    }
    g->generation->id = id;
    restore->generations[restore->n_generations++] = g;
    return g;
}

static void forget_chunks(struct lane *lane, uint32_t from)
{
    struct slab *slab = &lane->series->run->slab;

    for (uint32_t i = from; i < lane->cur.n_chunks; i++) {
        struct chunk *chunk = lane->cur.chunks[i];
        lane->cur.count -= chunk->tally.count;
        slab_free(slab, chunk, chunk_memory(chunk));
    }
    lane->cur.n_chunks = MIN(lane->cur.n_chunks, from);
}

/* The file was read anew: what earlier segments had of it is void. */
static void forget_lanes(struct generation *g)
{
    struct slab *slab = &g->run->slab;

    for (size_t i = 0; i < g->now.n_lanes; i++) {
        struct lane *lane = g->now.lanes[i], **at = &lane->series->all;
        while (*at != lane)
            at = &(*at)->next_in_series;
        *at = lane->next_in_series;
        lane->series->n_unlinked--;
        forget_chunks(lane, 0);
        slab_free(slab, lane->cur.chunks, lane->cur.cap_chunks * sizeof *lane->cur.chunks);
        slab_free(slab, lane->cur.references,
                  lane->cur.cap_references * sizeof *lane->cur.references);
        slab_free(slab, lane, sizeof *lane);
    }
    g->now.n_lanes = 0;
}

static void take_place(struct reading *in, struct place *ret)
{
    ret->offset = take_u64(&in->fields);
    ret->head_size = take_u32(&in->fields);
    ret->head_crc = take_u32(&in->fields);
    ret->window_end = take_u64(&in->fields);
    ret->window_size = take_u32(&in->fields);
    ret->window_crc = take_u32(&in->fields);
    if (ret->window_end > ret->offset || ret->window_size > ret->window_end ||
        ret->head_size > ret->offset || ret->head_size > LIMIT_PROOF_BYTES ||
        ret->window_size > LIMIT_PROOF_BYTES)
        in->fields.bad = true;
}

static int take_facts(struct reading *in, struct generation *g)
{
    struct generation_hot *hot = &g->hot;

    hot->start = take_f64(&in->fields);
    hot->end = take_f64(&in->fields);
    hot->events = take_u64(&in->fields);
    hot->values = take_u64(&in->fields);
    hot->first_value = take_u64(&in->fields);
    hot->fast = false;
    if (isnan(hot->start) ? hot->end != -INFINITY
                          : !(isfinite(hot->start) && isfinite(hot->end) && hot->end >= hot->start))
        in->fields.bad = true;
    g->now.values_at_split = take_u64(&in->fields);
    g->now.session_started = take_u8(&in->fields) != 0;
    uint32_t count = take_count(&in->fields, PART_ROW_BYTES);
    if (count == 0 || in->fields.bad) {
        in->fields.bad = true;
        return 0;
    }
    while (g->now.cap_parts < count) {
        if (run_grow(&g->now.parts, &g->now.cap_parts, g->now.cap_parts,
                     sizeof *g->now.parts) < 0)
            return -ENOMEM;
    }
    g->now.n_parts = count;
    for (uint32_t i = 0; i < count; i++) {
        g->now.parts[i].hides = take_u8(&in->fields) != 0;
        g->now.parts[i].from = take_i64(&in->fields);
    }
    return 0;
}

static int take_damage(struct reading *in, struct restored *g)
{
    g->damage_total = take_u64(&in->fields);
    uint32_t count = take_count(&in->fields, DAMAGE_ROW_BYTES);
    if (count > LIMIT_DAMAGE_ENTRIES || count > g->damage_total)
        in->fields.bad = true;
    if (in->fields.bad)
        return 0;
    free(g->damage);
    g->n_damage = 0;
    g->damage = calloc((size_t)count + 1, sizeof *g->damage);
    if (!g->damage)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct damage_row *row = &g->damage[g->n_damage++];
        row->generation = g->generation;
        row->damage.offset = take_u64(&in->fields);
        row->damage.length = take_u64(&in->fields);
        row->damage.reason = (int)take_u32(&in->fields);
        row->damage.limited = take_u8(&in->fields) != 0;
        row->damage.found_wall_s = take_f64(&in->fields);
        row->events_before = take_u64(&in->fields);
        if (row->damage.reason < 0 || row->damage.reason > LIMIT_REASONS)
            in->fields.bad = true;
    }
    return 0;
}

static int take_generation(struct reading *in, struct restored **ret)
{
    uint32_t id = take_u32(&in->fields), incarnation = take_u32(&in->fields);
    _cleanup_free_ char *dir = take_string(&in->fields, LIMIT_PATH_BYTES);
    _cleanup_free_ char *path = take_string(&in->fields, LIMIT_PATH_BYTES);
    uint32_t number = take_u32(&in->fields);
    struct place place;

    take_place(in, &place);
    if (in->fields.bad || path == NULL || *path == 0) {
        in->fields.bad = true;
        return 0;
    }
    struct restored *r = dir ? find_generation(in->restore, id, dir, path, number) : NULL;
    if (!r)
        return -ENOMEM;
    struct generation *g = r->generation;
    if (strcmp(g->dir->name.data, dir) != 0) {
        in->fields.bad = true;
        return 0;
    }
    if ((strcmp(g->path, path) != 0 || g->number != number) &&
        generation_rename(g, path, number) < 0)
        return -ENOMEM;
    if (g->incarnation != incarnation)
        forget_lanes(g);
    g->incarnation = incarnation;
    g->covered = place;
    g->placed = true;
    g->flushed_in = in->file->last;
    *ret = r;
    int e = take_facts(in, g);
    return e < 0 ? e : take_damage(in, r);
}

static int take_generations(struct reading *in)
{
    uint32_t count = take_count(&in->fields, GENERATION_ROW_BYTES);
    int r = 0;

    in->generations = calloc((size_t)count + 1, sizeof *in->generations);
    if (!in->generations)
        return -ENOMEM;
    for (; in->n_generations < count && r == 0 && !in->fields.bad; in->n_generations++)
        r = take_generation(in, &in->generations[in->n_generations]);
    return r;
}

/* ---- series and metadata ----------------------------------------------------------------- */

static int take_series(struct reading *in)
{
    uint32_t count = take_count(&in->fields, SERIES_ROW_BYTES);

    in->tags = calloc((size_t)count + 1, sizeof *in->tags);
    in->dirs = calloc((size_t)count + 1, sizeof *in->dirs);
    if (!in->tags || !in->dirs)
        return -ENOMEM;
    for (; in->n_series < count && !in->fields.bad; in->n_series++) {
        in->dirs[in->n_series] = take_text(&in->fields, LIMIT_PATH_BYTES);
        in->tags[in->n_series] = take_text(&in->fields, LIMIT_TAG_BYTES);
    }
    return 0;
}

static int take_metas(struct reading *in)
{
    uint32_t count = take_count(&in->fields, META_ROW_BYTES);

    in->metas = calloc((size_t)count + 1, sizeof *in->metas);
    if (!in->metas)
        return -ENOMEM;
    for (; in->n_metas < count && !in->fields.bad; in->n_metas++) {
        struct series_meta *meta = &in->metas[in->n_metas];
        uint8_t kind = take_u8(&in->fields);
        if (kind < SERIES_SCALAR || kind > SERIES_BLOB)
            in->fields.bad = true;
        meta->kind = kind;
        meta->data_class = take_u8(&in->fields);
        meta->plugin = take_text(&in->fields, UINT32_MAX);
        meta->content = take_text(&in->fields, UINT32_MAX);
        meta->display_name = take_text(&in->fields, UINT32_MAX);
        meta->description = take_text(&in->fields, UINT32_MAX);
    }
    return 0;
}

/* ---- lanes ------------------------------------------------------------------------------- */

static int take_chunk(struct reading *in, struct lane *lane)
{
    struct slab *slab = &lane->series->run->slab;
    uint64_t offset = take_u64(&in->fields);
    bool open = take_u8(&in->fields) != 0;
    struct chunk head;

    take(&in->fields, &head, sizeof head);
    if (in->fields.bad || chunk_open_head(&head) != CHUNK_OK || offset % 8 != 0 ||
        offset < HEAD_BYTES || offset > in->data_end || head.size > in->data_end - offset) {
        in->fields.bad = true;
        return 0;
    }
    struct chunk_stub *stub = slab_alloc(slab, sizeof *stub);
    if (!stub)
        return -ENOMEM;
    *stub = (struct chunk_stub){.head = head, .file = in->file, .offset = offset, .open = open};
    stub->head.magic = CHUNK_STUB_MAGIC;
    if (lane_add_chunk(lane, slab, &stub->head) < 0) {
        slab_free(slab, stub, sizeof *stub);
        return -ENOMEM;
    }
    lane->cur.count += head.tally.count;
    return 0;
}

static int take_chunks(struct reading *in, struct lane *lane)
{
    uint64_t from = take_u64(&in->fields);
    uint32_t count = take_count(&in->fields, CHUNK_ROW_BYTES), sealed;
    int r = 0;

    if (in->fields.bad || from > lane->cur.n_chunks) {
        in->fields.bad = true;
        return 0;
    }
    forget_chunks(lane, (uint32_t)from);
    for (uint32_t i = 0; i < count && r == 0 && !in->fields.bad; i++)
        r = take_chunk(in, lane);
    for (sealed = lane->cur.n_chunks; sealed > 0; sealed--) {
        if (!((struct chunk_stub *)lane->cur.chunks[sealed - 1])->open)
            break;
    }
    lane->flushed_chunks = sealed;
    lane->reopen = sealed < lane->cur.n_chunks;
    return r;
}

static int take_references(struct reading *in, struct lane *lane)
{
    uint64_t from = take_u64(&in->fields);
    uint32_t count = take_count(&in->fields, REFERENCE_ROW_BYTES);
    int r = 0;

    if (in->fields.bad || from > lane->cur.count) {
        in->fields.bad = true;
        return 0;
    }
    lane->cur.count = from;
    for (uint32_t i = 0; i < count && r == 0; i++) {
        struct reference reference = {.step = take_i64(&in->fields)};
        reference.wall_time = take_f64(&in->fields);
        reference.offset = take_u64(&in->fields);
        reference.length = take_u64(&in->fields);
        reference.record = take_u64(&in->fields);
        r = lane_append_reference(lane, &lane->series->run->slab, &reference);
    }
    return r;
}

/* The lane that a row is about. NULL: *ret_error is -ENOMEM, or the row is bad. */
static struct lane *take_lane_name(struct reading *in, int *ret_error)
{
    uint32_t generation = take_u32(&in->fields), series = take_u32(&in->fields);
    uint32_t meta = take_u32(&in->fields);
    uint32_t part = take_u32(&in->fields);
    uint64_t first_offset = take_u64(&in->fields);

    *ret_error = 0;
    if (in->fields.bad || generation >= in->n_generations || series >= in->n_series ||
        meta >= in->n_metas || part >= in->generations[generation]->generation->now.n_parts) {
        in->fields.bad = true;
        return NULL;
    }
    struct generation *g = in->generations[generation]->generation;
    struct text dir = in->dirs[series];
    if (g->dir->name.size != dir.size || memcmp(g->dir->name.data, dir.data, dir.size) != 0) {
        in->fields.bad = true;
        return NULL;
    }
    struct series *s = run_series_make(g->run, g->dir, in->tags[series]);
    struct lane *lane = s ? generation_part_lane(g, s, part, &in->metas[meta], first_offset) : NULL;
    if (!lane)
        *ret_error = -ENOMEM;
    return lane;
}

static int take_lane(struct reading *in)
{
    int r;
    struct lane *lane = take_lane_name(in, &r);

    if (!lane)
        return r;
    bool has_first = take_u8(&in->fields) != 0;
    int64_t first_step = take_i64(&in->fields);
    uint64_t count = take_u64(&in->fields);
    bool has_cut = take_u8(&in->fields) != 0;
    int64_t cut = take_i64(&in->fields);
    uint64_t hidden = take_u64(&in->fields);
    int64_t hidden_max = take_i64(&in->fields);
    r = lane->meta->kind == SERIES_SCALAR ? take_chunks(in, lane) : take_references(in, lane);
    if (lane->cur.count != count || hidden > count || !has_first || count == 0)
        in->fields.bad = true;
    lane->has_first = true;
    lane->first_step = first_step;
    lane->has_cut = has_cut;
    lane->cut = cut;
    lane->hidden = lane->next_hidden = has_cut ? hidden : 0;
    lane->hidden_max = hidden_max;
    lane->restored = true;
    lane->flushed_count = count;
    lane->flushed_in = in->file->last;
    return r;
}

/* ---- the calls --------------------------------------------------------------------------- */

struct restore *restore_new(struct store *store, const struct run_info *info)
{
    struct restore *restore = calloc(1, sizeof *restore);

    if (!restore)
        return NULL;
    restore->run = run_new(store, info);
    return restore->run ? restore : restore_free(restore);
}

struct restore *restore_free(struct restore *restore)
{
    if (!restore)
        return NULL;
    for (size_t i = 0; i < restore->n_generations; i++) {
        free(restore->generations[i]->damage);
        free(restore->generations[i]);
    }
    free(restore->generations);
    symtab_done(&restore->by_id);
    if (restore->run)
        run_free(restore->run);
    free(restore);
    return NULL;
}

static int take_table(struct reading *in)
{
    struct run *run = in->restore->run;
    struct text id = take_text(&in->fields, LIMIT_RUN_ID_BYTES);

    if (!in->fields.bad && (id.size != strlen(run->id) || memcmp(id.data, run->id, id.size) != 0))
        return -ESTALE;
    /* Name, experiment and path: for those who look at the file. */
    take_text(&in->fields, LIMIT_PATH_BYTES);
    take_text(&in->fields, LIMIT_PATH_BYTES);
    take_text(&in->fields, LIMIT_PATH_BYTES);
    run->usual_interval_s = take_f64(&in->fields);
    int r = take_generations(in);
    if (r == 0)
        r = take_series(in);
    if (r == 0)
        r = take_metas(in);
    uint32_t count = take_count(&in->fields, LANE_ROW_BYTES);
    for (uint32_t i = 0; i < count && r == 0 && !in->fields.bad; i++)
        r = take_lane(in);
    if (r == 0 && (in->fields.bad || in->fields.at != in->fields.end))
        r = -EBADMSG;
    return r;
}

int restore_apply(struct restore *restore, const void *table, size_t size,
                  const struct chunk_file *file, uint64_t data_end)
{
    struct reading in = {.restore = restore,
                         .fields = {.at = table, .end = (const uint8_t *)table + size},
                         .file = file,
                         .data_end = data_end};

    int r = take_table(&in);
    restore->flush = MAX(restore->flush, file->last);
    free(in.generations);
    free(in.tags);
    free(in.dirs);
    free(in.metas);
    return r;
}

static int by_found(const void *a, const void *b)
{
    double x = ((const struct damage_row *)a)->damage.found_wall_s;
    double y = ((const struct damage_row *)b)->damage.found_wall_s;

    return (x > y) - (x < y);
}

static int put_damage(struct restore *restore)
{
    struct run *run = restore->run;

    for (size_t i = 0; i < restore->n_generations; i++) {
        struct restored *g = restore->generations[i];
        g->generation->damage = g->damage_total;
        run->damage_total += g->damage_total;
        for (size_t k = 0; k < g->n_damage && run->n_damage < LIMIT_DAMAGE_ENTRIES; k++) {
            if (run_grow(&run->damage, &run->cap_damage, run->n_damage, sizeof *run->damage) < 0)
                return -ENOMEM;
            run->damage[run->n_damage++] = g->damage[k];
        }
    }
    if (run->n_damage > 0)
        qsort(run->damage, run->n_damage, sizeof *run->damage, by_found);
    return 0;
}

/* What the store counts about a lane comes with its first commit. */
static void touch_lanes(struct run *run)
{
    run->next_id = 0;
    for (size_t i = 0; i < run->n_generations; i++) {
        struct generation *g = run->generations[i];
        run->next_id = MAX(run->next_id, g->id + 1);
        for (size_t k = 0; k < g->now.n_lanes; k++) {
            lane_touch(g->now.lanes[k]);
            if (g->now.lanes[k]->meta->kind == SERIES_SCALAR)
                run->hidden += g->now.lanes[k]->hidden;
        }
    }
}

int restore_end(struct restore **restore, uint64_t chain, void *kept, struct run **ret)
{
    struct run *run = (*restore)->run;
    double interval = run->usual_interval_s;

    int r = put_damage(*restore);
    if (r == 0) {
        touch_lanes(run);
        r = run_commit(run);
    }
    run->chain = chain;
    run->flush = (*restore)->flush;
    run->usual_interval_s = interval;
    run->last_points_s = NAN;
    for (size_t i = 0; i < run->n_generations; i++)
        run->generations[i]->unflushed = false;
    run_set_kept(run, kept);
    run_write_begin(run); /* who finds it now waits until it is complete */
    if (r == 0)
        r = run_enter(run);
    if (r == 0) {
        (*restore)->run = NULL;
        run->touched = true; /* those who were told looked for it in vain */
        (void)run_commit(run);
        *ret = run;
    }
    run_write_end(run);
    *restore = restore_free(*restore);
    return r;
}
