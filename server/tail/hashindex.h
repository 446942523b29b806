/* hashindex.h: a table from a 64-bit hash to a pointer, open addressing, for the tailer's lookups
 * (canonical path to directory, watch number to directory).
 *
 * The table owns nothing it points at. Equal hashes are told apart by the caller's `equal`.
 * Thread: one owner at a time. */
#ifndef TB_TAIL_HASHINDEX_H
#define TB_TAIL_HASHINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct hashindex_slot {
    uint64_t hash;
    void *value; /* NULL: free */
};

struct hashindex {
    struct hashindex_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
    bool (*equal)(const void *value, const void *key); /* NULL: the hash is the key */
};

void hashindex_done(struct hashindex *index);
void *hashindex_find(const struct hashindex *index, uint64_t hash, const void *key);
/* The key must not be in the table. 0 or -ENOMEM. */
_must_check_ int hashindex_add(struct hashindex *index, uint64_t hash, void *value);
/* Removes the entry of exactly this hash and value, if it is there. */
void hashindex_remove(struct hashindex *index, uint64_t hash, const void *value);

uint64_t hashindex_hash_text(const char *text);
uint64_t hashindex_hash_number(uint64_t number);

#endif
