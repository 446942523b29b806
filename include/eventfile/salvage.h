/* eventfile/salvage.h: passing damage, record by record, by CRC and never by guess.
 *
 * Given a source of bytes and an offset where no sound record begins, ef_salvage_pass() finds
 * where sound records go on. The rules, in order:
 *   1. Header sound, payload not: the record alone is skipped, if a sound header, one that rule 2
 *      can repair, or fewer than 12 bytes follow it; otherwise rule 3 from behind the header.
 *   2. Header not sound: the length as read, then with each one of its 64 bits flipped, shortest
 *      first, is tried against the payload CRC. A hit is a repaired header: the record counts.
 *   3. Otherwise a search from the next byte for header CRC, length limit, payload CRC and event
 *      shape. It never enters bytes that rule 1 or 2 has confirmed.
 * All trials of one file together read at most twice its size plus EF_SALVAGE_EXTRA_BYTES; then
 * only rule 3 is used and the result says so. Bad payloads met by the search are counted the same
 * way; beyond, it tries payloads up to 4 KB only.
 *
 * Thread: one ef_salvage belongs to one thread at a time. */
#ifndef EVENTFILE_SALVAGE_H
#define EVENTFILE_SALVAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include <eventfile/record.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EF_SALVAGE_EXTRA_BYTES (UINT64_C(64) << 20)

enum ef_reason {
    EF_REASON_ZEROS = 1,       /* zero bytes where a record should begin */
    EF_REASON_HEADER,          /* CRC of the length does not hold, and no flipped bit mends it */
    EF_REASON_PAYLOAD,         /* CRC of the payload does not hold */
    EF_REASON_LENGTH,          /* sound length above the limit */
    EF_REASON_NOT_EVENT,       /* CRCs hold, but the payload is no Event */
    EF_REASON_REPAIRED_HEADER, /* header mended by rule 2; its record counts */
    EF_REASON_REPAIRED,        /* damage once listed, sound when read again */
    EF_REASON_NOT_ARCHIVED,    /* shown, but gone before it was safe (never from this library) */
    EF_REASON_PARTIAL_TAIL,    /* the file ends inside a record (verify and recover only) */
};

/* The word used in reports and JSON: "zeros", "header", …; "unknown" for other numbers. */
EF_API const char *ef_reason_word(enum ef_reason reason);

/* A range of bytes that is not, or not without help, part of a sound record. */
struct ef_gap {
    uint64_t offset;
    uint64_t length; /* bytes; a repaired header has 12 */
    enum ef_reason reason;
    bool limited;    /* the reading limit was met: rule 2 was not tried here */
};

/* Where bytes come from. read_at returns the count of bytes read (short only at the end of the
 * source), 0 at or behind the end, or EF_ERR_IO. */
struct ef_source {
    void *ctx;
    ssize_t (*read_at)(void *ctx, void *data, size_t size, uint64_t offset);
};

typedef struct ef_salvage ef_salvage;

/* For one file; *source is copied, its ctx stays the caller's. NULL when out of memory. */
EF_API ef_salvage *ef_salvage_new(const struct ef_source *source);
/* Releases; accepts NULL; returns NULL. */
EF_API ef_salvage *ef_salvage_free(ef_salvage *salvage);

/* Finds where sound bytes go on behind `offset`, at which ef_record_check() has failed, looking
 * no further than `end` (the file size known now).
 * Returns 1: *ret_gap is the damaged range [offset, offset + length), and a record begins behind
 * it: a sound one, one that is not all there yet, or (rule 1) one that is damaged in its turn, for
 * which the call is made again. Or, with the reason EF_REASON_REPAIRED_HEADER, the range is the 12
 * header bytes of a record of *ret_repaired_size payload bytes that counts. Returns 0: nothing
 * sound up to `end`; the gap runs to it. Negative: EF_ERR_IO (also when the source ends at or
 * before `offset`), EF_ERR_NOMEM, EF_ERR_INVALID (`offset` is not before `end`). The search can be
 * ended from outside by making read_at fail. */
EF_API EF_MUST_CHECK int ef_salvage_pass(ef_salvage *salvage, uint64_t offset, uint64_t end,
                                         struct ef_gap *ret_gap, uint64_t *ret_repaired_size);

/* Is this payload shaped as an Event (known fields carry their wire types, nothing left over)? */
EF_API bool ef_event_shaped(const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
