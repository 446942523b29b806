/* eventfile/arena.c: bump allocation in a list of blocks, newest first. */
#include "eventfile/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define ARENA_BLOCK_BYTES 65536
#define ARENA_ALIGN 16

struct arena_block {
    struct arena_block *older;
    size_t size;
    size_t used;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b = a->newest;

    if (size > SIZE_MAX / 2) {
        a->failed = true;
        return NULL;
    }
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!b || b->size - b->used < size) {
        size_t block = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
        b = malloc(sizeof *b + block);
        if (!b) {
            a->failed = true;
            return NULL;
        }
        b->older = a->newest;
        b->size = block;
        b->used = 0;
        a->newest = b;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

void arena_reset(struct arena *a)
{
    a->failed = false;
    while (a->newest && (a->newest->older || a->newest->size > ARENA_BLOCK_BYTES)) {
        struct arena_block *b = a->newest;
        a->newest = b->older;
        free(b);
    }
    if (a->newest)
        a->newest->used = 0;
}

void arena_done(struct arena *a)
{
    while (a->newest) {
        struct arena_block *b = a->newest;
        a->newest = b->older;
        free(b);
    }
}

static void *allocator_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void allocator_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

ProtobufCAllocator arena_allocator(struct arena *a)
{
    return (ProtobufCAllocator){allocator_alloc, allocator_free, a};
}
