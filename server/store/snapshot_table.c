/* snapshot_table.c: the rows of a segment's table: docs/formats/segment.md. Read by restore.c.
 *
 * Before: snapshot.c has put all chunks and knows their places. Thread: the one that writes. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/snapshot.h"

static void put_u8(struct buf *out, uint8_t x)
{
    buf_add(out, &x, sizeof x);
}

static void put_u32(struct buf *out, uint32_t x)
{
    buf_add(out, &x, sizeof x);
}

static void put_u64(struct buf *out, uint64_t x)
{
    buf_add(out, &x, sizeof x);
}

static void put_i64(struct buf *out, int64_t x)
{
    buf_add(out, &x, sizeof x);
}

static void put_f64(struct buf *out, double x)
{
    buf_add(out, &x, sizeof x);
}

static void put_text(struct buf *out, struct text text)
{
    put_u32(out, (uint32_t)text.size);
    buf_add(out, text.data, text.size);
}

static void put_string(struct buf *out, const char *text)
{
    put_text(out, (struct text){text, strlen(text)});
}

/* ---- generations ------------------------------------------------------------------------- */

static void put_place(struct buf *out, const struct place *place)
{
    put_u64(out, place->offset);
    put_u32(out, place->head_size);
    put_u32(out, place->head_crc);
    put_u64(out, place->window_end);
    put_u32(out, place->window_size);
    put_u32(out, place->window_crc);
}

static void put_facts(struct buf *out, const struct facts *facts)
{
    put_f64(out, facts->hot.start);
    put_f64(out, facts->hot.end);
    put_u64(out, facts->hot.events);
    put_u64(out, facts->hot.values);
    put_u64(out, facts->hot.first_value);
    put_u64(out, facts->values_at_split);
    put_u8(out, facts->session_started);
    put_u32(out, facts->n_parts);
    for (uint32_t i = 0; i < facts->n_parts; i++) {
        put_u8(out, facts->parts[i].hides);
        put_i64(out, facts->parts[i].from);
    }
}

static void put_generation(struct buf *out, const struct snapshot_generation *g)
{
    put_u32(out, g->generation->id);
    put_u32(out, g->incarnation);
    put_text(out, g->generation->dir->name);
    put_string(out, g->path);
    put_u32(out, g->number);
    put_place(out, &g->place);
    put_facts(out, &g->facts);
    put_u64(out, g->damage_total);
    put_u32(out, (uint32_t)g->n_damage);
    for (size_t i = 0; i < g->n_damage; i++) {
        const struct damage *d = &g->damage[i].damage;
        put_u64(out, d->offset);
        put_u64(out, d->length);
        put_u32(out, (uint32_t)d->reason);
        put_u8(out, d->limited);
        put_f64(out, d->found_wall_s);
        put_u64(out, g->damage[i].events_before);
    }
}

/* ---- lists of what lanes name ------------------------------------------------------------ */

struct pointers {
    const void **items; /* sorted, each once */
    size_t count;
};

static int by_address(const void *a, const void *b)
{
    const void *x = *(const void *const *)a, *y = *(const void *const *)b;

    return (x > y) - (x < y);
}

static void pointers_sort(struct pointers *p)
{
    size_t n = 0;

    if (p->count > 0)
        qsort(p->items, p->count, sizeof *p->items, by_address);
    for (size_t i = 0; i < p->count; i++) {
        if (n == 0 || p->items[n - 1] != p->items[i])
            p->items[n++] = p->items[i];
    }
    p->count = n;
}

static uint32_t pointers_find(const struct pointers *p, const void *item)
{
    const void **found = bsearch(&item, p->items, p->count, sizeof *p->items, by_address);

    CHECK(found);
    return (uint32_t)(found - p->items);
}

static void put_series(struct buf *out, const struct pointers *all)
{
    put_u32(out, (uint32_t)all->count);
    for (size_t i = 0; i < all->count; i++) {
        const struct series *series = all->items[i];
        put_text(out, series->dir->name);
        put_text(out, series->tag);
    }
}

static void put_metas(struct buf *out, const struct pointers *all)
{
    put_u32(out, (uint32_t)all->count);
    for (size_t i = 0; i < all->count; i++) {
        const struct series_meta *meta = all->items[i];
        put_u8(out, (uint8_t)meta->kind);
        put_u8(out, (uint8_t)meta->data_class);
        put_text(out, meta->plugin);
        put_text(out, meta->content);
        put_text(out, meta->display_name);
        put_text(out, meta->description);
    }
}

/* ---- lanes ------------------------------------------------------------------------------- */

static void put_chunks(struct buf *out, const struct snapshot *s, const struct snapshot_lane *l)
{
    put_u64(out, l->from);
    put_u32(out, (uint32_t)l->n_written);
    for (size_t i = 0; i < l->n_written; i++) {
        const struct chunk_stub *stub = &s->written[l->written + i];
        struct chunk head = stub->head;
        head.magic = CHUNK_MAGIC;
        put_u64(out, stub->offset);
        put_u8(out, stub->open);
        buf_add(out, &head, sizeof head);
    }
}

static void put_references(struct buf *out, const struct snapshot_lane *l)
{
    const struct lane_data *d = &l->view.data;

    put_u64(out, l->from_reference);
    put_u32(out, (uint32_t)(d->count - l->from_reference));
    for (uint64_t i = l->from_reference; i < d->count; i++) {
        const struct reference *r = &d->references[i];
        put_i64(out, r->step);
        put_f64(out, r->wall_time);
        put_u64(out, r->offset);
        put_u64(out, r->length);
        put_u64(out, r->record);
    }
}

static void put_lane(struct buf *out, const struct snapshot *s, const struct snapshot_lane *l,
                     const struct pointers *series, const struct pointers *metas)
{
    const struct lane_view *v = &l->view;

    put_u32(out, l->generation);
    put_u32(out, pointers_find(series, l->lane->series));
    put_u32(out, pointers_find(metas, l->lane->meta));
    put_u32(out, l->part);
    put_u64(out, l->first_offset);
    put_u8(out, l->has_first);
    put_i64(out, l->first_step);
    put_u64(out, v->data.count);
    put_u8(out, v->has_cut);
    put_i64(out, v->cut);
    put_u64(out, l->hidden);
    put_i64(out, l->hidden_max);
    if (l->lane->meta->kind == SERIES_SCALAR)
        put_chunks(out, s, l);
    else
        put_references(out, l);
}

static void put_rows(struct buf *out, const struct snapshot *s, const struct pointers *series,
                     const struct pointers *metas)
{
    const struct run *run = s->run;

    put_string(out, run->id);
    put_string(out, run->name);
    put_string(out, run->experiment);
    put_string(out, run->path);
    put_f64(out, s->usual_interval_s);
    put_u32(out, (uint32_t)s->n_generations);
    for (size_t i = 0; i < s->n_generations; i++)
        put_generation(out, &s->generations[i]);
    put_series(out, series);
    put_metas(out, metas);
    put_u32(out, (uint32_t)s->n_lanes);
    for (size_t i = 0; i < s->n_lanes; i++)
        put_lane(out, s, &s->lanes[i], series, metas);
}

int snapshot_table(const struct snapshot *s, struct buf *out)
{
    struct pointers series = {calloc(s->n_lanes + 1, sizeof(void *)), s->n_lanes};
    struct pointers metas = {calloc(s->n_lanes + 1, sizeof(void *)), s->n_lanes};
    int r = -ENOMEM;

    if (series.items && metas.items) {
        for (size_t i = 0; i < s->n_lanes; i++) {
            series.items[i] = s->lanes[i].lane->series;
            metas.items[i] = s->lanes[i].lane->meta;
        }
        pointers_sort(&series);
        pointers_sort(&metas);
        put_rows(out, s, &series, &metas);
        r = buf_failed(out);
    }
    free(series.items);
    free(metas.items);
    return r;
}
