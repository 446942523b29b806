/* chunkcache.h: sealed chunks that are not in memory, and the one cache they pass through.
 *
 *   lane's table of chunks ─► chunk (in memory) or chunk_stub (its header and its place)
 *   view.c ── chunkcache_get() ──► bytes, checked ── decoded ──► chunkcache_put()
 *
 * A stub looks like a chunk as far as its tally goes, so whatever a header answers costs no read.
 * The store knows no paths: a chunk_file is an object with a read callback, made by the wiring.
 * What comes from a file is checked by its CRCs and against the stub before anybody sees it.
 *
 * Invariants. 1: an entry that somebody holds is not freed. 2: the bytes of all entries that
 * nobody holds are at most the limit. Thread: any; one lock, held for no read and no decoding. */
#ifndef TB_STORE_CHUNKCACHE_H
#define TB_STORE_CHUNKCACHE_H

#include "base/cleanup.h"
#include "store/chunk.h"

/* A file with chunks. Lives until chunk stubs that name it are gone and readers have left. */
struct chunk_file {
    /* Exactly `size` bytes from `offset`: 0 or -errno. Any thread. */
    int (*read)(void *ctx, uint64_t offset, void *ret, size_t size);
    /* A chunk could not be read, or was not what its header says. Any thread; must be quick. */
    void (*broken)(void *ctx, int error);
    void *ctx;
    uint64_t id;          /* chunkcache_file_id() */
    uint32_t first, last; /* flushes that it holds */
};

#define CHUNK_STUB_MAGIC 0x42555453u /* in memory only */

struct chunk_stub {
    struct chunk head; /* magic CHUNK_STUB_MAGIC, else as in the file */
    const struct chunk_file *file;
    uint64_t offset;
    bool open; /* it was an open tail: a lane that goes on takes it back */
};

static inline bool chunk_is_stub(const struct chunk *chunk)
{
    return chunk->magic == CHUNK_STUB_MAGIC;
}

/* Bytes of memory that an entry of a lane's table has. */
static inline size_t chunk_memory(const struct chunk *chunk)
{
    return chunk_is_stub(chunk) ? sizeof(struct chunk_stub) : chunk->size;
}

/* Entries of a lane's table are replaced while readers look at it. */
static inline struct chunk *chunk_at(struct chunk *const *table, size_t i)
{
    return __atomic_load_n(&table[i], __ATOMIC_ACQUIRE);
}

static inline void chunk_set(struct chunk **table, size_t i, struct chunk *chunk)
{
    __atomic_store_n(&table[i], chunk, __ATOMIC_RELEASE);
}

struct chunkcache;

/* NULL: out of memory. */
struct chunkcache *chunkcache_new(uint64_t limit_bytes);
/* Nobody holds an entry any more. Accepts NULL; returns NULL. */
struct chunkcache *chunkcache_free(struct chunkcache *cache);
/* A number that no other file of this cache has or had. */
uint64_t chunkcache_file_id(struct chunkcache *cache);

/* The whole chunk: *ret stays until chunkcache_put(). 0; -ENOMEM; -EIO or another error of the
 * file; -EBADMSG: its bytes are not those of the stub. */
_must_check_ int chunkcache_get(struct chunkcache *cache, const struct chunk_stub *stub,
                                const struct chunk **ret);
void chunkcache_put(struct chunkcache *cache, const struct chunk *chunk);

struct chunkcache_stats {
    uint64_t hits, misses, bytes, limit;
};
struct chunkcache_stats chunkcache_stats(struct chunkcache *cache);

/* Reads a stub's chunk into `room` (head.size bytes, aligned to 8) and checks it; past the cache.
 * Errors as above. */
_must_check_ int chunk_stub_read(const struct chunk_stub *stub, void *room);

#endif
