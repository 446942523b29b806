#include "live/idmap.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

#define FIRST_CAPACITY 16

void idmap_done(struct idmap *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct idmap){0};
}

static size_t home(const struct idmap *map, uint64_t key)
{
    key ^= key >> 32;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(key >> 20) & (map->capacity - 1);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t slot_of(const struct idmap *map, uint64_t key)
{
    size_t i = home(map, key);

    while (map->values[i] != IDMAP_NONE && map->keys[i] != key)
        i = (i + 1) & (map->capacity - 1);
    return i;
}

uint64_t idmap_get(const struct idmap *map, uint64_t key)
{
    return map->count ? map->values[slot_of(map, key)] : IDMAP_NONE;
}

static int grow(struct idmap *map)
{
    struct idmap bigger = {.capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY};

    bigger.keys = malloc(bigger.capacity * sizeof *bigger.keys);
    bigger.values = malloc(bigger.capacity * sizeof *bigger.values);
    if (!bigger.keys || !bigger.values) {
        idmap_done(&bigger);
        return -ENOMEM;
    }
    for (size_t i = 0; i < bigger.capacity; i++)
        bigger.values[i] = IDMAP_NONE;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->values[i] == IDMAP_NONE)
            continue;
        size_t to = slot_of(&bigger, map->keys[i]);
        bigger.keys[to] = map->keys[i];
        bigger.values[to] = map->values[i];
    }
    bigger.count = map->count;
    idmap_done(map);
    *map = bigger;
    return 0;
}

int idmap_put(struct idmap *map, uint64_t key, uint64_t value)
{
    DCHECK(value != IDMAP_NONE);
    if ((map->count + 1) * 4 > map->capacity * 3) {
        int r = grow(map);
        if (r < 0)
            return r;
    }
    size_t i = slot_of(map, key);
    if (map->values[i] == IDMAP_NONE)
        map->count++;
    map->keys[i] = key;
    map->values[i] = value;
    return 0;
}

void idmap_remove(struct idmap *map, uint64_t key)
{
    size_t mask = map->capacity - 1;

    if (!map->count)
        return;
    size_t hole = slot_of(map, key);
    if (map->values[hole] == IDMAP_NONE)
        return;
    map->count--;
    for (size_t i = (hole + 1) & mask; map->values[i] != IDMAP_NONE; i = (i + 1) & mask) {
        size_t want = home(map, map->keys[i]);
        /* An entry may move into the hole if its home is not between the hole and itself. */
        if (((i - want) & mask) < ((i - hole) & mask))
            continue;
        map->keys[hole] = map->keys[i];
        map->values[hole] = map->values[i];
        hole = i;
    }
    map->values[hole] = IDMAP_NONE;
}
