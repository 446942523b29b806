/* eventfile/arena.h: memory for one event's worth of protobuf-c messages, released at once.
 *
 * Blocks grow with what is asked for; arena_reset() keeps the first one, so ordinary use does not
 * go to malloc again. arena_allocator() is what protobuf-c wants. Thread: one owner. */
#ifndef EVENTFILE_ARENA_H
#define EVENTFILE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct arena {
    struct arena_block *newest;
    bool failed; /* an allocation did not succeed since the last reset */
};

void *arena_alloc(struct arena *a, size_t size);
/* Forgets everything; keeps one small block. */
void arena_reset(struct arena *a);
/* Releases everything. */
void arena_done(struct arena *a);
ProtobufCAllocator arena_allocator(struct arena *a);

#endif
