/* eventfile/badtail.c: bad bytes at the end of the file.
 *
 * Nothing sound stands behind them yet, so that nobody can say where they end: they may be a page
 * that comes late, a record half written over zeros, or damage. Before: the way forward met bytes
 * that are no record and found none behind them. After: they turned out sound; or something sound
 * came behind them, and they are a suspect range; or 30 s have passed, and they are a gap. */
#include <stdlib.h>
#include <string.h>

#include "eventfile/reader_state.h"
#include "eventfile/search.h"

int64_t ef_badtail_first_ns(const ef_reader *reader, uint64_t end)
{
    const struct ef_badtail *tail = &reader->tail;
    const struct ef_range *past = ef_ranges_at(&reader->past, reader->offset);

    for (size_t i = 0; i < tail->count; i++)
        if (tail->parts[i].end >= end)
            return tail->parts[i].first_ns;
    if (tail->count == 0 && past && ef_range_end(past) >= end)
        return past->first_ns;
    return reader->now_ns;
}

int ef_badtail_grow(ef_reader *reader, enum ef_reason reason)
{
    struct ef_badtail *tail = &reader->tail;
    int64_t first_ns = ef_badtail_first_ns(reader, reader->size);

    if (!tail->parts) {
        tail->parts = malloc(EF_BADTAIL_PARTS * sizeof *tail->parts);
        tail->count = 0;
    }
    if (!tail->parts)
        return EF_ERR_NOMEM;
    if (tail->count == 0)
        *tail = (struct ef_badtail){.parts = tail->parts, .reason = reason};
    struct ef_badtail_part *last = tail->count > 0 ? &tail->parts[tail->count - 1] : NULL;
    if (last && last->end >= reader->size)
        return 0;
    if (!last || (tail->count < EF_BADTAIL_PARTS && first_ns - last->begun_ns >= EF_SECOND_NS)) {
        last = &tail->parts[tail->count++];
        last->begun_ns = first_ns;
    }
    last->end = reader->size;
    last->first_ns = first_ns;
    return 0;
}

uint64_t ef_badtail_due(const ef_reader *reader)
{
    const struct ef_badtail *tail = &reader->tail;
    uint64_t due = reader->offset;

    for (size_t i = 0; i < tail->count; i++)
        if (reader->now_ns - tail->parts[i].first_ns >= EF_JUDGE_NS)
            due = tail->parts[i].end;
    return due;
}

void ef_badtail_drop(ef_reader *reader, uint64_t offset)
{
    struct ef_badtail *tail = &reader->tail;
    size_t n = 0;

    while (n < tail->count && tail->parts[n].end <= offset)
        n++;
    if (n == 0)
        return;
    tail->count -= n;
    memmove(tail->parts, tail->parts + n, tail->count * sizeof tail->parts[0]);
    if (tail->count > 0)
        tail->looks = ef_range_looks(tail->parts[0].first_ns, reader->now_ns);
}

void ef_badtail_looked(ef_reader *reader)
{
    struct ef_badtail *tail = &reader->tail;

    tail->looks = ef_range_looks(tail->parts[0].first_ns, reader->now_ns);
    tail->looked_ns = reader->now_ns;
    tail->changed = false;
    tail->searched = reader->size;
}

enum ef_badtail_look ef_badtail_wants(const ef_reader *reader)
{
    const struct ef_badtail *tail = &reader->tail;

    if (tail->count == 0 || reader->finish ||
        reader->now_ns >= ef_range_due_ns(tail->parts[0].first_ns, tail->looks))
        return EF_BADTAIL_LOOK;
    if (tail->changed && reader->now_ns - tail->looked_ns >= EF_SECOND_NS)
        return EF_BADTAIL_LOOK;
    return reader->size > tail->searched ? EF_BADTAIL_SEARCH : EF_BADTAIL_REST;
}

int ef_badtail_search(ef_reader *reader, uint64_t *ret_found)
{
    struct ef_badtail *tail = &reader->tail;
    uint64_t from = reader->offset + 1;

    /* a header may have begun in bytes that were searched before */
    if (tail->searched > from + EF_HEADER_BYTES)
        from = tail->searched - (EF_HEADER_BYTES - 1);
    int r = ef_salvage_search(reader->salvage, from, reader->size, ret_found);
    if (r < 0)
        return r;
    if (*ret_found < reader->size)
        return 1;
    tail->searched = reader->size;
    return ef_badtail_grow(reader, tail->reason);
}

int ef_badtail_remember(const ef_reader *reader, struct ef_ranges *past)
{
    const struct ef_badtail *tail = &reader->tail;
    int r = 0;

    for (size_t i = 0; i < tail->count && r == 0; i++) {
        uint64_t begin = i > 0 ? tail->parts[i - 1].end : reader->offset;
        struct ef_range range = {.offset = begin,
                                 .length = tail->parts[i].end - begin,
                                 .first_ns = tail->parts[i].first_ns,
                                 .reason = tail->reason};
        r = ef_ranges_add(past, &range);
    }
    return r;
}

int64_t ef_badtail_due_ns(const ef_reader *reader)
{
    const struct ef_badtail *tail = &reader->tail;

    if (tail->count == 0)
        return INT64_MAX;
    int64_t due = ef_range_due_ns(tail->parts[0].first_ns, tail->looks);
    if (tail->changed && tail->looked_ns + EF_SECOND_NS < due)
        due = tail->looked_ns + EF_SECOND_NS;
    return due;
}
