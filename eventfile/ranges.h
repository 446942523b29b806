/* eventfile/ranges.h: the bad ranges of a file that a reader remembers, by offset. Private.
 *
 * Suspect ranges wait to be judged; damaged ones were given out as gaps and are looked at again
 * now and then. Invariants: sorted, none empty, none overlap, at most EF_RANGES_MAX.
 * Thread: that of the reader. */
#ifndef EVENTFILE_RANGES_H
#define EVENTFILE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <eventfile/salvage.h>

#define EF_SECOND_NS INT64_C(1000000000)
#define EF_JUDGE_NS (EF_SUSPECT_SECONDS * EF_SECOND_NS)

struct ef_range {
    uint64_t offset;
    uint64_t length;
    int64_t first_ns; /* when the youngest of its bytes was first seen bad */
    enum ef_reason reason;
    bool damaged;  /* judged and given out; else suspect */
    uint8_t looks; /* how many of the looks after 1, 5 and 30 s are done */
};

struct ef_ranges {
    struct ef_range *items;
    size_t count;
    size_t capacity;
    size_t suspects;
};

void ef_ranges_done(struct ef_ranges *ranges);

/* Index of the first range that ends behind `offset`; count if there is none. */
size_t ef_ranges_find(const struct ef_ranges *ranges, uint64_t offset);
/* The range that covers `offset`, or NULL. */
const struct ef_range *ef_ranges_at(const struct ef_ranges *ranges, uint64_t offset);

/* Puts a range into its place; what it overlaps is dropped or trimmed. A damaged range that is one
 * too many is left out. 0, EF_ERR_NOMEM. */
int ef_ranges_add(struct ef_ranges *ranges, const struct ef_range *range);
/* Forgets the bytes [offset, end): ranges in there go, those that reach in are trimmed. */
void ef_ranges_clear(struct ef_ranges *ranges, uint64_t offset, uint64_t end);
/* Marks the bytes [offset, end) of a suspect range as damaged. 0, EF_ERR_NOMEM. */
int ef_ranges_judge(struct ef_ranges *ranges, uint64_t offset, uint64_t end, enum ef_reason reason);

uint64_t ef_ranges_suspect_bytes(const struct ef_ranges *ranges);
/* Offset of the first suspect range, or `otherwise`. */
uint64_t ef_ranges_first_suspect(const struct ef_ranges *ranges, uint64_t otherwise);

/* When a suspect first seen at first_ns is looked at for the looks-th time (from 0); INT64_MAX
 * when all looks are done. */
int64_t ef_range_due_ns(int64_t first_ns, uint8_t looks);
/* How many looks of the schedule have passed at now_ns. */
uint8_t ef_range_looks(int64_t first_ns, int64_t now_ns);

static inline uint64_t ef_range_end(const struct ef_range *range)
{
    return range->offset + range->length;
}

#endif
