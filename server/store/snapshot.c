#include "store/snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

/* ---- taking ------------------------------------------------------------------------------ */

/* Is it for this snapshot? */
static bool lane_wanted(const struct lane *lane, uint32_t base)
{
    if (!lane->linked || lane->replaced || lane->pub.count == 0)
        return false;
    return lane->pub.count != lane->flushed_count || (base > 0 && lane->flushed_in >= base);
}

static bool generation_wanted(const struct generation *g, uint32_t base)
{
    return g->unflushed || (base > 0 && g->flushed_in >= base);
}

static uint32_t first_chunk(const struct lane *lane, uint32_t base)
{
    uint32_t i = lane->pub.n_chunks;

    if (base == 0)
        return MIN(lane->flushed_chunks, i);
    for (; i > 0; i--) {
        const struct chunk *chunk = chunk_at(lane->pub.chunks, i - 1);
        const struct chunk_stub *stub = (const struct chunk_stub *)chunk;
        if (chunk_is_stub(chunk) && stub->file->last < base && !stub->open)
            break;
    }
    return i;
}

static int add_lane(struct snapshot *s, size_t *cap, struct lane *lane, uint32_t generation,
                    uint32_t base)
{
    if (run_grow(&s->lanes, cap, s->n_lanes, sizeof *s->lanes) < 0)
        return -ENOMEM;
    struct snapshot_lane *l = &s->lanes[s->n_lanes++];
    *l = (struct snapshot_lane){.lane = lane,
                                .generation = generation,
                                .first_offset = lane->first_offset,
                                .first_step = lane->first_step,
                                .has_first = lane->has_first,
                                .hidden = lane->hidden,
                                .hidden_max = lane->hidden_max,
                                .part = lane->part};
    lane_view_of(lane, true, &l->view);
    if (lane->meta->kind == SERIES_SCALAR)
        l->from = first_chunk(lane, base);
    else
        l->from_reference = base > 0 ? 0 : lane->flushed_count;
    return 0;
}

/* New lanes stand in the run's list; a merge looks through all of a generation. */
static int take_lanes(struct snapshot *s, const uint32_t *slots, uint32_t base)
{
    size_t cap = 0;

    if (base == 0) {
        for (struct lane *l = s->run->unflushed; l; l = l->next_unflushed) {
            uint32_t slot = slots[l->generation->index];
            if (slot > 0 && lane_wanted(l, 0) && add_lane(s, &cap, l, slot - 1, 0) < 0)
                return -ENOMEM;
        }
        return 0;
    }
    for (size_t i = 0; i < s->n_generations; i++) {
        const struct facts *facts = &s->generations[i].generation->now;
        for (size_t k = 0; k < facts->n_lanes; k++) {
            if (lane_wanted(facts->lanes[k], base) &&
                add_lane(s, &cap, facts->lanes[k], (uint32_t)i, base) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static int copy_damage(const struct generation *g, struct snapshot_generation *to)
{
    struct run *run = g->run;
    int r = 0;

    run_lock(run);
    to->damage_total = g->damage;
    to->damage = g->damage > 0 ? malloc((run->n_damage + 1) * sizeof *to->damage) : NULL;
    if (g->damage > 0 && !to->damage)
        r = -ENOMEM;
    for (size_t i = 0; to->damage && i < run->n_damage; i++) {
        if (run->damage[i].generation == g)
            to->damage[to->n_damage++] = run->damage[i];
    }
    run_unlock(run);
    return r;
}

static int add_generation(struct snapshot *s, struct generation *g)
{
    struct snapshot_generation *to = &s->generations[s->n_generations];

    *to = (struct snapshot_generation){.generation = g,
                                       .path = g->path,
                                       .number = g->number,
                                       .facts = g->now,
                                       .place = g->covered,
                                       .incarnation = g->incarnation};
    to->facts.hot = g->hot;
    to->facts.lanes = NULL;
    to->facts.n_lanes = to->facts.cap_lanes = 0;
    to->facts.parts = malloc(g->now.n_parts * sizeof *to->facts.parts);
    s->n_generations++;
    if (!to->facts.parts)
        return -ENOMEM;
    memcpy(to->facts.parts, g->now.parts, g->now.n_parts * sizeof *to->facts.parts);
    return copy_damage(g, to);
}

/* *ret_slots: place + 1 in the snapshot by index in the run. */
static int take_generations(struct snapshot *s, uint32_t base, uint32_t *slots)
{
    struct run *run = s->run;

    s->generations = calloc(run->n_generations + 1, sizeof *s->generations);
    if (!s->generations)
        return -ENOMEM;
    for (size_t i = 0; i < run->n_generations; i++) {
        struct generation *g = run->generations[i];
        bool ready = g->placed && g->replay == REPLAY_NONE;
        if (!generation_wanted(g, base))
            continue;
        if (!ready && base > 0 && g->flushed_in >= base)
            return -EAGAIN; /* the old file has it, and it cannot be written anew at present */
        if (!ready)
            continue;
        int r = add_generation(s, g);
        if (r < 0)
            return r;
        slots[i] = (uint32_t)s->n_generations;
    }
    return s->n_generations > 0 ? 0 : -ENODATA;
}

static uint64_t new_chain(const struct run *run)
{
    uint64_t chain = 0;

    while (chain == 0) {
        if (getrandom(&chain, sizeof chain, 0) != (ssize_t)sizeof chain)
            chain = (uint64_t)clock_ns(NULL) ^ (uint64_t)(uintptr_t)run;
    }
    return chain;
}

int snapshot_take(struct run *run, uint32_t base, struct snapshot **ret)
{
    struct snapshot *s;

    if (run->touched)
        return -EAGAIN;
    s = calloc(1, sizeof *s);
    _cleanup_free_ uint32_t *slots = calloc(run->n_generations + 1, sizeof *slots);
    if (!s || !slots) {
        free(s);
        return -ENOMEM;
    }
    s->run = run;
    s->last = run->flush + 1;
    s->first = base > 0 ? base : s->last;
    int r = take_generations(s, base, slots);
    if (r == 0)
        r = take_lanes(s, slots, base);
    if (r < 0) {
        snapshot_free(s);
        return r;
    }
    for (size_t i = 0; i < s->n_generations; i++)
        s->generations[i].generation->unflushed = false;
    run->chain = run->chain ? run->chain : new_chain(run);
    s->chain = run->chain;
    run_lock(run);
    s->usual_interval_s = run->usual_interval_s;
    s->parity = slab_enter(&run->slab);
    run_unlock(run);
    s->reading = true;
    *ret = s;
    return 0;
}

static void stop_reading(struct snapshot *s)
{
    if (!s->reading)
        return;
    run_lock(s->run);
    slab_leave(&s->run->slab, s->parity);
    run_unlock(s->run);
    s->reading = false;
}

struct snapshot *snapshot_free(struct snapshot *s)
{
    if (!s)
        return NULL;
    stop_reading(s);
    for (size_t i = 0; i < s->n_generations; i++) {
        free(s->generations[i].facts.parts);
        free(s->generations[i].damage);
    }
    free(s->generations);
    free(s->lanes);
    free(s->written);
    free(s);
    return NULL;
}

struct snapshot *snapshot_abandon(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_generations; i++)
        s->generations[i].generation->unflushed = true;
    return snapshot_free(s);
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Where chunks are put, and room to make one. */
struct writing {
    struct snapshot *snapshot;
    int (*put)(void *ctx, const void *data, size_t size, uint64_t *ret_offset);
    void *ctx;
    struct scratch scratch;
    uint8_t *room;   /* one chunk */
    size_t room_size;
    struct block *blocks; /* CHUNK_BLOCKS of them, BLOCK_ROOM apart */
};

#define BLOCK_ROOM ((BLOCK_MAX + 7) & ~(size_t)7)

static int writing_init(struct writing *w)
{
    struct chunk_payload most = {{0}};

    for (int c = 0; c < CHUNK_COLUMNS; c++)
        most.size[c] = CHUNK_BLOCKS * FOR64_MAX_PAYLOAD;
    w->room_size = chunk_size(&most, CHUNK_BLOCKS);
    w->room = malloc(w->room_size);
    w->blocks = malloc(CHUNK_BLOCKS * BLOCK_ROOM);
    return w->room && w->blocks ? scratch_init(&w->scratch) : -ENOMEM;
}

static void writing_done(struct writing *w)
{
    free(w->room);
    free(w->blocks);
    scratch_done(&w->scratch);
}

static int put_chunk(struct writing *w, const struct chunk *chunk, bool open)
{
    struct snapshot *s = w->snapshot;

    if (run_grow(&s->written, &s->cap_written, s->n_written, sizeof *s->written) < 0)
        return -ENOMEM;
    struct chunk_stub stub = {.head = *chunk, .open = open};
    int r = w->put(w->ctx, chunk, chunk->size, &stub.offset);
    if (r < 0)
        return r;
    stub.head.magic = CHUNK_STUB_MAGIC;
    s->written[s->n_written++] = stub;
    return 0;
}

static int put_sealed(struct writing *w, const struct chunk *chunk)
{
    const struct chunk_stub *stub = (const struct chunk_stub *)chunk;

    if (!chunk_is_stub(chunk))
        return put_chunk(w, chunk, false);
    if (chunk->size > w->room_size)
        return -EBADMSG;
    int r = chunk_stub_read(stub, w->room);
    return r < 0 ? r : put_chunk(w, (const struct chunk *)w->room, stub->open);
}

/* Points of an open tail as a chunk of its own. */
static int put_points(struct writing *w, const struct points *p, size_t count,
                      enum value_kind kind, bool last)
{
    struct chunk_payload payload = {{0}};
    struct columns columns;
    struct history history;
    struct tally tally;
    size_t n = 0;

    history_start(&history, kind, p->step[0], p->wall[0], p->bits[0]);
    tally_init(&tally, kind);
    for (size_t at = 0; at < count; at += FOR64_BLOCK, n++) {
        struct block *block = (struct block *)((uint8_t *)w->blocks + n * BLOCK_ROOM);
        size_t part = MIN(count - at, (size_t)FOR64_BLOCK);
        memset(&columns, 0, sizeof columns);
        memcpy(columns.step + HOT_HISTORY, p->step + at, part * sizeof *p->step);
        memcpy(columns.wall + HOT_HISTORY, p->wall + at, part * sizeof *p->wall);
        memcpy(columns.bits + HOT_HISTORY, p->bits + at, part * sizeof *p->bits);
        block_encode(&columns, part, kind, &history, block);
        tally_add(&tally, columns.step + HOT_HISTORY, columns.wall + HOT_HISTORY,
                  columns.bits + HOT_HISTORY, part);
        chunk_count(&payload, block);
        if (n > 0)
            ((struct block *)((uint8_t *)block - BLOCK_ROOM))->next = block;
    }
    CHECK(chunk_size(&payload, n) <= w->room_size);
    chunk_seal(w->blocks, n, &payload, &tally, (struct chunk *)w->room);
    return put_chunk(w, (const struct chunk *)w->room, last);
}

static int put_tail(struct writing *w, const struct lane_view *v)
{
    const struct points *p = &w->scratch.points;
    int r = 0;

    ssize_t count = view_decode(v, v->data.n_chunks, p);
    for (ssize_t at = 0; at < count && r == 0; at += LIMIT_CHUNK_POINTS) {
        struct points part = {p->step + at, p->wall + at, p->bits + at};
        size_t n = MIN((size_t)(count - at), (size_t)LIMIT_CHUNK_POINTS);
        r = put_points(w, &part, n, v->data.kind, at + (ssize_t)n == count);
    }
    return count < 0 ? (int)count : r;
}

static int put_lane(struct writing *w, struct snapshot_lane *l)
{
    const struct lane_view *v = &l->view;
    int r = 0;

    l->written = w->snapshot->n_written;
    if (l->lane->meta->kind != SERIES_SCALAR)
        return 0;
    for (uint32_t i = l->from; i < v->data.n_chunks && r == 0; i++)
        r = put_sealed(w, chunk_at(v->data.chunks, i));
    if (r == 0 && view_pieces(v) > v->data.n_chunks)
        r = put_tail(w, v);
    l->n_written = w->snapshot->n_written - l->written;
    return r;
}

int snapshot_write(struct snapshot *s,
                   int (*put)(void *ctx, const void *data, size_t size, uint64_t *ret_offset),
                   void *ctx, struct buf *table)
{
    _cleanup_(writing_done) struct writing w = {.snapshot = s, .put = put, .ctx = ctx};

    int r = writing_init(&w);
    for (size_t i = 0; i < s->n_lanes && r == 0; i++)
        r = put_lane(&w, &s->lanes[i]);
    if (r == 0)
        r = snapshot_table(s, table);
    stop_reading(s);
    return r;
}

/* ---- adopting ---------------------------------------------------------------------------- */

static struct chunk *stub_new(struct snapshot *s, size_t written, const struct chunk_file *file)
{
    struct slab *slab = &s->run->slab;

    if (slab_reserve_retired(slab, 1) < 0)
        return NULL;
    struct chunk_stub *stub = slab_alloc(slab, sizeof *stub);
    if (stub) {
        *stub = s->written[written];
        stub->file = file;
    }
    return (struct chunk *)stub;
}

/* One entry of the lane's table, which readers and writer may hold in two copies. */
static void replace_chunk(struct lane *lane, uint32_t i, struct chunk *chunk)
{
    struct run *run = lane->series->run;
    struct chunk *old = chunk_at(lane->cur.chunks, i);
    uint64_t freed = chunk_is_stub(old) ? 0 : old->size;

    chunk_set(lane->cur.chunks, i, chunk);
    lane->cur.resident -= freed;
    run_lock(run);
    if (i < lane->pub.n_chunks) {
        if (lane->pub.chunks != lane->cur.chunks)
            chunk_set(lane->pub.chunks, i, chunk);
        lane->pub.resident -= freed;
        run->resident -= freed;
    }
    run_unlock(run);
    slab_retire(&run->slab, old, chunk_memory(old));
}

/* The tail gives way to the chunks that were written of it, if it is the same as then. */
static void adopt_tail(struct snapshot *s, struct snapshot_lane *l, const struct chunk_file *file,
                       enum snapshot_tails tails)
{
    struct lane *lane = l->lane;
    struct run *run = s->run;
    uint32_t sealed = l->view.data.n_chunks - l->from;
    size_t n = l->n_written > sealed ? l->n_written - sealed : 0;

    if (n == 0 || lane->dirty || lane_count(lane) != l->view.data.count ||
        lane->cur.n_chunks != l->view.data.n_chunks || tails == TAILS_STAY ||
        (tails == TAILS_PARKED && lane->hot.raw))
        return;
    if (slab_reserve_retired(&run->slab, 8) < 0)
        return;
    uint64_t count = lane_count(lane), open = lane_open_bytes(&lane->pub);
    uint32_t before = lane->cur.n_chunks;
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct chunk *stub = stub_new(s, l->written + sealed + i, file);
        r = stub ? lane_add_chunk(lane, &run->slab, stub) : -ENOMEM;
    }
    if (r == 0)
        r = lane_drop_tail(lane, &run->slab);
    if (r == 0) {
        lane->cur.count = count;
        lane->reopen = true;
    } else {
        lane->cur.n_chunks = before;
    }
    run_lock(run); /* in any case: the table may be another one */
    run->open -= open;
    lane_publish(lane);
    run->open += lane_open_bytes(&lane->pub);
    run_unlock(run);
}

/* False: a chunk of the lane still lies where it did. */
static bool adopt_lane(struct snapshot *s, struct snapshot_lane *l, const struct chunk_file *file,
                       enum snapshot_tails tails)
{
    struct lane *lane = l->lane;
    uint32_t end = MIN(l->view.data.n_chunks, lane->cur.n_chunks);

    lane->flushed_in = s->last;
    lane->flushed_count = l->view.data.count;
    if (lane->meta->kind != SERIES_SCALAR)
        return true;
    for (uint32_t i = l->from; i < end; i++) {
        if (s->written[l->written + (i - l->from)].open && !lane->reopen)
            break; /* it was taken back meanwhile */
        struct chunk *stub = stub_new(s, l->written + (i - l->from), file);
        if (!stub)
            return false;
        replace_chunk(lane, i, stub);
        lane->flushed_chunks = MAX(lane->flushed_chunks, i + !((struct chunk_stub *)stub)->open);
    }
    adopt_tail(s, l, file, tails);
    return true;
}

static void prune_unflushed(struct run *run)
{
    for (struct lane **at = &run->unflushed, *l; (l = *at);) {
        if (l->pub.count != l->flushed_count) {
            at = &l->next_unflushed;
            continue;
        }
        *at = l->next_unflushed;
        l->unflushed = false;
    }
}

bool snapshot_adopt(struct snapshot *s, const struct chunk_file *file,
                    enum snapshot_tails tails)
{
    struct run *run = s->run;
    bool all = true;

    DCHECK(!s->reading);
    run->flush = s->last;
    for (size_t i = 0; i < s->n_generations; i++) {
        struct snapshot_generation *g = &s->generations[i];
        if (g->generation->incarnation == g->incarnation)
            g->generation->flushed_in = s->last;
    }
    for (size_t i = 0; i < s->n_lanes; i++) {
        const struct snapshot_generation *g = &s->generations[s->lanes[i].generation];
        if (g->generation->incarnation == g->incarnation)
            all = adopt_lane(s, &s->lanes[i], file, tails) && all;
    }
    prune_unflushed(run);
    if (!run->touched) { /* what is retired is not published any more */
        run_lock(run);
        slab_turn(&run->slab);
        slab_turn(&run->slab);
        run_unlock(run);
    }
    return all;
}

/* ---- what the index asks ----------------------------------------------------------------- */

uint64_t run_resident(struct run *run, uint64_t *ret_open, bool *ret_loading)
{
    run_lock(run);
    uint64_t resident = run->resident;
    *ret_open = run->open;
    *ret_loading = run->source.loading;
    run_unlock(run);
    return resident;
}

bool run_pass(struct run *run, unsigned *passes)
{
    if (run->touched) /* retired, but published still */
        return false;
    run_lock(run);
    unsigned before = run->slab.parity;
    slab_turn(&run->slab);
    *passes += run->slab.parity != before;
    run_unlock(run);
    return *passes >= 2;
}
