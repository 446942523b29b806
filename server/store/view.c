#include "store/view.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/run.h"

int scratch_init(struct scratch *scratch)
{
    uint64_t *room = malloc(3 * PIECE_ROOM * sizeof *room);

    if (!room)
        return -ENOMEM;
    scratch->points = (struct points){(int64_t *)room, (double *)(room + PIECE_ROOM),
                                      room + (size_t)2 * PIECE_ROOM};
    return 0;
}

void scratch_done(struct scratch *scratch)
{
    free(scratch->points.step);
    scratch->points = (struct points){0};
}

/* Points behind the last block: parked or raw. `out` has 64 items. */
static size_t decode_rest(const struct lane_data *d, const struct points *out)
{
    if (d->parked) {
        struct history history = d->parked->history;
        block_decode(&d->parked->block, d->kind, &history, out);
        return d->parked->block.count;
    }
    if (d->n_raw > 0) {
        memcpy(out->step, d->raw->step + HOT_HISTORY, d->n_raw * sizeof *out->step);
        memcpy(out->wall, d->raw->wall + HOT_HISTORY, d->n_raw * sizeof *out->wall);
        memcpy(out->bits, d->raw->bits + HOT_HISTORY, d->n_raw * sizeof *out->bits);
    }
    return d->n_raw;
}

static size_t decode_tail(const struct lane_data *d, const struct points *out)
{
    struct points at = *out;
    size_t count = 0;

    if (d->n_blocks > 0) {
        struct history history;
        const struct block *b = d->head;
        history_start(&history, d->kind, d->first_step, d->first_wall, d->first_bits);
        for (uint32_t i = 0; i < d->n_blocks; i++) {
            b = i > 0 ? b->next : b;
            block_decode(b, d->kind, &history, &at);
            at = (struct points){at.step + b->count, at.wall + b->count, at.bits + b->count};
            count += b->count;
        }
    }
    return count + decode_rest(d, &at);
}

static void tail_tally(const struct lane_view *v, struct tally *ret)
{
    int64_t step[HOT_POINTS + 1];
    double wall[HOT_POINTS + 1];
    uint64_t bits[HOT_POINTS];
    struct points rest = {step + 1, wall + 1, bits};

    if (v->data.parked) {
        *ret = v->acc;
        return;
    }
    size_t count = decode_rest(&v->data, &rest);
    if (v->data.n_blocks > 0) {
        *ret = v->acc;
        step[0] = ret->last_step;
        wall[0] = ret->last_wall;
    } else {
        tally_init(ret, v->data.kind);
        step[0] = step[1];
        wall[0] = wall[1];
    }
    if (count > 0)
        tally_add(ret, step + 1, wall + 1, bits, count);
}

const struct tally *view_tally(const struct lane_view *v, size_t i, struct tally *room)
{
    DCHECK(i < view_pieces(v));
    if (i < v->data.n_chunks)
        return &chunk_at(v->data.chunks, i)->tally;
    tail_tally(v, room);
    return room;
}

ssize_t view_decode(const struct lane_view *v, size_t i, const struct points *out)
{
    DCHECK(i < view_pieces(v));
    if (i == v->data.n_chunks)
        return (ssize_t)decode_tail(&v->data, out);
    const struct chunk *chunk = chunk_at(v->data.chunks, i), *read;
    if (chunk_is_stub(chunk)) {
        struct chunkcache *cache = v->lane->series->run->store->cache;
        int r = chunkcache_get(cache, (const struct chunk_stub *)chunk, &read);
        if (r < 0)
            return r;
        chunk_decode(read, out);
        chunkcache_put(cache, read);
    } else {
        chunk_decode(chunk, out);
    }
    return chunk->tally.count;
}

size_t view_decode_rest(const struct lane_view *v, const struct points *out)
{
    return decode_rest(&v->data, out);
}

enum value_kind view_kind(const struct lane_view *v, size_t i)
{
    return i < v->data.n_chunks ? chunk_at(v->data.chunks, i)->tally.kind : v->data.kind;
}
