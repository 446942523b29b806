/* symtab.h: finds things by a hash that the caller made: open addressing over pointers.
 *
 * Keys stay in the things themselves; the caller's `same` compares. Entries are never removed.
 * Thread: the owner's; reading by others needs the owner's lock around growth. */
#ifndef TB_STORE_SYMTAB_H
#define TB_STORE_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symtab_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct symtab {
    struct symtab_slot *slots;
    size_t n_slots, count; /* n_slots: a power of two, or 0 */
};

uint64_t symtab_hash(uint64_t seed, const void *data, size_t size);
/* NULL: not there. */
void *symtab_find(const struct symtab *table, uint64_t hash,
                  bool (*same)(const void *item, const void *key), const void *key);
/* The item must not be there yet. -ENOMEM. */
int symtab_add(struct symtab *table, uint64_t hash, void *item);
void symtab_done(struct symtab *table);

#endif
