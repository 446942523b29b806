#include "store/symtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Multiply and fold, 8 bytes a step; the seed is random per store, against chosen tags. */
uint64_t symtab_hash(uint64_t seed, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t hash = seed ^ (size * UINT64_C(0x9e3779b97f4a7c15));

    while (size > 0) {
        uint64_t word = 0;
        size_t n = size < 8 ? size : 8;
        memcpy(&word, p, n);
        unsigned __int128 product = (unsigned __int128)(hash ^ word) * 0xd6e8feb86659fd93u;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ seed;
        p += n;
        size -= n;
    }
    return hash ^ hash >> 29;
}

void *symtab_find(const struct symtab *table, uint64_t hash,
                  bool (*same)(const void *item, const void *key), const void *key)
{
    if (table->n_slots == 0)
        return NULL;
    size_t mask = table->n_slots - 1;
    for (size_t i = hash & mask; table->slots[i].item; i = (i + 1) & mask) {
        if (table->slots[i].hash == hash && same(table->slots[i].item, key))
            return table->slots[i].item;
    }
    return NULL;
}

static void put(struct symtab *table, uint64_t hash, void *item)
{
    size_t mask = table->n_slots - 1, i = hash & mask;

    while (table->slots[i].item)
        i = (i + 1) & mask;
    table->slots[i] = (struct symtab_slot){hash, item};
}

int symtab_add(struct symtab *table, uint64_t hash, void *item)
{
    if ((table->count + 1) * 4 > table->n_slots * 3) {
        struct symtab grown = {.n_slots = table->n_slots ? table->n_slots * 2 : 16};
        grown.slots = calloc(grown.n_slots, sizeof *grown.slots);
        if (!grown.slots)
            return -ENOMEM;
        for (size_t i = 0; i < table->n_slots; i++) {
            if (table->slots[i].item)
                put(&grown, table->slots[i].hash, table->slots[i].item);
        }
        free(table->slots);
        grown.count = table->count;
        *table = grown;
    }
    put(table, hash, item);
    table->count++;
    return 0;
}

void symtab_done(struct symtab *table)
{
    free(table->slots);
    *table = (struct symtab){0};
}
