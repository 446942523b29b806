/* ef_survey.c: the invariants of reading a damaged file. */
#include "ef_survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/limits.h>
#include <eventfile/reader.h>

#define SECOND INT64_C(1000000000)

enum { UNSEEN, IN_RECORD, IN_GAP };

struct survey_run {
    const struct ef_builder *sound, *damaged;
    struct ef_survey survey;
    uint8_t *seen; /* what each byte of the damaged file is in */
    const char *what;
    size_t where;
    size_t next; /* record of the sound file that is looked at first */
};

#define survey_check(run, condition, offset)                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s %zu: at offset %llu: not %s", (run)->what, (run)->where,                  \
                     (unsigned long long)(offset), #condition);                                    \
    } while (0)

void ef_survey_copy(const struct ef_builder *from, struct ef_builder *to)
{
    *to = (struct ef_builder){0};
    ef_builder_raw(to, from->data, from->size);
    to->offsets = malloc((from->records + 1) * sizeof *to->offsets);
    assert_non_null(to->offsets);
    memcpy(to->offsets, from->offsets, from->records * sizeof *to->offsets);
    to->records = to->offsets_capacity = from->records;
}

static void survey_record(struct survey_run *run, uint64_t offset, const uint8_t *data, size_t size)
{
    const struct ef_builder *sound = run->sound;

    if (run->next > 0 && sound->offsets[run->next - 1] >= offset)
        run->next = 0; /* late bytes: back to the beginning */
    while (run->next < sound->records && sound->offsets[run->next] < offset)
        run->next++;
    survey_check(run, run->next < sound->records, offset);
    survey_check(run, sound->offsets[run->next] == offset, offset);
    survey_check(run, memcmp(sound->data + offset, data, size) == 0, offset);
    for (size_t i = 0; i < size; i++) {
        survey_check(run, run->seen[offset + i] == UNSEEN, offset + i);
        run->seen[offset + i] = IN_RECORD;
    }
    run->survey.records++;
    run->next++;
}

static void survey_records(struct survey_run *run, const struct ef_item *item)
{
    size_t at = 0;

    for (size_t i = 0; i < item->records; i++) {
        uint64_t size = 0;
        survey_check(run, ef_record_check(item->data + at, item->size - at, &size) == 1,
                     item->offset + at);
        survey_record(run, item->offset + at, item->data + at, (size_t)size + EF_RECORD_OVERHEAD);
        at += (size_t)size + EF_RECORD_OVERHEAD;
    }
    survey_check(run, at == item->size, item->offset + at);
}

static void survey_gap(struct survey_run *run, const struct ef_gap *gap)
{
    if (gap->reason == EF_REASON_REPAIRED_HEADER) {
        survey_check(run, gap->length == EF_HEADER_BYTES, gap->offset);
        run->survey.mended++;
        return;
    }
    survey_check(run, gap->length > 0, gap->offset);
    survey_check(run, gap->offset + gap->length <= run->damaged->size, gap->offset);
    for (uint64_t i = gap->offset; i < gap->offset + gap->length; i++) {
        survey_check(run, run->seen[i] == UNSEEN, i);
        run->seen[i] = IN_GAP;
    }
    run->survey.gaps++;
    run->survey.gap_bytes += gap->length;
}

static void survey_read(struct survey_run *run, ef_reader *reader, int64_t changed, int64_t now)
{
    struct ef_item item;
    int r;

    ef_reader_tell(reader, run->damaged->size, changed, now);
    while ((r = ef_reader_next(reader, &item)) > 0) {
        if (item.kind == EF_ITEM_RECORDS)
            survey_records(run, &item);
        else if (item.kind == EF_ITEM_GAP)
            survey_gap(run, &item.gap);
    }
    /* a short file may have lost its only record: that is no event file */
    survey_check(run, r == 0 || (r == EF_ERR_NOT_EVENT_FILE && run->survey.records == 0), 0);
    if (r < 0)
        memset(run->seen, IN_GAP, run->damaged->size);
}

static void survey_follow(struct survey_run *run, ef_reader *reader, enum ef_survey_mode mode)
{
    switch (mode) {
    case EF_SURVEY_LIVE:
        for (int64_t second = 0; second < 40; second += second < 6 ? 1 : 6)
            survey_read(run, reader, 0, second * SECOND);
        break;
    case EF_SURVEY_OLD:
        survey_read(run, reader, 0, 1000 * SECOND);
        break;
    default:
        break;
    }
    ef_reader_finish(reader);
    survey_read(run, reader, 0, 1001 * SECOND);
}

struct ef_survey ef_survey(const struct ef_builder *sound, const struct ef_builder *damaged,
                           enum ef_survey_mode mode, const char *what, size_t where)
{
    struct survey_run run = {.sound = sound, .damaged = damaged, .what = what, .where = where};
    ef_reader *reader;
    int fd = ef_builder_fd(damaged);

    run.seen = calloc(1, damaged->size + 1);
    assert_non_null(run.seen);
    assert_int_equal(ef_reader_new(&reader), 0);
    ef_reader_attach(reader, fd);
    survey_follow(&run, reader, mode);
    for (size_t i = 0; i < damaged->size; i++)
        survey_check(&run, run.seen[i] != UNSEEN, i);
    run.survey.lost = sound->records - run.survey.records;
    ef_reader_free(reader);
    free(run.seen);
    close(fd);
    return run.survey;
}
