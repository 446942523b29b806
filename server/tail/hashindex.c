#include "tail/hashindex.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

void hashindex_done(struct hashindex *index)
{
    free(index->slots);
    index->slots = NULL;
    index->capacity = index->count = 0;
}

uint64_t hashindex_hash_number(uint64_t number)
{
    /* The finalizer of splitmix64: every bit of the input reaches every bit of the output. */
    number ^= number >> 30;
    number *= UINT64_C(0xbf58476d1ce4e5b9);
    number ^= number >> 27;
    number *= UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

uint64_t hashindex_hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hashindex_hash_number(hash);
}

void *hashindex_find(const struct hashindex *index, uint64_t hash, const void *key)
{
    size_t mask = index->capacity - 1;

    if (index->capacity == 0)
        return NULL;
    for (size_t i = hash & mask; index->slots[i].value; i = (i + 1) & mask) {
        const struct hashindex_slot *slot = &index->slots[i];
        if (slot->hash == hash && (!index->equal || index->equal(slot->value, key)))
            return slot->value;
    }
    return NULL;
}

static void put(struct hashindex *index, uint64_t hash, void *value)
{
    size_t mask = index->capacity - 1, i = hash & mask;

    while (index->slots[i].value)
        i = (i + 1) & mask;
    index->slots[i] = (struct hashindex_slot){.hash = hash, .value = value};
}

static int grow(struct hashindex *index)
{
    struct hashindex old = *index;
    size_t capacity = old.capacity ? 2 * old.capacity : 4;
    struct hashindex_slot *slots = calloc(capacity, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    index->slots = slots;
    index->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].value)
            put(index, old.slots[i].hash, old.slots[i].value);
    }
    free(old.slots);
    return 0;
}

int hashindex_add(struct hashindex *index, uint64_t hash, void *value)
{
    DCHECK(value != NULL);
    if (2 * (index->count + 1) > index->capacity) {
        int r = grow(index);
        if (r < 0)
            return r;
    }
    put(index, hash, value);
    index->count++;
    return 0;
}

void hashindex_remove(struct hashindex *index, uint64_t hash, const void *value)
{
    size_t mask = index->capacity - 1, hole;

    if (index->capacity == 0)
        return;
    for (hole = hash & mask; index->slots[hole].value != value; hole = (hole + 1) & mask) {
        if (!index->slots[hole].value)
            return;
    }
    index->count--;
    /* Entries behind the hole move up unless they would pass their own place. */
    for (size_t i = (hole + 1) & mask; index->slots[i].value; i = (i + 1) & mask) {
        size_t home = index->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            index->slots[hole] = index->slots[i];
            hole = i;
        }
    }
    index->slots[hole].value = NULL;
}
