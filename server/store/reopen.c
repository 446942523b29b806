/* reopen.c: a lane that lies in segments goes on.
 *
 * Its last points were written as a chunk marked open. With the next point that chunk is decoded
 * and its points are appended anew, so that a restart leaves no short chunks behind. Writer only;
 * readers see the chunk until the commit. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/run.h"

static int read_open_chunk(struct lane *lane, const struct chunk_stub *stub,
                           struct scratch *scratch)
{
    struct chunkcache *cache = lane->series->run->store->cache;
    const struct chunk *chunk;

    if (scratch_init(scratch) < 0)
        return -ENOMEM;
    int r = chunkcache_get(cache, stub, &chunk);
    if (r < 0)
        return r;
    chunk_decode(chunk, &scratch->points);
    chunkcache_put(cache, chunk);
    return 0;
}

/* A table of its own for the writer, without the last chunk. */
static int leave_last(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;
    size_t size = cur->cap_chunks * sizeof *cur->chunks;

    if (slab_reserve_retired(slab, 5) < 0)
        return -ENOMEM;
    struct chunk **table = slab_alloc(slab, size);
    if (!table)
        return -ENOMEM;
    memcpy(table, cur->chunks, size);
    slab_retire(slab, cur->chunks, size);
    cur->chunks = table;
    cur->n_chunks--;
    lane->flushed_chunks = MIN(lane->flushed_chunks, cur->n_chunks);
    return 0;
}

int lane_reopen(struct lane *lane)
{
    _cleanup_(scratch_done) struct scratch scratch = {0};
    struct slab *slab = &lane->series->run->slab;
    struct lane_data *cur = &lane->cur;
    struct chunk *last = chunk_at(cur->chunks, cur->n_chunks - 1);
    const struct tally *t = &last->tally;
    const struct points *p = &scratch.points;
    uint64_t count = cur->count;

    DCHECK(chunk_is_stub(last) && cur->n_blocks == 0 && !cur->parked && lane->hot.used == 0);
    int r = read_open_chunk(lane, (const struct chunk_stub *)last, &scratch);
    if (r == 0)
        r = leave_last(lane, slab);
    if (r == -ENOMEM)
        return r;
    lane->reopen = false;
    if (r < 0)
        return 0;
    cur->count -= t->count;
    for (uint32_t i = 0; i < t->count && r == 0; i++)
        r = lane_append(lane, slab, p->step[i], p->wall[i], t->kind, p->bits[i]);
    if (r == 0) {
        slab_retire(slab, last, chunk_memory(last));
        return 0;
    }
    /* As it was: what was appended is the writer's alone. */
    if (lane_drop_tail(lane, slab) == 0) {
        cur->count = count;
        cur->n_chunks++;
        lane->reopen = true;
    }
    CHECK(lane->reopen);
    return -ENOMEM;
}
