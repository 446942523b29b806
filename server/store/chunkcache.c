#include "store/chunkcache.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"

struct entry {
    struct entry *next;          /* of its bucket */
    struct entry *newer, *older; /* of those that nobody holds */
    uint64_t file, offset;
    uint32_t size, holders;
    _Alignas(8) uint8_t bytes[];
};

struct chunkcache {
    pthread_mutex_t lock;
    struct entry **buckets;
    size_t n_buckets; /* a power of two */
    struct entry *newest, *oldest;
    uint64_t limit, idle_bytes, bytes, hits, misses, next_file;
};

struct chunkcache *chunkcache_new(uint64_t limit_bytes)
{
    struct chunkcache *cache = calloc(1, sizeof *cache);
    size_t n = 1024;

    if (!cache)
        return NULL;
    while (n < limit_bytes / 4096 && n < (size_t)1 << 20)
        n *= 2;
    cache->n_buckets = n;
    cache->limit = limit_bytes;
    cache->buckets = calloc(n, sizeof(struct entry *));
    if (!cache->buckets || pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache->buckets);
        free(cache);
        return NULL;
    }
    return cache;
}

struct chunkcache *chunkcache_free(struct chunkcache *cache)
{
    if (!cache)
        return NULL;
    for (size_t i = 0; i < cache->n_buckets; i++) {
        for (struct entry *e = cache->buckets[i], *next; e; e = next) {
            next = e->next;
            CHECK(e->holders == 0);
            free(e);
        }
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache->buckets);
    free(cache);
    return NULL;
}

uint64_t chunkcache_file_id(struct chunkcache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t id = ++cache->next_file;
    pthread_mutex_unlock(&cache->lock);
    return id;
}

static struct entry **bucket_of(struct chunkcache *cache, uint64_t file, uint64_t offset)
{
    uint64_t hash = (file * UINT64_C(0x9e3779b97f4a7c15)) ^ (offset * UINT64_C(0xc2b2ae3d27d4eb4f));

    hash ^= hash >> 29;
    return &cache->buckets[(hash * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cache->n_buckets - 1)];
}

static struct entry *find(struct chunkcache *cache, uint64_t file, uint64_t offset)
{
    for (struct entry *e = *bucket_of(cache, file, offset); e; e = e->next) {
        if (e->file == file && e->offset == offset)
            return e;
    }
    return NULL;
}

static void unlink_idle(struct chunkcache *cache, struct entry *e)
{
    *(e->newer ? &e->newer->older : &cache->newest) = e->older;
    *(e->older ? &e->older->newer : &cache->oldest) = e->newer;
    e->newer = e->older = NULL;
    cache->idle_bytes -= e->size;
}

static void link_idle(struct chunkcache *cache, struct entry *e)
{
    e->older = cache->newest;
    e->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = e;
    cache->newest = e;
    cache->idle_bytes += e->size;
}

static void forget(struct chunkcache *cache, struct entry *e)
{
    struct entry **at = bucket_of(cache, e->file, e->offset);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_idle(cache, e);
    cache->bytes -= e->size;
    free(e);
}

int chunk_stub_read(const struct chunk_stub *stub, void *room)
{
    const struct chunk *head = &stub->head, *opened;
    struct chunk expected = *head;
    uint64_t slack = 1;
    unsigned version;

    int r = stub->file->read(stub->file->ctx, stub->offset, room, head->size);
    if (r == 0) {
        expected.magic = CHUNK_MAGIC;
        memcpy(&slack, (uint8_t *)room + head->size - FOR64_SLACK, sizeof slack);
        if (memcmp(room, &expected, sizeof expected) != 0 || slack != 0 ||
            chunk_open(room, head->size, &opened, &version) != CHUNK_OK)
            r = -EBADMSG;
    }
    if (r < 0 && stub->file->broken)
        stub->file->broken(stub->file->ctx, r);
    return r;
}

/* Makes the fresh entry known, or gives back the one that another thread was faster with. */
static struct entry *enter(struct chunkcache *cache, struct entry *fresh)
{
    struct entry *known = find(cache, fresh->file, fresh->offset);

    if (known) {
        free(fresh);
        if (known->holders++ == 0)
            unlink_idle(cache, known);
        return known;
    }
    struct entry **bucket = bucket_of(cache, fresh->file, fresh->offset);
    fresh->next = *bucket;
    *bucket = fresh;
    cache->bytes += fresh->size;
    return fresh;
}

int chunkcache_get(struct chunkcache *cache, const struct chunk_stub *stub,
                   const struct chunk **ret)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *e = find(cache, stub->file->id, stub->offset);
    cache->hits += e != NULL;
    cache->misses += e == NULL;
    if (e && e->holders++ == 0)
        unlink_idle(cache, e);
    pthread_mutex_unlock(&cache->lock);
    if (!e) {
        struct entry *fresh = malloc(sizeof *fresh + stub->head.size);
        if (!fresh)
            return -ENOMEM;
        *fresh = (struct entry){.file = stub->file->id,
                                .offset = stub->offset,
                                .size = stub->head.size,
                                .holders = 1};
        int r = chunk_stub_read(stub, fresh->bytes);
        if (r < 0) {
            free(fresh);
            return r;
        }
        pthread_mutex_lock(&cache->lock);
        e = enter(cache, fresh);
        pthread_mutex_unlock(&cache->lock);
    }
    *ret = (const struct chunk *)e->bytes;
    return 0;
}

void chunkcache_put(struct chunkcache *cache, const struct chunk *chunk)
{
    struct entry *e = (struct entry *)((uint8_t *)chunk - offsetof(struct entry, bytes));

    pthread_mutex_lock(&cache->lock);
    CHECK(e->holders > 0);
    if (--e->holders == 0) {
        link_idle(cache, e);
        while (cache->oldest && cache->idle_bytes > cache->limit)
            forget(cache, cache->oldest);
    }
    pthread_mutex_unlock(&cache->lock);
}

struct chunkcache_stats chunkcache_stats(struct chunkcache *cache)
{
    pthread_mutex_lock(&cache->lock);
    struct chunkcache_stats stats = {cache->hits, cache->misses, cache->bytes, cache->limit};
    pthread_mutex_unlock(&cache->lock);
    return stats;
}
