#include "provider/memo.h"

#include <stdlib.h>

#include "base/limits.h"

struct memo_slot {
    uint64_t key, stamp, value; /* key 0: free */
};

void memo_init(struct memo *memo)
{
    *memo = (struct memo){0};
    pthread_mutex_init(&memo->lock, NULL);
}

void memo_done(struct memo *memo)
{
    free(memo->slots);
    pthread_mutex_destroy(&memo->lock);
}

uint64_t memo_hash(uint64_t seed, const void *data, size_t size)
{
    const unsigned char *p = data;
    uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    return h ? h : 1;
}

/* The key's slot, or the free one where it would go. */
static struct memo_slot *slot_of(struct memo_slot *slots, size_t capacity, uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (capacity - 1);

    while (slots[i].key != 0 && slots[i].key != key)
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static void grow(struct memo *memo)
{
    size_t capacity = memo->capacity ? 2 * memo->capacity : 256;
    struct memo_slot *slots = capacity <= 2 * LIMIT_MEMO_ENTRIES ? calloc(capacity, sizeof *slots)
                                                                 : NULL;

    if (!slots) { /* forgets */
        for (size_t i = 0; i < memo->capacity; i++)
            memo->slots[i].key = 0;
        memo->count = 0;
        return;
    }
    for (size_t i = 0; i < memo->capacity; i++)
        if (memo->slots[i].key != 0)
            *slot_of(slots, capacity, memo->slots[i].key) = memo->slots[i];
    free(memo->slots);
    memo->slots = slots;
    memo->capacity = capacity;
}

bool memo_get(struct memo *memo, uint64_t key, uint64_t stamp, uint64_t *ret)
{
    bool found = false;

    pthread_mutex_lock(&memo->lock);
    if (memo->capacity > 0) {
        const struct memo_slot *slot = slot_of(memo->slots, memo->capacity, key);
        found = slot->key == key && slot->stamp == stamp;
        if (found)
            *ret = slot->value;
    }
    pthread_mutex_unlock(&memo->lock);
    return found;
}

void memo_put(struct memo *memo, uint64_t key, uint64_t stamp, uint64_t value)
{
    pthread_mutex_lock(&memo->lock);
    if (2 * (memo->count + 1) > memo->capacity)
        grow(memo);
    if (memo->capacity > 0) {
        struct memo_slot *slot = slot_of(memo->slots, memo->capacity, key);
        memo->count += slot->key == 0;
        *slot = (struct memo_slot){key, stamp, value};
    }
    pthread_mutex_unlock(&memo->lock);
}
