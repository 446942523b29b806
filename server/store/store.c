#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"
#include "store/run.h"

#define DEFAULT_CACHE_BYTES (UINT64_C(64) << 20)

struct store *store_new(const struct store_options *options)
{
    uint64_t random[2];
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        random[0] = (uint64_t)clock_ns(NULL) * UINT64_C(0x9e3779b97f4a7c15);
        random[1] = (uint64_t)(uintptr_t)store;
    }
    if (options)
        store->options = *options;
    store->epoch = store->options.epoch ? store->options.epoch : random[0];
    store->seed = random[1];
    store->cache = chunkcache_new(store->options.cache_bytes ? store->options.cache_bytes
                                                             : DEFAULT_CACHE_BYTES);
    store->pool = bigpool_new();
    atomic_init(&store->commit_wall_s, NAN);
    bool locked = pthread_mutex_init(&store->lock, NULL) == 0;
    if (!store->cache || !store->pool || !locked ||
        pthread_rwlock_init(&store->subscribers_lock, NULL) != 0) {
        if (locked)
            pthread_mutex_destroy(&store->lock);
        chunkcache_free(store->cache);
        bigpool_free(store->pool);
        free(store);
        return NULL;
    }
    return store;
}

struct store *store_free(struct store *store)
{
    if (!store)
        return NULL;
    for (size_t i = 0; i < store->n_runs; i++)
        run_free(store->runs[i]);
    chunkcache_free(store->cache);
    bigpool_free(store->pool);
    free(store->runs);
    symtab_done(&store->run_table);
    free(store->subscribers);
    pthread_rwlock_destroy(&store->subscribers_lock);
    pthread_mutex_destroy(&store->lock);
    free(store);
    return NULL;
}

uint64_t store_epoch(const struct store *store)
{
    return store->epoch;
}

int store_subscribe(struct store *store, void (*fn)(void *ctx, const struct commit *commit),
                    void *ctx)
{
    int r = -ENOMEM;

    pthread_rwlock_wrlock(&store->subscribers_lock);
    size_t count = store->n_subscribers;
    struct subscriber *grown = realloc(store->subscribers, (count + 1) * sizeof *grown);
    if (grown) {
        grown[count] = (struct subscriber){fn, ctx};
        store->subscribers = grown;
        store->n_subscribers = count + 1;
        r = 0;
    }
    pthread_rwlock_unlock(&store->subscribers_lock);
    return r;
}

void store_unsubscribe(struct store *store, void (*fn)(void *ctx, const struct commit *commit),
                       void *ctx)
{
    pthread_rwlock_wrlock(&store->subscribers_lock);
    for (size_t i = 0; i < store->n_subscribers; i++) {
        struct subscriber *s = &store->subscribers[i];
        if (s->fn != fn || s->ctx != ctx)
            continue;
        memmove(s, s + 1, (store->n_subscribers - i - 1) * sizeof *s);
        store->n_subscribers--;
        break;
    }
    pthread_rwlock_unlock(&store->subscribers_lock);
}

/* ---- figures ----------------------------------------------------------------------------- */

/* Of the published state alone: the rest of a lane is its writer's, who takes no lock. */
static void lane_stats(const struct lane *lane, struct store_stats *ret)
{
    const struct lane_data *d = &lane->pub;

    ret->table_bytes += sizeof *lane + d->cap_chunks * sizeof *d->chunks +
                        d->cap_references * sizeof *d->references;
    ret->lanes++;
    ret->chunks += d->n_chunks;
    for (uint32_t i = 0; i < d->n_chunks; i++) {
        const struct chunk *chunk = chunk_at(d->chunks, i);
        bool stub = chunk_is_stub(chunk);
        ret->chunk_bytes += stub ? 0 : chunk->size;
        ret->segment_bytes += stub ? chunk->size : 0;
        ret->table_bytes += stub ? sizeof(struct chunk_stub) : 0;
    }
    ret->tail_bytes += d->block_bytes;
    if (d->parked)
        ret->tail_bytes += offsetof(struct parked, block) + block_size(&d->parked->block);
    if (d->raw)
        ret->tail_bytes += sizeof *d->raw;
}

static void run_stats(struct run *run, struct store_stats *ret)
{
    run_lock(run);
    ret->series += run->n_visible;
    ret->points += run->points;
    ret->references += run->references;
    ret->table_bytes += sizeof *run + run->n_series * sizeof(struct series) + run->meta_bytes +
                        run->series_table.n_slots * sizeof(struct symtab_slot) +
                        run->n_generations * sizeof(struct generation);
    for (size_t i = 0; i < run->n_series; i++) {
        const struct series *series = run->series[i];
        ret->table_bytes += series->tag.size + series->cap_log * sizeof *series->log +
                            series->cap_lanes * sizeof(void *) +
                            series->cap_events * sizeof *series->events;
        for (size_t l = 0; l < series->n_lanes; l++)
            lane_stats(series->lanes[l], ret);
    }
    run_unlock(run);
}

void store_stats(struct store *store, struct store_stats *ret)
{
    struct chunkcache_stats cache = chunkcache_stats(store->cache);

    *ret = (struct store_stats){.cache_bytes = cache.bytes,
                                .cache_hits = cache.hits,
                                .cache_misses = cache.misses};
    pthread_mutex_lock(&store->lock);
    ret->runs = store->n_runs;
    for (size_t i = 0; i < store->n_runs; i++)
        run_stats(store->runs[i], ret);
    pthread_mutex_unlock(&store->lock);
}
