/* tagcache.h: tag and kind → lane, for the values of one file.
 *
 * Sits between the decoder and lane_add(): one look-up a value, so it has to cost next to nothing.
 * A training loop writes the same tags in the same order again and again: each entry remembers
 * which one followed it last time, and that guess is checked before anything is hashed. Tags of up
 * to 16 bytes are compared by two words, longer ones by memcmp as well.
 *
 * Entries are never removed: tagcache_forget_lanes() only drops the lanes (a new part of the
 * file), so that the kind of a tag's first value stays known for values without metadata.
 * Thread: the present worker of the run. */
#ifndef TB_INGEST_TAGCACHE_H
#define TB_INGEST_TAGCACHE_H

#include <stdbool.h>
#include <string.h>

#include <eventfile/scalar.h>

#include "base/cleanup.h"
#include "store/store.h"

struct tagcache_entry {
    uint64_t head, tail; /* first and last bytes, see tagcache_key() */
    const char *tag;
    struct lane *lane;           /* NULL: not made yet in this part of the file */
    struct tagcache_entry *next; /* the one that was used after this one; never NULL */
    uint32_t size;
    uint8_t kind; /* enum series_kind */
    bool first;   /* the kind of the tag's first value in this file */
    struct ef_scalar_form form; /* of its usual records; known only while there is a lane */
};

struct tagcache {
    struct tagcache_entry *entries;
    uint32_t count, capacity;
    struct tagcache_entry *last; /* the one used last; NULL while there is none */
    uint32_t *slots;             /* open addressing: index + 1, 0: free */
    uint32_t mask;               /* slots - 1; 0: no slots yet */
    char *text;                  /* block that new tags are copied into */
    size_t text_left;
    void *blocks; /* all such blocks, linked by their first pointer */
};

void tagcache_done(struct tagcache *cache);
/* Back to empty, memory kept for entries. */
void tagcache_clear(struct tagcache *cache);
void tagcache_forget_lanes(struct tagcache *cache);

/* Looks up by hash. NULL: not there. */
struct tagcache_entry *tagcache_search(struct tagcache *cache, struct text tag, uint8_t kind);
/* The entry whose kind was the first of this tag in the file. NULL: a new tag. */
struct tagcache_entry *tagcache_first(struct tagcache *cache, struct text tag);
/* Adds what is not there yet; the tag is copied. NULL: out of memory. */
struct tagcache_entry *tagcache_add(struct tagcache *cache, struct text tag, uint8_t kind);

/* The first and the last (up to) 8 bytes; together with the size they are all of a tag of at most
 * 16 bytes. */
static inline void tagcache_key(struct text tag, uint64_t *ret_head, uint64_t *ret_tail)
{
    uint64_t head = 0, tail = 0;

    if (tag.size >= 8) {
        memcpy(&head, tag.data, 8);
        memcpy(&tail, tag.data + tag.size - 8, 8);
    } else if (tag.size >= 4) {
        uint32_t a, b;
        memcpy(&a, tag.data, 4);
        memcpy(&b, tag.data + tag.size - 4, 4);
        head = a;
        tail = b;
    } else if (tag.size > 0) {
        head = (uint8_t)tag.data[0];
        tail = (uint8_t)tag.data[tag.size / 2] | (uint64_t)(uint8_t)tag.data[tag.size - 1] << 8;
    }
    *ret_head = head;
    *ret_tail = tail;
}

static inline bool tagcache_same(const struct tagcache_entry *entry, struct text tag, uint64_t head,
                                 uint64_t tail)
{
    return entry->size == tag.size && entry->head == head && entry->tail == tail &&
           (tag.size <= 16 || memcmp(entry->tag + 8, tag.data + 8, tag.size - 16) == 0);
}

/* The entry of (tag, kind), or NULL. Hot. */
static inline struct tagcache_entry *tagcache_find(struct tagcache *cache, struct text tag,
                                                   uint8_t kind)
{
    struct tagcache_entry *last = cache->last;
    uint64_t head, tail;

    if (__builtin_expect(!last, 0))
        return NULL;
    struct tagcache_entry *guess = last->next;
    tagcache_key(tag, &head, &tail);
    if (__builtin_expect(guess->kind != kind || !tagcache_same(guess, tag, head, tail), 0)) {
        guess = tagcache_search(cache, tag, kind);
        if (!guess)
            return NULL;
        last->next = guess;
    }
    cache->last = guess;
    return guess;
}

#endif
