/* eventfile/looks.c: bad ranges that the way forward has left behind are looked at again.
 *
 * A round walks the ranges that are due, in file order. A range that is sound now is visited: its
 * records are given out behind an EF_ITEM_LATE. A suspect range that has had its 30 s is visited
 * to judge it: gaps, mended headers, and whatever in it is sound after all. Before: reader.c put
 * the range aside. After: the caller's damage list, or its replay. */
#include "eventfile/reader_state.h"

static void item_of_bytes(struct ef_item *item, enum ef_item_kind kind, uint64_t offset,
                          uint64_t end, enum ef_reason reason)
{
    *item = (struct ef_item){
        .kind = kind,
        .offset = offset,
        .gap = {.offset = offset, .length = end - offset, .reason = reason},
    };
}

/* How far sound records reach from `at`, looking no further than the one that crosses `end`. */
static int looks_extent(ef_reader *reader, uint64_t at, uint64_t end, uint64_t *ret_extent)
{
    struct ef_scan scan;

    while (at < end && at < reader->size) {
        int r = ef_reader_scan(reader, at, end, &scan);
        if (r < 0)
            return r;
        if (scan.records == 0)
            break;
        at += scan.size;
    }
    *ret_extent = at;
    return 0;
}

/* --- a visit --- */

static int visit_records(ef_reader *reader, struct ef_item *item)
{
    struct ef_visit *visit = &reader->visit;
    struct ef_scan scan;

    if (visit->late) {
        visit->late = false;
        item_of_bytes(item, EF_ITEM_LATE, visit->at, visit->sound_end, visit->reason);
        return 1;
    }
    int r = ef_reader_scan(reader, visit->at, visit->sound_end, &scan);
    if (r < 0)
        return r;
    if (scan.records == 0) { /* changed while we looked: what is left is not ours to judge now */
        visit->active = false;
        return EF_STEP_ON;
    }
    ef_reader_records(reader, &scan, item);
    visit->at += scan.size;
    return 1;
}

/* A bad header whose length was found: its 12 bytes are listed, its record counts. */
static int visit_mend(ef_reader *reader, uint64_t repaired, struct ef_item *item)
{
    struct ef_visit *visit = &reader->visit;
    uint64_t end = visit->at + repaired + EF_RECORD_OVERHEAD;
    int r =
        ef_looks_judge(reader, visit->at, visit->at + EF_HEADER_BYTES, EF_REASON_REPAIRED_HEADER);

    if (r < 0)
        return r;
    ef_ranges_clear(&reader->ranges, visit->at + EF_HEADER_BYTES, end);
    reader->mended_at = visit->at;
    reader->mended = repaired;
    visit->sound_end = end;
    visit->late = true;
    visit->reason = EF_REASON_REPAIRED_HEADER;
    item_of_bytes(item, EF_ITEM_GAP, visit->at, visit->at + EF_HEADER_BYTES,
                  EF_REASON_REPAIRED_HEADER);
    return 1;
}

static int visit_judge(ef_reader *reader, struct ef_item *item)
{
    struct ef_visit *visit = &reader->visit;
    uint64_t extent = visit->at, repaired = 0;
    struct ef_gap gap;

    int r = looks_extent(reader, visit->at, visit->end, &extent);
    if (r < 0)
        return r;
    if (extent > visit->at) {
        ef_ranges_clear(&reader->ranges, visit->at, extent);
        visit->sound_end = extent;
        visit->late = true;
        return EF_STEP_ON;
    }
    if (visit->at >= reader->size) {
        visit->active = false;
        return EF_STEP_ON;
    }
    r = ef_reader_pass(reader, visit->at, &gap, &repaired);
    if (r < 0)
        return r;
    if (gap.reason == EF_REASON_REPAIRED_HEADER) {
        if (visit->end - visit->at >= repaired + EF_RECORD_OVERHEAD)
            return visit_mend(reader, repaired, item);
        gap.reason = EF_REASON_HEADER; /* its record would cover records already given out */
        gap.length = visit->end - visit->at;
    }
    if (gap.length > visit->end - visit->at)
        gap.length = visit->end - visit->at;
    r = ef_looks_judge(reader, gap.offset, gap.offset + gap.length, gap.reason);
    if (r < 0)
        return r;
    visit->at += gap.length;
    visit->sound_end = visit->at;
    *item = (struct ef_item){.kind = EF_ITEM_GAP, .offset = gap.offset, .gap = gap};
    return 1;
}

static int visit_step(ef_reader *reader, struct ef_item *item)
{
    struct ef_visit *visit = &reader->visit;

    if (visit->at < visit->sound_end)
        return visit_records(reader, item);
    if (visit->judge && visit->at < visit->end)
        return visit_judge(reader, item);
    visit->active = false;
    if (visit->at > reader->offset) { /* the last record went on behind the range */
        ef_badtail_drop(reader, visit->at);
        reader->offset = visit->at;
        reader->need = 0;
    }
    return EF_STEP_ON;
}

/* --- a round --- */

static bool range_is_due(const ef_reader *reader, const struct ef_range *range)
{
    if (range->offset == reader->mended_at)
        return false; /* its record is still to be given out */
    if (range->damaged)
        return reader->looks.round_damaged;
    return reader->looks.round_suspects ||
           reader->now_ns >= ef_range_due_ns(range->first_ns, range->looks);
}

/* The range is at the end of what was passed: no records were given out behind it, and the way
 * forward can simply go back to it. */
static int looks_go_back(ef_reader *reader, const struct ef_range *range, bool judge)
{
    uint64_t offset = range->offset, end = ef_range_end(range);

    int r = ef_badtail_remember(reader, &reader->past);
    if (r < 0)
        return r;
    if (judge && reader->judged_below < end)
        reader->judged_below = end;
    ef_ranges_clear(&reader->ranges, offset, end);
    ef_ranges_clear(&reader->past, 0, offset); /* never needed again */
    reader->tail.count = 0;
    reader->offset = offset;
    reader->need = 0;
    return EF_STEP_ON;
}

static int looks_at_range(ef_reader *reader, struct ef_range *range, struct ef_item *item)
{
    struct ef_range was = *range;
    uint64_t end = ef_range_end(range), extent = range->offset;
    bool judge =
        !range->damaged && (reader->finish || reader->now_ns - range->first_ns >= EF_JUDGE_NS);

    reader->window.size = 0; /* what it holds may be older than the change */
    int r = looks_extent(reader, range->offset, end, &extent);
    if (r < 0)
        return r;
    bool sound = extent > was.offset;
    range->looks = ef_range_looks(was.first_ns, reader->now_ns);
    if (!sound && !judge)
        return EF_STEP_ON;
    if (!was.damaged && end == reader->offset)
        return looks_go_back(reader, &was, judge);
    reader->visit = (struct ef_visit){.active = true,
                                      .judge = judge,
                                      .late = sound,
                                      .at = was.offset,
                                      .sound_end = extent,
                                      .end = end,
                                      .reason = was.damaged ? EF_REASON_REPAIRED : was.reason};
    if (was.reason == EF_REASON_REPAIRED_HEADER && was.damaged) {
        reader->visit.active = false; /* its record was given out already */
        ef_ranges_clear(&reader->ranges, was.offset, end);
        item_of_bytes(item, EF_ITEM_LATE, was.offset, end, EF_REASON_REPAIRED);
        return 1;
    }
    ef_ranges_clear(&reader->ranges, was.offset, extent);
    return EF_STEP_ON;
}

static bool looks_round_begins(ef_reader *reader)
{
    struct ef_looks *looks = &reader->looks;
    bool suspects = looks->suspects_changed && reader->ranges.suspects > 0 &&
                    reader->now_ns - looks->suspects_ns >= EF_SECOND_NS;
    bool damaged = looks->damaged_changed && reader->ranges.count > reader->ranges.suspects &&
                   reader->now_ns - looks->damaged_ns >= EF_DAMAGED_LOOK_NS;

    if (!suspects && !damaged && !looks->finish && reader->now_ns < looks->due_ns)
        return false;
    looks->round = true;
    looks->round_suspects = suspects || looks->finish;
    looks->round_damaged = damaged || looks->finish;
    looks->round_at = 0;
    looks->finish = false;
    if (looks->round_suspects) {
        looks->suspects_changed = false;
        looks->suspects_ns = reader->now_ns;
    }
    if (looks->round_damaged) {
        looks->damaged_changed = false;
        looks->damaged_ns = reader->now_ns;
    }
    return true;
}

void ef_looks_rest(ef_reader *reader)
{
    reader->looks.round = false;
    reader->looks.due_ns = INT64_MAX;
    for (size_t i = 0; i < reader->ranges.count && reader->ranges.suspects > 0; i++) {
        const struct ef_range *range = &reader->ranges.items[i];
        if (!range->damaged)
            ef_looks_added(reader, range->first_ns, range->looks);
    }
}

int ef_looks_next(ef_reader *reader, struct ef_item *ret_item)
{
    struct ef_looks *looks = &reader->looks;
    int r = EF_STEP_ON;

    while (r == EF_STEP_ON) {
        if (reader->visit.active) {
            r = visit_step(reader, ret_item);
            continue;
        }
        if (!looks->round && !looks_round_begins(reader))
            return 0;
        size_t i = ef_ranges_find(&reader->ranges, looks->round_at);
        while (i < reader->ranges.count && !range_is_due(reader, &reader->ranges.items[i]))
            i++;
        if (i == reader->ranges.count) {
            ef_looks_rest(reader);
            return 0;
        }
        struct ef_range *range = &reader->ranges.items[i];
        uint64_t end = ef_range_end(range);
        r = looks_at_range(reader, range, ret_item);
        if (r >= 0)
            looks->round_at = end;
    }
    return r;
}

void ef_looks_changed(ef_reader *reader)
{
    reader->looks.suspects_changed = true;
    reader->looks.damaged_changed = true;
}

void ef_looks_added(ef_reader *reader, int64_t first_ns, uint8_t looks)
{
    int64_t due = ef_range_due_ns(first_ns, looks);

    if (due < reader->looks.due_ns)
        reader->looks.due_ns = due;
}

int ef_looks_judge(ef_reader *reader, uint64_t offset, uint64_t end, enum ef_reason reason)
{
    struct ef_looks *looks = &reader->looks;

    if (reader->ranges.count == reader->ranges.suspects) {
        looks->damaged_changed = false; /* the first one: it was looked at just now */
        looks->damaged_ns = reader->now_ns;
    }
    return ef_ranges_judge(&reader->ranges, offset, end, reason);
}

int64_t ef_looks_due_ns(const ef_reader *reader)
{
    const struct ef_looks *looks = &reader->looks;
    int64_t due = looks->due_ns;

    if (looks->suspects_changed && reader->ranges.suspects > 0 &&
        looks->suspects_ns + EF_SECOND_NS < due)
        due = looks->suspects_ns + EF_SECOND_NS;
    if (looks->damaged_changed && reader->ranges.count > reader->ranges.suspects &&
        looks->damaged_ns + EF_DAMAGED_LOOK_NS < due)
        due = looks->damaged_ns + EF_DAMAGED_LOOK_NS;
    return due;
}
