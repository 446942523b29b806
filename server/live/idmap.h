/* idmap.h: numbers to numbers, open addressing: watch ids, series and runs to their records.
 *
 * Keys are any 64-bit numbers (pointers too); a value is any number but IDMAP_NONE. Removal moves
 * later entries back, so there are no tombstones and long-lived maps stay as small as they are
 * full. Thread: the live thread. */
#ifndef TB_LIVE_IDMAP_H
#define TB_LIVE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define IDMAP_NONE UINT64_MAX

struct idmap {
    uint64_t *keys, *values;
    size_t count, capacity; /* a power of two, or 0 */
};

void idmap_done(struct idmap *map);
uint64_t idmap_get(const struct idmap *map, uint64_t key); /* IDMAP_NONE: not there */
/* Adds or replaces. 0; -ENOMEM (unchanged). */
_must_check_ int idmap_put(struct idmap *map, uint64_t key, uint64_t value);
void idmap_remove(struct idmap *map, uint64_t key);

static inline uint64_t idmap_pointer(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

/* The pointer stored under a key, or NULL. */
static inline void *idmap_find(const struct idmap *map, uint64_t key)
{
    uint64_t value = idmap_get(map, key);

    return value == IDMAP_NONE ? NULL : (void *)(uintptr_t)value;
}

#endif
