#include "store/lane.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

void lane_release_chain(struct slab *slab, void *chain, size_t count)
{
    for (struct block *b = chain, *next; count > 0; count--, b = next) {
        next = count > 1 ? b->next : NULL;
        slab_free(slab, b, block_size(b));
    }
}

/* ---- chunks ------------------------------------------------------------------------------ */

static int grow_chunks(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;
    uint32_t cap = cur->cap_chunks ? cur->cap_chunks * 2 : 2;

    if (cur->n_chunks < cur->cap_chunks)
        return 0;
    if (slab_reserve_retired(slab, 1) < 0)
        return -ENOMEM;
    struct chunk **grown = slab_alloc(slab, cap * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    if (cur->n_chunks > 0)
        memcpy(grown, cur->chunks, cur->n_chunks * sizeof *grown);
    slab_retire(slab, cur->chunks, cur->cap_chunks * sizeof *grown);
    cur->chunks = grown;
    cur->cap_chunks = cap;
    return 0;
}

int lane_add_chunk(struct lane *lane, struct slab *slab, struct chunk *chunk)
{
    if (grow_chunks(lane, slab) < 0)
        return -ENOMEM;
    chunk_set(lane->cur.chunks, lane->cur.n_chunks++, chunk);
    return 0;
}

/* The blocks of the open chunk become a sealed one. -ENOMEM: nothing changed. */
static int seal(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;

    if (cur->n_blocks == 0)
        return 0;
    if (grow_chunks(lane, slab) < 0 || slab_reserve_retired(slab, 1) < 0)
        return -ENOMEM;
    struct chunk *chunk = slab_alloc(slab, chunk_size(&lane->payload, cur->n_blocks));
    if (!chunk)
        return -ENOMEM;
    chunk_seal(cur->head, cur->n_blocks, &lane->payload, &lane->acc, chunk);
    cur->chunks[cur->n_chunks++] = chunk;
    cur->resident += chunk->size;

    /* Blocks that readers know must wait, the others are free at once. */
    uint32_t shared = lane->pub.head == cur->head ? lane->pub.n_blocks : 0;
    struct block *rest = cur->head;
    for (uint32_t i = 0; i < shared; i++)
        rest = rest->next;
    lane_release_chain(slab, rest, cur->n_blocks - shared);
    slab_retire_chain(slab, cur->head, shared);
    cur->head = lane->tail = NULL;
    cur->n_blocks = cur->block_bytes = 0;
    lane->payload = (struct chunk_payload){0};
    return 0;
}

/* The raw points become a block of the open chunk. The raw block is empty afterwards, and the
 * writer's own. -ENOMEM: nothing changed. */
static int encode_raw(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;
    struct columns *raw = lane->hot.raw, *fresh = raw;
    _Alignas(8) uint8_t room[BLOCK_MAX + 8];
    struct block *made = (struct block *)room;
    const uint32_t count = lane->hot.used, at = HOT_HISTORY;

    if (cur->n_blocks == CHUNK_BLOCKS && seal(lane, slab) < 0)
        return -ENOMEM;
    if (lane->raw_shared) {
        if (slab_reserve_retired(slab, 1) < 0 || !(fresh = slab_alloc(slab, sizeof *fresh)))
            return -ENOMEM;
    }
    if (cur->n_blocks == 0) {
        history_start(&lane->history, lane->hot.kind, raw->step[at], raw->wall[at], raw->bits[at]);
        tally_init(&lane->acc, lane->hot.kind);
    }
    struct history history = lane->history;
    size_t size = block_encode(raw, count, lane->hot.kind, &history, made);
    struct block *block = slab_alloc(slab, size);
    if (!block) {
        if (fresh != raw)
            slab_free(slab, fresh, sizeof *fresh);
        return -ENOMEM;
    }
    memcpy(block, made, size);
    tally_add(&lane->acc, raw->step + at, raw->wall + at, raw->bits + at, count);
    if (cur->n_blocks++ == 0) {
        cur->head = block;
        cur->first_step = raw->step[at];
        cur->first_wall = raw->wall[at];
        cur->first_bits = raw->bits[at];
    } else {
        lane->tail->next = block;
    }
    lane->tail = block;
    cur->block_bytes += (uint32_t)size;
    chunk_count(&lane->payload, block);
    lane->history = history;
    cur->count += count;
    if (fresh != raw) {
        slab_retire(slab, raw, sizeof *raw);
        lane->hot.raw = fresh;
        lane->raw_shared = false;
    }
    lane->hot.used = 0;
    return 0;
}

/* ---- parking ----------------------------------------------------------------------------- */

static size_t parked_size(const struct parked *parked)
{
    return offsetof(struct parked, block) + block_size(&parked->block);
}

uint64_t lane_open_bytes(const struct lane_data *data)
{
    return data->block_bytes + (data->raw ? sizeof *data->raw : 0) +
           (data->parked ? parked_size(data->parked) : 0);
}

void lane_park(struct lane *lane, struct slab *slab)
{
    struct columns *raw = lane->hot.raw;
    _Alignas(8) uint8_t room[offsetof(struct parked, block) + BLOCK_MAX + 8];
    struct parked *made = (struct parked *)room, *parked = NULL;

    if (!raw || slab_reserve_retired(slab, 1) < 0)
        return;
    if (lane->hot.used > 0) {
        struct lane_data *cur = &lane->cur;
        const int at = HOT_HISTORY;
        made->history = lane->history;
        if (cur->n_blocks == 0)
            history_start(&made->history, lane->hot.kind, raw->step[at], raw->wall[at],
                          raw->bits[at]);
        struct history history = made->history;
        block_encode(raw, lane->hot.used, lane->hot.kind, &history, &made->block);
        if (cur->n_blocks > 0)
            made->tally = lane->acc;
        else
            tally_init(&made->tally, lane->hot.kind);
        tally_add(&made->tally, raw->step + at, raw->wall + at, raw->bits + at, lane->hot.used);
        size_t size = parked_size(made);
        parked = slab_alloc(slab, size);
        if (!parked)
            return;
        memcpy(parked, made, size);
    }
    if (lane->raw_shared)
        slab_retire(slab, raw, sizeof *raw);
    else
        slab_free(slab, raw, sizeof *raw);
    lane->cur.parked = parked;
    lane->cur.count += lane->hot.used;
    lane->hot.raw = NULL;
    lane->hot.used = lane->hot.limit = 0;
    lane->raw_shared = false;
}

/* A raw block with the parked points, if there are any. */
static int unpark(struct lane *lane, struct slab *slab)
{
    struct parked *parked = lane->cur.parked;

    if (slab_reserve_retired(slab, 1) < 0)
        return -ENOMEM;
    struct columns *raw = slab_alloc(slab, sizeof *raw);
    if (!raw)
        return -ENOMEM;
    if (parked) {
        struct points to = {raw->step + HOT_HISTORY, raw->wall + HOT_HISTORY,
                            raw->bits + HOT_HISTORY};
        struct history history = parked->history;
        block_decode(&parked->block, lane->hot.kind, &history, &to);
        lane->hot.used = parked->block.count;
        lane->cur.count -= parked->block.count;
        if (lane->pub.parked == parked)
            slab_retire(slab, parked, parked_size(parked));
        else
            slab_free(slab, parked, parked_size(parked));
        lane->cur.parked = NULL;
    }
    lane->hot.raw = raw;
    lane->raw_shared = false;
    return 0;
}

int lane_drop_tail(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;

    if (slab_reserve_retired(slab, 3) < 0)
        return -ENOMEM;
    slab_retire_chain(slab, cur->head, cur->n_blocks);
    slab_retire(slab, cur->parked, cur->parked ? parked_size(cur->parked) : 0);
    slab_retire(slab, lane->hot.raw, sizeof *lane->hot.raw);
    cur->head = lane->tail = NULL;
    cur->n_blocks = cur->block_bytes = 0;
    cur->parked = NULL;
    lane->hot.raw = NULL;
    lane->hot.used = lane->hot.limit = 0;
    lane->raw_shared = false;
    lane->payload = (struct chunk_payload){0};
    return 0;
}

/* ---- appending --------------------------------------------------------------------------- */

int lane_append(struct lane *lane, struct slab *slab, int64_t step, double wall_time,
                enum value_kind kind, uint64_t bits)
{
    struct lane_hot *hot = &lane->hot;

    if (!hot->raw && unpark(lane, slab) < 0)
        return -ENOMEM;
    if (hot->kind != (uint32_t)kind) {
        if (hot->used > 0 && encode_raw(lane, slab) < 0)
            return -ENOMEM;
        if (seal(lane, slab) < 0)
            return -ENOMEM;
        hot->kind = kind;
    }
    if (hot->used == HOT_POINTS && encode_raw(lane, slab) < 0)
        return -ENOMEM;
    hot->limit = HOT_POINTS;
    hot->raw->step[HOT_HISTORY + hot->used] = step;
    hot->raw->wall[HOT_HISTORY + hot->used] = wall_time;
    hot->raw->bits[HOT_HISTORY + hot->used] = bits;
    hot->used++;
    if (!lane->has_first) {
        lane->first_step = step;
        lane->has_first = true;
    }
    return 0;
}

int lane_append_reference(struct lane *lane, struct slab *slab, const struct reference *reference)
{
    struct lane_data *cur = &lane->cur;

    if (cur->count == cur->cap_references) {
        uint32_t cap = cur->cap_references ? cur->cap_references * 2 : 2;
        if (cap < cur->cap_references || slab_reserve_retired(slab, 1) < 0)
            return -ENOMEM;
        struct reference *grown = slab_alloc(slab, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        if (cur->count > 0)
            memcpy(grown, cur->references, cur->count * sizeof *grown);
        slab_retire(slab, cur->references, cur->cap_references * sizeof *grown);
        cur->references = grown;
        cur->cap_references = cap;
    }
    cur->references[cur->count++] = *reference;
    if (!lane->has_first) {
        lane->first_step = reference->step;
        lane->has_first = true;
    }
    return 0;
}

void lane_publish(struct lane *lane)
{
    bool blocks_changed = lane->pub.n_blocks != lane->cur.n_blocks ||
                          lane->pub.head != lane->cur.head || lane->pub.parked;

    lane->pub = lane->cur;
    lane->pub.raw = lane->hot.raw;
    lane->pub.n_raw = lane->hot.used;
    lane->pub.kind = lane->hot.kind;
    lane->pub.count += lane->hot.used;
    if (lane->cur.parked)
        lane->pub_acc = lane->cur.parked->tally;
    else if (blocks_changed)
        lane->pub_acc = lane->acc;
    lane->raw_shared = lane->raw_shared || lane->hot.used > 0;
    lane->hot.limit = 0;
    lane->extent_known = false;
}

int lane_retire(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;

    DCHECK(!lane->dirty);
    if (slab_reserve_retired(slab, (size_t)cur->n_chunks + 6) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < cur->n_chunks; i++)
        slab_retire(slab, cur->chunks[i], chunk_memory(cur->chunks[i]));
    slab_retire(slab, cur->chunks, cur->cap_chunks * sizeof *cur->chunks);
    slab_retire_chain(slab, cur->head, cur->n_blocks);
    slab_retire(slab, cur->parked, cur->parked ? parked_size(cur->parked) : 0);
    slab_retire(slab, lane->hot.raw, sizeof *lane->hot.raw);
    slab_retire(slab, cur->references, cur->cap_references * sizeof *cur->references);
    slab_retire(slab, lane, sizeof *lane);
    return 0;
}

void lane_done(struct lane *lane, struct slab *slab)
{
    struct lane_data *cur = &lane->cur;

    for (uint32_t i = 0; i < cur->n_chunks; i++) {
        if (chunk_memory(cur->chunks[i]) > SLAB_SHARED)
            slab_free(slab, cur->chunks[i], chunk_memory(cur->chunks[i]));
    }
    slab_free(slab, cur->chunks, cur->cap_chunks * sizeof *cur->chunks);
    slab_free(slab, cur->references, cur->cap_references * sizeof *cur->references);
}
