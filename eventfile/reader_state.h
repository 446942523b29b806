/* eventfile/reader_state.h: what a reader knows. Private to reader.c, badtail.c and looks.c.
 *
 *   reader.c   the public calls, and the way forward: records, gaps judged on the way
 *   badtail.c  bad bytes at the end of the file, with nothing sound behind them yet
 *   looks.c    bad ranges left behind: looked at again, judged, found sound after all
 *
 * Invariants:
 *   1. `offset` is the way forward's place. Every byte before it was given out as records, or is
 *      in a gap given out (or about to be: `gap`), or in a suspect range of `ranges`.
 *   2. `tail.count > 0` only while the bytes at `offset` are bad and waited for.
 *   3. `past` tells when bytes behind `offset` were first seen bad, if that was before the way
 *      forward went back. Where it is silent, they are suspect from the next look on.
 * Thread: the reader's owner. */
#ifndef EVENTFILE_READER_STATE_H
#define EVENTFILE_READER_STATE_H

#include <eventfile/reader.h>

#include "eventfile/ranges.h"
#include "eventfile/scan.h"
#include "eventfile/window.h"

#define EF_DAMAGED_LOOK_NS (60 * EF_SECOND_NS)
#define EF_BADTAIL_PARTS 32

/* Result of an inner step besides the public ones: nothing to give out yet, call again. */
#define EF_STEP_ON 2

/* Bad bytes from `offset` to the end of the file. They are judged part by part, each 30 s after
 * it was first seen; parts seen within a second are one. */
struct ef_badtail_part {
    uint64_t end;
    int64_t first_ns; /* of its youngest bytes */
    int64_t begun_ns; /* of its oldest bytes */
};

struct ef_badtail {
    struct ef_badtail_part *parts; /* room for EF_BADTAIL_PARTS, once there was a bad tail */
    size_t count;
    enum ef_reason reason;
    uint8_t looks;     /* of the oldest part */
    bool changed;      /* the file did, since the last look at all of it */
    int64_t looked_ns; /* that look */
    uint64_t searched; /* no sound record begins before, seen from that look */
};

/* A visit to a range behind `offset`: [at, sound_end) is sound and given out; then, if `judge`,
 * what is left up to `end` is judged. */
struct ef_visit {
    bool active;
    bool judge;
    bool late; /* EF_ITEM_LATE is due before the records */
    uint64_t at, sound_end, end;
    enum ef_reason reason;
};

struct ef_looks {
    int64_t due_ns;        /* when the next suspect range falls due; INT64_MAX: none */
    int64_t suspects_ns;   /* last look at all suspect ranges */
    int64_t damaged_ns;    /* last look at all damaged ranges */
    bool suspects_changed; /* the file did, since then */
    bool damaged_changed;
    bool finish;         /* look at everything once more: ef_reader_finish() was called */
    bool round;          /* a round over the ranges is under way, */
    bool round_suspects; /* at all suspect ones (else those that are due), */
    bool round_damaged;  /* at the damaged ones too, */
    uint64_t round_at;   /* and so far behind this offset */
};

struct ef_reader {
    int fd;
    bool finish;
    uint64_t size;
    int64_t changed_ns, now_ns;
    struct ef_source source;
    struct ef_window window;
    ef_salvage *salvage; /* made when first needed */

    uint64_t offset;
    uint64_t need; /* a partial record at `offset` is whole when the file is so long */
    uint64_t records;
    uint64_t judged_below; /* what is bad there has had its time (known from before a rewind) */
    struct ef_gap gap;     /* judged, to be given out; length 0: none */
    struct ef_item ready;  /* to be given out next; kind 0: none */
    uint64_t mended;       /* payload size of the mended header at mended_at */
    uint64_t mended_at;    /* UINT64_MAX: none */
    int foreign;           /* EF_ERR_COMPRESSED, EF_ERR_NOT_EVENT_FILE or 0 */
    int64_t foreign_ns;
    bool foreign_changed;

    struct ef_badtail tail;
    struct ef_ranges ranges; /* bad bytes before `offset` */
    struct ef_ranges past;   /* and behind it, known from before the way forward went back */
    struct ef_looks looks;
    struct ef_visit visit;
};

/* reader.c: scans whole records from `at` up to `end` into *scan; a single one may reach beyond
 * `end`. They stand at the beginning of reader->window. */
int ef_reader_scan(ef_reader *reader, uint64_t at, uint64_t end, struct ef_scan *scan);
/* Makes an item of the records that ef_reader_scan() found. */
void ef_reader_records(ef_reader *reader, const struct ef_scan *scan, struct ef_item *ret_item);
int ef_reader_pass(ef_reader *reader, uint64_t offset, struct ef_gap *ret_gap,
                   uint64_t *ret_repaired);

/* badtail.c: does the tail want to be looked at now, and how? */
enum ef_badtail_look { EF_BADTAIL_REST, EF_BADTAIL_SEARCH, EF_BADTAIL_LOOK };
enum ef_badtail_look ef_badtail_wants(const ef_reader *reader);
/* Bytes up to the file's end were seen bad now. 0, EF_ERR_NOMEM. */
int ef_badtail_grow(ef_reader *reader, enum ef_reason reason);
/* When the youngest of the bytes [offset, end) was first seen bad. */
int64_t ef_badtail_first_ns(const ef_reader *reader, uint64_t end);
/* End of the parts that are due to be judged; reader->offset if none. */
uint64_t ef_badtail_due(const ef_reader *reader);
/* The way forward has come to `offset`. */
void ef_badtail_drop(ef_reader *reader, uint64_t offset);
/* Looks for sound records in new bytes only. Returns 1 and their place, or 0. */
int ef_badtail_search(ef_reader *reader, uint64_t *ret_found);
void ef_badtail_looked(ef_reader *reader);
int64_t ef_badtail_due_ns(const ef_reader *reader);
/* Adds what is known of the tail to `past`, for when the way forward comes here once more. */
int ef_badtail_remember(const ef_reader *reader, struct ef_ranges *past);

/* looks.c: next item from ranges behind the way forward; 0: none. */
int ef_looks_next(ef_reader *reader, struct ef_item *ret_item);
void ef_looks_changed(ef_reader *reader);
/* The bytes [offset, end) are judged: they are a damaged range from now on. 0, EF_ERR_NOMEM. */
int ef_looks_judge(ef_reader *reader, uint64_t offset, uint64_t end, enum ef_reason reason);
/* Ends a round, and finds out when the next one is due. */
void ef_looks_rest(ef_reader *reader);
/* A suspect range was added. */
void ef_looks_added(ef_reader *reader, int64_t first_ns, uint8_t looks);
int64_t ef_looks_due_ns(const ef_reader *reader);

#endif
