/* eventfile/reader.c: follows one event file: the public calls and the way forward.
 *
 * Before: the caller tells size and times. Here: whole records are given out in file order, bad
 * bytes are passed as <eventfile/salvage.h> says, at once as a gap or put aside as suspect. What
 * was put aside is looks.c's, bad bytes with nothing sound behind them badtail.c's. */
#include <eventfile/reader.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eventfile/bytes.h"
#include "eventfile/reader_state.h"
#include "eventfile/search.h"

#define NOWHERE UINT64_MAX

static ssize_t reader_read_at(void *ctx, void *data, size_t size, uint64_t offset)
{
    const ef_reader *reader = ctx;
    ssize_t n;

    do
        n = pread(reader->fd, data, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? EF_ERR_IO : n;
}

int ef_reader_new(ef_reader **ret_reader)
{
    ef_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return EF_ERR_NOMEM;
    reader->fd = -1;
    reader->source = (struct ef_source){.ctx = reader, .read_at = reader_read_at};
    reader->mended_at = NOWHERE;
    reader->looks.due_ns = INT64_MAX;
    reader->looks.suspects_ns = INT64_MIN / 2;
    reader->looks.damaged_ns = INT64_MIN / 2;
    *ret_reader = reader;
    return 0;
}

ef_reader *ef_reader_free(ef_reader *reader)
{
    if (reader) {
        ef_window_release(&reader->window);
        ef_salvage_free(reader->salvage);
        ef_ranges_done(&reader->ranges);
        ef_ranges_done(&reader->past);
        free(reader->tail.parts);
    }
    free(reader);
    return NULL;
}

void ef_reader_attach(ef_reader *reader, int fd)
{
    reader->fd = fd;
}

void ef_reader_tell(ef_reader *reader, uint64_t size, int64_t changed_ns, int64_t now_ns)
{
    if (size != reader->size || changed_ns != reader->changed_ns) {
        ef_looks_changed(reader);
        reader->tail.changed = true;
        reader->foreign_changed = true;
    }
    reader->size = size;
    reader->changed_ns = changed_ns;
    reader->now_ns = now_ns;
}

/* --- records --- */

/* Loads the window; a mended header stands mended in it. */
static int reader_load(ef_reader *reader, uint64_t offset, uint64_t want)
{
    struct ef_window *window = &reader->window;
    int r = ef_window_load(window, &reader->source, offset, want, reader->size);

    if (r < 0)
        return r;
    if (reader->mended_at >= offset && reader->mended_at - offset < window->size &&
        window->size - (reader->mended_at - offset) >= EF_HEADER_BYTES)
        ef_header_write(ef_window_data(window) + (reader->mended_at - offset), reader->mended);
    return 0;
}

int ef_reader_scan(ef_reader *reader, uint64_t at, uint64_t end, struct ef_scan *scan)
{
    uint64_t want = EF_HEADER_BYTES;

    for (;;) {
        int r = reader_load(reader, at, want);
        if (r < 0)
            return r;
        uint64_t most = end - at > want ? end - at : want;
        if (most > reader->window.size)
            most = reader->window.size;
        ef_scan_records(ef_window_data(&reader->window), (size_t)most, scan);
        if (scan->records > 0 || scan->status < 0 || !scan->has_payload)
            return 0;
        uint64_t whole = scan->payload + EF_RECORD_OVERHEAD;
        if (whole > reader->size - at || whole <= want)
            return 0;
        want = whole;
    }
}

void ef_reader_records(ef_reader *reader, const struct ef_scan *scan, struct ef_item *ret_item)
{
    reader->records += scan->records;
    *ret_item = (struct ef_item){.kind = EF_ITEM_RECORDS,
                                 .offset = reader->window.offset,
                                 .data = ef_window_data(&reader->window),
                                 .size = scan->size,
                                 .records = scan->records};
    if (reader->mended_at >= ret_item->offset && reader->mended_at - ret_item->offset < scan->size)
        reader->mended_at = NOWHERE; /* given out: from now on the file's own bytes count */
}

/* --- damage --- */

static int reader_salvage(ef_reader *reader)
{
    if (!reader->salvage)
        reader->salvage = ef_salvage_new(&reader->source);
    return reader->salvage ? 0 : EF_ERR_NOMEM;
}

int ef_reader_pass(ef_reader *reader, uint64_t offset, struct ef_gap *ret_gap,
                   uint64_t *ret_repaired)
{
    int r = reader_salvage(reader);

    if (r < 0)
        return r;
    return ef_salvage_pass(reader->salvage, offset, reader->size, ret_gap, ret_repaired);
}

/* Have the bad bytes from the present place to `end` had their time? */
static bool reader_judges(const ef_reader *reader, uint64_t end)
{
    const struct ef_range *past = ef_ranges_at(&reader->past, reader->offset);

    return reader->finish || reader->now_ns - reader->changed_ns >= EF_JUDGE_NS ||
           reader->offset < reader->judged_below || (past && past->damaged) ||
           reader->ranges.suspects >= EF_SUSPECTS_MAX ||
           reader->now_ns - ef_badtail_first_ns(reader, end) >= EF_JUDGE_NS;
}

/* Takes up a judged gap; neighbouring ones become one. */
static int reader_judged(ef_reader *reader, const struct ef_gap *gap)
{
    uint64_t end = gap->offset + gap->length;
    int r = ef_looks_judge(reader, gap->offset, end, gap->reason);

    if (r < 0)
        return r;
    if (reader->gap.length == 0) {
        reader->gap = *gap;
    } else {
        reader->gap.length += gap->length;
        reader->gap.limited |= gap->limited;
    }
    ef_badtail_drop(reader, end);
    reader->offset = end;
    return EF_STEP_ON;
}

static int reader_mend(ef_reader *reader, const struct ef_gap *gap, uint64_t repaired,
                       struct ef_item *item)
{
    int r = ef_looks_judge(reader, gap->offset, gap->offset + gap->length, gap->reason);

    if (r < 0)
        return r;
    reader->mended_at = gap->offset;
    reader->mended = repaired;
    reader->tail.count = 0;
    *item = (struct ef_item){.kind = EF_ITEM_GAP, .offset = gap->offset, .gap = *gap};
    return 1;
}

static int reader_suspect(ef_reader *reader, uint64_t end, enum ef_reason reason)
{
    struct ef_range range = {.offset = reader->offset,
                             .length = end - reader->offset,
                             .first_ns = ef_badtail_first_ns(reader, end),
                             .reason = reason};

    range.looks = ef_range_looks(range.first_ns, reader->now_ns);
    int r = ef_ranges_add(&reader->ranges, &range);
    if (r < 0)
        return r;
    ef_looks_added(reader, range.first_ns, range.looks);
    reader->tail.count = 0;
    reader->offset = end;
    return EF_STEP_ON;
}

/* Nothing in the whole file is a record: what is it? */
static int reader_foreign(ef_reader *reader)
{
    static const struct {
        uint8_t bytes[6];
        uint8_t size;
    } magics[] = {
        {{0x1F, 0x8B}, 2},                     /* gzip */
        {{0x28, 0xB5, 0x2F, 0xFD}, 4},         /* zstd */
        {{'B', 'Z', 'h'}, 3},                  /* bzip2 */
        {{0xFD, '7', 'z', 'X', 'Z', 0x00}, 6}, /* xz */
        {{0x78, 0x01}, 2},
        {{0x78, 0x5E}, 2}, /* zlib, its four usual levels */
        {{0x78, 0x9C}, 2},
        {{0x78, 0xDA}, 2},
    };
    int r = reader_load(reader, 0, EF_HEADER_BYTES);

    if (r < 0)
        return r;
    reader->foreign = EF_ERR_NOT_EVENT_FILE;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (reader->window.size >= magics[i].size &&
            memcmp(ef_window_data(&reader->window), magics[i].bytes, magics[i].size) == 0)
            reader->foreign = EF_ERR_COMPRESSED;
    reader->foreign_ns = reader->now_ns;
    reader->foreign_changed = false;
    reader->judged_below = reader->size;
    reader->tail.count = 0;
    return reader->foreign;
}

/* The gap runs to the end of the file, or to a few bytes before it: what comes may tell more. */
static int reader_bad_tail(ef_reader *reader, struct ef_gap *gap, bool open)
{
    int r = ef_badtail_grow(reader, gap->reason);
    if (r < 0)
        return r;
    uint64_t due = ef_badtail_due(reader);
    uint64_t end = gap->offset + gap->length;
    bool whole = open && gap->offset == 0 && gap->reason == EF_REASON_HEADER;

    if (reader_judges(reader, end))
        return whole ? reader_foreign(reader) : reader_judged(reader, gap);
    ef_badtail_looked(reader);
    if (due == reader->offset)
        return 0;
    if (whole)
        return reader_foreign(reader);
    if (due < end)
        gap->length = due - gap->offset;
    return reader_judged(reader, gap);
}

static int reader_damage(ef_reader *reader, struct ef_item *item)
{
    struct ef_gap gap;
    uint64_t repaired = 0;

    int r = ef_reader_pass(reader, reader->offset, &gap, &repaired);
    if (r < 0)
        return r;
    if (gap.reason == EF_REASON_REPAIRED_HEADER) {
        uint64_t end = gap.offset + repaired + EF_RECORD_OVERHEAD;
        return reader_judges(reader, end) ? reader_mend(reader, &gap, repaired, item)
                                          : reader_suspect(reader, end, gap.reason);
    }
    uint64_t end = gap.offset + gap.length;
    if (r == 0 || reader->size - end < EF_HEADER_BYTES)
        return reader_bad_tail(reader, &gap, r == 0);
    return reader_judges(reader, end) ? reader_judged(reader, &gap)
                                      : reader_suspect(reader, end, gap.reason);
}

/* --- the way forward --- */

/* A bad tail is left alone until it is due; new bytes behind it are searched at once. */
static int reader_step_tail(ef_reader *reader)
{
    uint64_t found;

    switch (ef_badtail_wants(reader)) {
    case EF_BADTAIL_LOOK:
        return 1;
    case EF_BADTAIL_REST:
        return 0;
    case EF_BADTAIL_SEARCH:
        break;
    }
    int r = ef_badtail_search(reader, &found);
    return r <= 0 ? r : reader_suspect(reader, found, reader->tail.reason);
}

/* Not all of the record at the present place is there. Is it waited for in peace? */
static bool reader_partial(ef_reader *reader, const struct ef_scan *scan)
{
    const struct ef_window *window = &reader->window;
    uint64_t left = reader->size - reader->offset;

    if (scan->has_payload && scan->payload + EF_RECORD_OVERHEAD <= left)
        return true; /* the file is shorter than told: the caller will tell again */
    if (!scan->has_payload && window->size < EF_HEADER_BYTES && left > window->size)
        return true;
    if (reader->finish)
        return false;
    if (!scan->has_payload && ef_all_zero(ef_window_data(window), window->size))
        return false;
    reader->need =
        reader->offset + (scan->has_payload ? scan->payload + EF_RECORD_OVERHEAD : EF_HEADER_BYTES);
    reader->tail.count = 0;
    return true;
}

static int reader_step(ef_reader *reader, struct ef_item *item)
{
    struct ef_scan scan;

    if (reader->size <= reader->offset || (reader->size < reader->need && !reader->finish))
        return 0;
    int r = reader_step_tail(reader);
    if (r != 1)
        return r;
    r = ef_reader_scan(reader, reader->offset, reader->size, &scan);
    if (r < 0)
        return r;
    if (scan.records > 0) {
        ef_reader_records(reader, &scan, item);
        reader->tail.count = 0;
        reader->need = 0;
        reader->offset += scan.size;
        return 1;
    }
    if (scan.status == 0 && reader_partial(reader, &scan))
        return 0;
    return reader_damage(reader, item);
}

static int reader_forward(ef_reader *reader, struct ef_item *item)
{
    int r;

    do
        r = reader_step(reader, item);
    while (r == EF_STEP_ON &&
           (reader->gap.length == 0 || reader->gap.offset + reader->gap.length == reader->offset));
    if (reader->gap.length == 0)
        return r;
    if (r == 1)
        reader->ready = *item;
    *item = (struct ef_item){.kind = EF_ITEM_GAP, .offset = reader->gap.offset, .gap = reader->gap};
    reader->gap.length = 0;
    return 1;
}

static int reader_next(ef_reader *reader, struct ef_item *item)
{
    if (reader->fd < 0)
        return 0;
    if (reader->foreign < 0 &&
        (!reader->foreign_changed || reader->now_ns - reader->foreign_ns < EF_DAMAGED_LOOK_NS))
        return reader->foreign;
    reader->foreign = 0;
    int r = ef_looks_next(reader, item);
    return r != 0 ? r : reader_forward(reader, item);
}

int ef_reader_next(ef_reader *reader, struct ef_item *ret_item)
{
    struct ef_item item = reader->ready;
    int r = 1;

    if (item.kind != 0)
        reader->ready.kind = 0;
    else
        r = reader_next(reader, &item);
    if (r > 0) {
        *ret_item = item;
        return r;
    }
    ef_window_release(&reader->window);
    if (reader->salvage)
        ef_salvage_rest(reader->salvage);
    return r;
}

void *ef_reader_keep(ef_reader *reader, const struct ef_item *item)
{
    const struct ef_window *window = &reader->window;

    if (item->kind != EF_ITEM_RECORDS || reader->ready.kind != 0 || !window->data ||
        item->offset != window->offset || item->data != ef_window_data(window))
        return NULL;
    return ef_window_keep(&reader->window, item->offset + item->size);
}

void ef_buffer_give(void *buffer)
{
    ef_readbuf_give(buffer);
}

int64_t ef_reader_wait_ns(const ef_reader *reader)
{
    int64_t due = ef_looks_due_ns(reader);
    int64_t tail = ef_badtail_due_ns(reader);

    if (tail < due)
        due = tail;
    if (reader->foreign < 0 && reader->foreign_changed &&
        reader->foreign_ns + EF_DAMAGED_LOOK_NS < due)
        due = reader->foreign_ns + EF_DAMAGED_LOOK_NS;
    if (due == INT64_MAX)
        return -1;
    return due > reader->now_ns ? due - reader->now_ns : 0;
}

/* --- starting over, ending --- */

/* Hands what is known of bad bytes behind `offset` over to `past`. Without memory it is forgotten:
 * then these bytes are suspect once more. */
static void reader_remember(ef_reader *reader, uint64_t offset)
{
    struct ef_ranges past = {0};
    int r = 0;

    for (size_t i = ef_ranges_find(&reader->ranges, offset); i < reader->ranges.count && r == 0;
         i++)
        r = ef_ranges_add(&past, &reader->ranges.items[i]);
    if (r == 0)
        r = ef_badtail_remember(reader, &past);
    for (size_t i = ef_ranges_find(&reader->past, reader->offset); i < reader->past.count && r == 0;
         i++)
        if (!ef_ranges_at(&past, reader->past.items[i].offset))
            r = ef_ranges_add(&past, &reader->past.items[i]);
    ef_ranges_done(&reader->past);
    reader->past = past;
}

void ef_reader_rewind(ef_reader *reader, uint64_t offset)
{
    uint64_t judged = ef_ranges_first_suspect(&reader->ranges, reader->offset);

    if (reader->judged_below < judged)
        reader->judged_below = judged;
    reader_remember(reader, offset);
    ef_ranges_clear(&reader->ranges, offset, UINT64_MAX);
    ef_window_release(&reader->window);
    reader->offset = offset;
    reader->need = 0;
    reader->records = 0;
    reader->gap.length = 0;
    reader->ready.kind = 0;
    reader->mended_at = NOWHERE;
    reader->foreign = 0;
    reader->tail.count = 0;
    if (reader->visit.end > offset)
        reader->visit.active = false;
    ef_looks_rest(reader); /* ranges in front of `offset` stay */
}

void ef_reader_finish(ef_reader *reader)
{
    reader->looks.finish |= !reader->finish;
    reader->finish = true;
}

struct ef_reader_stats ef_reader_stats(const ef_reader *reader)
{
    uint64_t left = reader->size > reader->offset ? reader->size - reader->offset : 0;
    struct ef_reader_stats stats = {
        .offset = ef_ranges_first_suspect(&reader->ranges, reader->offset),
        .records = reader->records,
        .size = reader->size,
        .suspect = ef_ranges_suspect_bytes(&reader->ranges),
    };

    if (reader->tail.count > 0)
        stats.suspect += left;
    else if (reader->size < reader->need)
        stats.partial = left;
    return stats;
}
