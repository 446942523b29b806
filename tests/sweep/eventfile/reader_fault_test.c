/* The n-th allocation, read or write fails, for every n: the error is told, nothing is lost when
 * the call is made again, nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/error.h>
#include <eventfile/reader.h>
#include <eventfile/record.h>
#include <eventfile/writer.h>

#include "ef_builder.h"
#include "ef_fault_wrap.h"

#define SECOND INT64_C(1000000000)

struct totals {
    size_t records, gaps, lates, errors;
    uint64_t gap_bytes;
};

static void build(struct ef_builder *b)
{
    ef_builder_version(b);
    ef_builder_scalars(b, 1, 30);
    ef_builder_blob(b, 2500000, 3);
    ef_builder_scalars(b, 31, 10);
    ef_builder_damage_payload(b, 4);
    ef_builder_damage_payload(b, 5);
    ef_builder_damage_length(b, 9);
    ef_builder_damage_header(b, 14);
    ef_builder_damage_header(b, 20);
    ef_builder_damage_length(b, 31);
    ef_builder_cut(b, b->size - 7);
}

/* Takes all there is; a failed call is made again. */
static void drain(ef_reader *reader, struct totals *t)
{
    struct ef_item item;
    int r;

    do {
        r = ef_reader_next(reader, &item);
        if (r < 0) {
            assert_true(r == EF_ERR_NOMEM || r == EF_ERR_IO);
            assert_true(++t->errors < 5);
        } else if (r > 0 && item.kind == EF_ITEM_RECORDS) {
            t->records += item.records;
        } else if (r > 0 && item.kind == EF_ITEM_GAP) {
            t->gaps++;
            t->gap_bytes += item.gap.length;
        } else if (r > 0) {
            t->lates++;
        }
    } while (r != 0);
}

static struct totals follow(int fd, uint64_t size)
{
    struct totals t = {0};
    ef_reader *reader = NULL;

    while (ef_reader_new(&reader) < 0)
        assert_true(++t.errors < 5);
    ef_reader_attach(reader, fd);
    for (int64_t second = 0; second < 40; second += 5) {
        ef_reader_tell(reader, size, 0, second * SECOND);
        drain(reader, &t);
    }
    ef_reader_finish(reader);
    drain(reader, &t);
    ef_reader_free(reader);
    return t;
}

static void test_reader(void **state)
{
    struct ef_builder b = {0};

    build(&b);
    int fd = ef_builder_fd(&b);
    struct totals wanted = follow(fd, b.size);
    assert_int_equal(wanted.errors, 0);
    assert_int_equal(wanted.records, b.records - 5);
    assert_int_equal(wanted.lates, 2);
    long n = 1;
    for (; ef_fault_next(n); n++) {
        struct totals t = follow(fd, b.size);
        assert_int_equal(t.records, wanted.records);
        assert_int_equal(t.gaps, wanted.gaps);
        assert_int_equal(t.gap_bytes, wanted.gap_bytes);
        assert_int_equal(t.lates, wanted.lates);
        assert_true(t.errors <= 1);
    }
    assert_true(n > 50); /* calls that did fail */
    ef_fault_off();
    close(fd);
    ef_builder_done(&b);
}

static void test_parser(void **state)
{
    struct ef_builder b = {0};

    ef_builder_scalars(&b, 0, 4);
    ef_builder_blob(&b, 100000, 1);
    ef_builder_scalars(&b, 4, 4);
    for (long n = 1; ef_fault_next(n); n++) {
        struct ef_record record;
        ef_parser *parser = ef_parser_new(0);
        size_t records = 0;
        if (!parser)
            continue;
        for (size_t at = 0; at < b.size; at += 1000) {
            size_t size = b.size - at < 1000 ? b.size - at : 1000;
            assert_int_equal(ef_parser_feed(parser, b.data + at, size), 0);
            int r;
            while ((r = ef_parser_next(parser, &record)) != 0) {
                assert_true(r == 1 || r == EF_ERR_NOMEM);
                records += r == 1;
            }
        }
        assert_int_equal(records, b.records);
        ef_parser_free(parser);
    }
    ef_fault_off();
    ef_builder_done(&b);
}

static void test_writer(void **state)
{
    static uint8_t payload[70000];

    for (long n = 1; ef_fault_next(n); n++) {
        ef_writer *writer = NULL;
        int fd = memfd_create("fault", MFD_CLOEXEC);
        int r = ef_writer_new(fd, &writer);
        if (r < 0) {
            assert_int_equal(r, EF_ERR_NOMEM);
            close(fd);
            continue;
        }
        for (int i = 0; i < 3 && r == 0; i++)
            r = ef_writer_record(writer, payload, sizeof payload);
        if (r == 0)
            r = ef_writer_flush(writer);
        assert_true(r == 0 || r == EF_ERR_IO);
        assert_int_equal(ef_writer_close(writer), r); /* the first error is told once more */
        close(fd);
    }
    ef_fault_off();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_parser),
        cmocka_unit_test(test_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
