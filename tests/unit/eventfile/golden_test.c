/* golden_test.c: files of real writers decode as TensorBoard's own Python code reads them.
 *
 * tests/golden/WRITER/CASE.tfevents with CASE.tsv beside it; the lines of the latter are described
 * in tests/golden/make/expect.py. Both decoders are used, and must agree. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <eventfile/event.h>
#include <eventfile/reader.h>
#include <eventfile/record.h>

#include "event_check.h"

#define FIELDS_MAX 12
#define LINE_MAX_BYTES 65536
#define SERIES_MAX 256

/* One golden file and its expectation, both in memory. */
struct golden {
    const char *path;
    uint8_t *data;
    size_t size;
    FILE *lines;
    int line_number;
    char line[LINE_MAX_BYTES];
    char *fields[FIELDS_MAX];
    int n_fields;
};

static uint8_t *read_whole(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0;

    assert_non_null(f);
    do {
        data = realloc(data, size + 65536);
        assert_non_null(data);
        size += *ret_size = fread(data + size, 1, 65536, f);
    } while (*ret_size > 0);
    fclose(f);
    *ret_size = size;
    return data;
}

/* The next line, split at tabs; false at the end. */
static bool next_line(struct golden *g)
{
    if (!fgets(g->line, sizeof g->line, g->lines))
        return false;
    g->line_number++;
    g->line[strcspn(g->line, "\n")] = '\0';
    g->n_fields = 0;
    for (char *p = g->line; p && g->n_fields < FIELDS_MAX;) {
        g->fields[g->n_fields++] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    return true;
}

static void fail_at(const struct golden *g, const char *what, const char *got)
{
    fail_msg("%s, line %d: %s: got %s", g->path, g->line_number, what, got);
}

static void expect_text(const struct golden *g, int field, const char *got)
{
    if (strcmp(g->fields[field], got) != 0)
        fail_at(g, g->fields[field], got);
}

static void expect_number(const struct golden *g, int field, long long got)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", got);
    expect_text(g, field, text);
}

/* Percent-encoding as expect.py does it. `text` has room for LINE_MAX_BYTES. */
static const char *quote(struct ef_slice slice, char *text)
{
    char *p = text;

    assert_true(slice.size < LINE_MAX_BYTES / 4);
    for (size_t i = 0; i < slice.size; i++) {
        unsigned char c = slice.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c != '\0' && strchr("/_ ()*,:.-~", c));
        p += plain ? sprintf(p, "%c", c) : sprintf(p, "%%%02X", c);
    }
    *p = '\0';
    return slice.size ? text : "''";
}

static void expect_quoted(const struct golden *g, int field, struct ef_slice got)
{
    char text[LINE_MAX_BYTES];

    expect_text(g, field, quote(got, text));
}

static void expect_bytes(const struct golden *g, int field, struct ef_slice got)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    char text[64];

    for (size_t i = 0; i < got.size; i++)
        h = (h ^ got.data[i]) * UINT64_C(0x100000001b3);
    snprintf(text, sizeof text, "%zu:%016llx", got.size, (unsigned long long)h);
    expect_text(g, field, text);
}

static void expect_scalar(const struct golden *g, int field, const struct ef_value *value)
{
    double got = ef_number_double((enum ef_number)value->number, value->bits);
    double expected = strtod(g->fields[field], NULL);

    if (isnan(expected) ? !isnan(got) : memcmp(&got, &expected, sizeof got) != 0)
        fail_at(g, g->fields[field], "another number");
}

static const char *kind_name(uint8_t kind)
{
    static const char *const names[] = {"none",  "scalar", "tensor",  "histogram",
                                        "image", "audio",  "obsolete"};

    assert_true(kind < sizeof names / sizeof names[0]);
    return names[kind];
}

/* value tag kind dtype number payload plugin content display_name description data_class */
static void check_value(struct golden *g, const struct ef_value *value)
{
    assert_true(next_line(g));
    assert_int_equal(g->n_fields, 11);
    expect_text(g, 0, "value");
    expect_quoted(g, 1, value->tag);
    expect_text(g, 2, kind_name(value->kind));
    expect_number(g, 3, value->dtype);
    if (value->kind == EF_VALUE_SCALAR)
        expect_scalar(g, 4, value);
    else if (strncmp(g->path, TEST_DATA "/odd/", strlen(TEST_DATA "/odd/")) != 0)
        expect_bytes(g, 5, value->payload); /* odd payloads are equal, but not byte for byte */
    if (!value->has_metadata) {
        expect_text(g, 10, "-");
        return;
    }
    expect_quoted(g, 6, value->metadata.plugin);
    expect_bytes(g, 7, value->metadata.content);
    expect_quoted(g, 8, value->metadata.display_name);
    expect_quoted(g, 9, value->metadata.description);
    expect_number(g, 10, value->metadata.data_class);
}

/* event wall_time step member status text bytes */
static void check_event(struct golden *g, const struct ef_event *event)
{
    static const char *const members[] = {
        "-",       "",           "",            "file_version",        "graph_def",
        "summary", "log_message", "session_log", "tagged_run_metadata", "meta_graph_def"};
    uint64_t bits;
    char wall[32];

    assert_true(next_line(g));
    assert_int_equal(g->n_fields, 7);
    expect_text(g, 0, "event");
    memcpy(&bits, &event->wall_time, sizeof bits);
    snprintf(wall, sizeof wall, "%016llx", (unsigned long long)bits);
    expect_text(g, 1, wall);
    expect_number(g, 2, event->step);
    expect_text(g, 3, members[event->what]);
    expect_number(g, 4, event->session_status);
    expect_quoted(g, 5, event->text);
    expect_bytes(g, 6, event->bytes);
    for (size_t i = 0; i < event->n_values; i++)
        check_value(g, &event->values[i]);
}

/* What the first value of each tag says of its series. */
struct series {
    struct ef_slice tag;
    struct ef_series series;
};

static size_t note_series(struct series *all, size_t n, const struct ef_event *event)
{
    for (size_t i = 0; i < event->n_values; i++) {
        const struct ef_value *value = &event->values[i];
        struct ef_slice tag = value->tag;
        size_t k = 0;

        while (k < n && (all[k].tag.size != tag.size ||
                         (tag.size > 0 && memcmp(all[k].tag.data, tag.data, tag.size) != 0)))
            k++;
        if (k == n && n < SERIES_MAX) {
            all[n].tag = tag;
            ef_value_series(value, &all[n++].series);
        }
    }
    return n;
}

/* series tag plugin data_class: each line names a series that was noted. */
static void check_series(struct golden *g, const struct series *all, size_t n)
{
    char text[LINE_MAX_BYTES];

    for (size_t i = 0; i < n; i++) {
        if (strcmp(quote(all[i].tag, text), g->fields[1]) != 0)
            continue;
        expect_quoted(g, 2, all[i].series.plugin);
        expect_number(g, 3, all[i].series.data_class);
        return;
    }
    fail_at(g, g->fields[1], "no such series");
}

static void check_file(const char *path, struct event_check *check)
{
    struct golden *g = calloc(1, sizeof *g);
    struct series all[SERIES_MAX];
    size_t n = 0, records = 0;
    char lines[4096];

    assert_non_null(g);
    g->path = path;
    g->data = read_whole(path, &g->size);
    snprintf(lines, sizeof lines, "%.*s.tsv", (int)(strlen(path) - strlen(".tfevents")), path);
    g->lines = fopen(lines, "r");
    assert_non_null(g->lines);
    for (size_t at = 0; at < g->size; records++) {
        struct ef_event event;
        uint64_t size;
        assert_int_equal(ef_record_check(g->data + at, g->size - at, &size), 1);
        assert_int_equal(event_check(check, g->data + at + EF_HEADER_BYTES, size, &event), 0);
        check_event(g, &event);
        n = note_series(all, n, &event);
        at += size + EF_RECORD_OVERHEAD;
    }
    assert_true(records > 0);
    while (next_line(g)) {
        expect_text(g, 0, "series");
        check_series(g, all, n);
    }
    fclose(g->lines);
    free(g->data);
    free(g);
}

static void files_of_real_writers_decode_as_tensorboard_reads_them(void **state)
{
    struct event_check *check = event_check_new();
    int files = 0;
    glob_t found;

    assert_int_equal(glob(TEST_DATA "/*/*.tfevents", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strstr(found.gl_pathv[i], "/rejected/"))
            continue;
        check_file(found.gl_pathv[i], check);
        files++;
    }
    assert_true(files >= 40);
    globfree(&found);
    event_check_free(check);
}

static void real_writers_need_no_fallback(void **state)
{
    ef_decoder *decoder = ef_decoder_new();
    glob_t found;

    assert_int_equal(glob(TEST_DATA "/*/*.tfevents", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t size;
        if (strstr(found.gl_pathv[i], "/rejected/") || strstr(found.gl_pathv[i], "/odd/"))
            continue;
        uint8_t *data = read_whole(found.gl_pathv[i], &size);
        for (size_t at = 0; at < size;) {
            struct ef_event event;
            uint64_t payload;
            assert_int_equal(ef_record_check(data + at, size - at, &payload), 1);
            assert_int_equal(
                ef_event_decode(decoder, data + at + EF_HEADER_BYTES, payload, &event), 0);
            at += payload + EF_RECORD_OVERHEAD;
        }
        free(data);
    }
    assert_int_equal(ef_decoder_fallbacks(decoder), 0);
    globfree(&found);
    ef_decoder_free(decoder);
}

/* What a finished reader says of a file: its result behind the items, and their kinds. */
static int read_file(const char *path, unsigned *ret_records, unsigned *ret_gaps)
{
    ef_reader *reader;
    struct ef_item item;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r;

    assert_true(fd >= 0);
    *ret_records = *ret_gaps = 0;
    assert_int_equal(ef_reader_new(&reader), 0);
    ef_reader_attach(reader, fd);
    ef_reader_finish(reader);
    ef_reader_tell(reader, (uint64_t)lseek(fd, 0, SEEK_END), 0, 0);
    while ((r = ef_reader_next(reader, &item)) > 0) {
        *ret_records += item.kind == EF_ITEM_RECORDS ? (unsigned)item.records : 0;
        *ret_gaps += item.kind == EF_ITEM_GAP;
    }
    ef_reader_free(reader);
    close(fd);
    return r;
}

static void files_that_are_none_are_rejected(void **state)
{
    static const struct {
        const char *name;
        int result;
    } files[] = {
        {"gzip", EF_ERR_COMPRESSED},     {"bzip2", EF_ERR_COMPRESSED},
        {"xz", EF_ERR_COMPRESSED},       {"zlib", EF_ERR_COMPRESSED},
        {"zstd", EF_ERR_COMPRESSED},     {"text", EF_ERR_NOT_EVENT_FILE},
        {"json", EF_ERR_NOT_EVENT_FILE}, {"png", EF_ERR_NOT_EVENT_FILE},
        {"absurd-length", EF_ERR_NOT_EVENT_FILE},
    };
    unsigned records, gaps;
    char path[4096];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, TEST_DATA "/rejected/%s.tfevents", files[i].name);
        assert_int_equal(read_file(path, &records, &gaps), files[i].result);
        assert_int_equal(records, 0);
    }
    /* zeros may be a hole in an event file: a gap, and no more */
    assert_int_equal(read_file(TEST_DATA "/rejected/zeros.tfevents", &records, &gaps), 0);
    assert_int_equal(gaps, 1);
}

static void sound_records_without_an_event_are_told_by_the_decoder(void **state)
{
    size_t size;
    uint8_t *data = read_whole(TEST_DATA "/rejected/no-event.tfevents", &size);
    struct event_check *check = event_check_new();
    uint64_t payload;

    for (size_t at = 0; at < size; at += payload + EF_RECORD_OVERHEAD) {
        assert_int_equal(ef_record_check(data + at, size - at, &payload), 1);
        assert_int_equal(event_check(check, data + at + EF_HEADER_BYTES, payload, NULL),
                         EF_ERR_NOT_EVENT);
    }
    event_check_free(check);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_real_writers_decode_as_tensorboard_reads_them),
        cmocka_unit_test(real_writers_need_no_fallback),
        cmocka_unit_test(files_that_are_none_are_rejected),
        cmocka_unit_test(sound_records_without_an_event_are_told_by_the_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
