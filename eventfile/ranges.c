/* eventfile/ranges.c: a sorted array of bad ranges. Few files have any, fewer have many. */
#include "eventfile/ranges.h"

#include <stdlib.h>
#include <string.h>

static const int64_t looks_after_ns[] = {1 * EF_SECOND_NS, 5 * EF_SECOND_NS, EF_JUDGE_NS};
#define LOOKS (sizeof looks_after_ns / sizeof *looks_after_ns)

int64_t ef_range_due_ns(int64_t first_ns, uint8_t looks)
{
    return looks < LOOKS ? first_ns + looks_after_ns[looks] : INT64_MAX;
}

uint8_t ef_range_looks(int64_t first_ns, int64_t now_ns)
{
    uint8_t looks = 0;

    while (looks < LOOKS && now_ns >= first_ns + looks_after_ns[looks])
        looks++;
    return looks;
}

void ef_ranges_done(struct ef_ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct ef_ranges){0};
}

size_t ef_ranges_find(const struct ef_ranges *ranges, uint64_t offset)
{
    size_t low = 0, high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ef_range_end(&ranges->items[middle]) > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct ef_range *ef_ranges_at(const struct ef_ranges *ranges, uint64_t offset)
{
    size_t i = ef_ranges_find(ranges, offset);

    if (i == ranges->count || ranges->items[i].offset > offset)
        return NULL;
    return &ranges->items[i];
}

static void ranges_remove(struct ef_ranges *ranges, size_t i, size_t n)
{
    for (size_t k = i; k < i + n; k++)
        ranges->suspects -= !ranges->items[k].damaged;
    memmove(ranges->items + i, ranges->items + i + n,
            (ranges->count - i - n) * sizeof *ranges->items);
    ranges->count -= n;
}

void ef_ranges_clear(struct ef_ranges *ranges, uint64_t offset, uint64_t end)
{
    size_t i = ef_ranges_find(ranges, offset);
    size_t n = 0;

    if (i < ranges->count && ranges->items[i].offset < offset) {
        /* Reaches in from the left. A part behind `end` is forgotten too: ranges are cleared
         * because what was known of them no longer holds. */
        ranges->items[i].length = offset - ranges->items[i].offset;
        i++;
    }
    while (i + n < ranges->count && ef_range_end(&ranges->items[i + n]) <= end)
        n++;
    if (n > 0)
        ranges_remove(ranges, i, n);
    if (i < ranges->count && ranges->items[i].offset < end) {
        ranges->items[i].length = ef_range_end(&ranges->items[i]) - end;
        ranges->items[i].offset = end;
    }
}

int ef_ranges_add(struct ef_ranges *ranges, const struct ef_range *range)
{
    ef_ranges_clear(ranges, range->offset, ef_range_end(range));
    if (ranges->count >= EF_RANGES_MAX && range->damaged)
        return 0;
    if (ranges->count == ranges->capacity) {
        size_t capacity = ranges->capacity ? ranges->capacity * 2 : 4;
        struct ef_range *grown = realloc(ranges->items, capacity * sizeof *grown);
        if (!grown)
            return EF_ERR_NOMEM;
        ranges->items = grown;
        ranges->capacity = capacity;
    }
    size_t i = ef_ranges_find(ranges, range->offset);
    memmove(ranges->items + i + 1, ranges->items + i, (ranges->count - i) * sizeof *ranges->items);
    ranges->items[i] = *range;
    ranges->count++;
    ranges->suspects += !range->damaged;
    return 0;
}

int ef_ranges_judge(struct ef_ranges *ranges, uint64_t offset, uint64_t end, enum ef_reason reason)
{
    struct ef_range range = {
        .offset = offset, .length = end - offset, .reason = reason, .damaged = true};
    size_t i = ef_ranges_find(ranges, offset);

    if (i < ranges->count && ranges->items[i].offset == offset &&
        ef_range_end(&ranges->items[i]) == end && !ranges->items[i].damaged) {
        ranges->suspects--; /* the usual case, in place: no memory is needed */
        ranges->items[i] = range;
        return 0;
    }
    return ef_ranges_add(ranges, &range);
}

uint64_t ef_ranges_suspect_bytes(const struct ef_ranges *ranges)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < ranges->count && ranges->suspects > 0; i++)
        if (!ranges->items[i].damaged)
            bytes += ranges->items[i].length;
    return bytes;
}

uint64_t ef_ranges_first_suspect(const struct ef_ranges *ranges, uint64_t otherwise)
{
    for (size_t i = 0; i < ranges->count && ranges->suspects > 0; i++)
        if (!ranges->items[i].damaged)
            return ranges->items[i].offset;
    return otherwise;
}
