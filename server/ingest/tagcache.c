#include "ingest/tagcache.h"

#include "base/check.h"

enum { FIRST_ENTRIES = 2, FIRST_TEXT_BYTES = 128, TEXT_BLOCK_BYTES = 1024 };

void tagcache_done(struct tagcache *cache)
{
    for (void *block = cache->blocks; block;) {
        void *next = *(void **)block;
        free(block);
        block = next;
    }
    free(cache->entries);
    free(cache->slots);
    *cache = (struct tagcache){0};
}

void tagcache_clear(struct tagcache *cache)
{
    tagcache_done(cache);
}

void tagcache_forget_lanes(struct tagcache *cache)
{
    for (uint32_t i = 0; i < cache->count; i++) {
        cache->entries[i].lane = NULL;
        cache->entries[i].form.size = EF_SCALAR_NO_FORM;
    }
}

/* Tags come from outside, but only within one file: a file that makes its own tags collide slows
 * down nobody but its own run, and the middle bytes are mixed in as soon as a tag is long. */
static uint32_t hash(struct text tag, uint64_t head, uint64_t tail)
{
    uint64_t h = (head ^ tag.size) * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ (h >> 32) ^ tail) * UINT64_C(0xff51afd7ed558ccd);
    for (size_t i = 8; i + 8 < tag.size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, tag.data + i, 8);
        h = (h ^ (h >> 29) ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return (uint32_t)(h ^ (h >> 32));
}

struct tagcache_entry *tagcache_search(struct tagcache *cache, struct text tag, uint8_t kind)
{
    uint64_t head, tail;

    if (cache->count == 0)
        return NULL;
    tagcache_key(tag, &head, &tail);
    for (uint32_t i = hash(tag, head, tail) & cache->mask; cache->slots[i];
         i = (i + 1) & cache->mask) {
        struct tagcache_entry *entry = &cache->entries[cache->slots[i] - 1];
        if (entry->kind == kind && tagcache_same(entry, tag, head, tail))
            return entry;
    }
    return NULL;
}

struct tagcache_entry *tagcache_first(struct tagcache *cache, struct text tag)
{
    uint64_t head, tail;

    if (cache->count == 0)
        return NULL;
    tagcache_key(tag, &head, &tail);
    for (uint32_t i = hash(tag, head, tail) & cache->mask; cache->slots[i];
         i = (i + 1) & cache->mask) {
        struct tagcache_entry *entry = &cache->entries[cache->slots[i] - 1];
        if (entry->first && tagcache_same(entry, tag, head, tail))
            return entry;
    }
    return NULL;
}

static void insert(struct tagcache *cache, uint32_t index)
{
    const struct tagcache_entry *entry = &cache->entries[index];
    struct text tag = {entry->tag, entry->size};
    uint32_t i = hash(tag, entry->head, entry->tail) & cache->mask;

    while (cache->slots[i])
        i = (i + 1) & cache->mask;
    cache->slots[i] = index + 1;
}

static int grow(struct tagcache *cache)
{
    uint32_t capacity = cache->capacity ? cache->capacity * 2 : FIRST_ENTRIES;

    if (capacity > UINT32_MAX / 4)
        return -1;
    struct tagcache_entry *entries = realloc(cache->entries, capacity * sizeof *entries);
    if (!entries)
        return -1;
    cache->entries = entries;
    for (uint32_t i = 0; i < cache->count; i++) /* they have moved: guess anew */
        entries[i].next = &entries[i];
    cache->last = cache->count ? entries : NULL;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof *slots); /* at most half full */
    if (!slots)
        return -1;
    free(cache->slots);
    cache->slots = slots;
    cache->mask = capacity * 2 - 1;
    cache->capacity = capacity;
    for (uint32_t i = 0; i < cache->count; i++)
        insert(cache, i);
    return 0;
}

static const char *keep_text(struct tagcache *cache, struct text tag)
{
    if (tag.size == 0)
        return "";
    if (tag.size > cache->text_left) {
        size_t usual = cache->blocks ? TEXT_BLOCK_BYTES : FIRST_TEXT_BYTES;
        size_t size = MAX(tag.size, usual - sizeof(void *));
        void **block = malloc(sizeof(void *) + size);
        if (!block)
            return NULL;
        *block = cache->blocks;
        cache->blocks = block;
        cache->text = (char *)(block + 1);
        cache->text_left = size;
    }
    char *copy = cache->text;
    memcpy(copy, tag.data, tag.size);
    cache->text += tag.size;
    cache->text_left -= tag.size;
    return copy;
}

struct tagcache_entry *tagcache_add(struct tagcache *cache, struct text tag, uint8_t kind)
{
    DCHECK(!tagcache_search(cache, tag, kind));
    if (tag.size > UINT32_MAX || (cache->count == cache->capacity && grow(cache) < 0))
        return NULL;
    const char *text = keep_text(cache, tag);
    if (!text)
        return NULL;
    bool first = !tagcache_first(cache, tag);
    struct tagcache_entry *entry = &cache->entries[cache->count];
    *entry = (struct tagcache_entry){.tag = text,
                                     .next = entry,
                                     .size = (uint32_t)tag.size,
                                     .kind = kind,
                                     .first = first,
                                     .form = {.size = EF_SCALAR_NO_FORM}};
    if (cache->last)
        cache->last->next = entry;
    cache->last = entry;
    tagcache_key(tag, &entry->head, &entry->tail);
    insert(cache, cache->count++);
    return entry;
}
