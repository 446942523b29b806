/* The parser without I/O: any cut of the input gives the same records and the same end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/crc32c.h>
#include <eventfile/error.h>
#include <eventfile/record.h>

#include "ef_builder.h"

#define START 1000 /* file offset of the first byte */

/* What came out: enough to tell two runs apart. */
struct outcome {
    size_t records;
    uint32_t crc; /* over offsets, sizes and payloads */
    uint64_t offset;
    int result;
};

static void take_all(ef_parser *parser, struct outcome *o)
{
    struct ef_record record;

    while ((o->result = ef_parser_next(parser, &record)) > 0) {
        o->records++;
        o->crc = ef_crc32c_extend(o->crc, &record.offset, sizeof record.offset);
        o->crc = ef_crc32c_extend(o->crc, &record.size, sizeof record.size);
        o->crc = ef_crc32c_extend(o->crc, record.data, (size_t)record.size);
    }
    o->offset = ef_parser_offset(parser);
}

/* A piece in memory of its own and just its size, so that a read behind it is noticed. */
static void feed_piece(ef_parser *parser, const uint8_t *data, size_t size, struct outcome *o)
{
    uint8_t *piece = malloc(size ? size : 1);

    assert_non_null(piece);
    memcpy(piece, data, size);
    int r = ef_parser_feed(parser, piece, size);
    assert_int_equal(r, o->result < 0 ? o->result : 0);
    take_all(parser, o);
    free(piece);
}

static struct outcome parse(const struct ef_builder *b, size_t piece, unsigned seed)
{
    ef_parser *parser = ef_parser_new(START);
    struct outcome o = {0};

    assert_non_null(parser);
    for (size_t at = 0; at < b->size;) {
        size_t size = piece;
        if (seed > 0) {
            seed = seed * 1664525 + 1013904223;
            size = (seed >> 16) % (piece + 1);
        }
        if (size > b->size - at)
            size = b->size - at;
        feed_piece(parser, b->data + at, size, &o);
        at += size;
    }
    assert_null(ef_parser_free(parser));
    return o;
}

static void assert_same(struct outcome a, struct outcome b)
{
    assert_int_equal(a.records, b.records);
    assert_int_equal(a.crc, b.crc);
    assert_int_equal(a.offset, b.offset);
    assert_int_equal(a.result, b.result);
}

static struct outcome assert_any_cut_is_the_same(const struct ef_builder *b)
{
    struct outcome whole = parse(b, b->size, 0);

    for (size_t piece = 1; piece < 200; piece++)
        assert_same(parse(b, piece, 0), whole);
    for (unsigned seed = 1; seed < 200; seed++)
        assert_same(parse(b, seed * 3, seed), whole);
    return whole;
}

static void build(struct ef_builder *b)
{
    *b = (struct ef_builder){0};
    ef_builder_version(b);
    ef_builder_scalars(b, 1, 20);
    ef_builder_record(b, "", 0);
    ef_builder_blob(b, 5000, 1);
    ef_builder_scalars(b, 21, 5);
}

static void test_any_cut_gives_the_same_records(void **state)
{
    struct ef_builder b;

    build(&b);
    struct outcome o = assert_any_cut_is_the_same(&b);
    assert_int_equal(o.records, b.records);
    assert_int_equal(o.offset, START + b.size);
    assert_int_equal(o.result, 0);
    ef_builder_done(&b);
}

static void test_any_cut_stops_at_the_same_damage(void **state)
{
    struct ef_builder b;

    build(&b);
    ef_builder_damage_payload(&b, 22);
    struct outcome o = assert_any_cut_is_the_same(&b);
    assert_int_equal(o.records, 22);
    assert_int_equal(o.result, EF_ERR_PAYLOAD);
    assert_int_equal(o.offset, START + b.offsets[22]);
    ef_builder_damage_length(&b, 4);
    o = assert_any_cut_is_the_same(&b);
    assert_int_equal(o.records, 4);
    assert_int_equal(o.result, EF_ERR_HEADER);
    ef_builder_done(&b);
}

static void test_cut_in_two_at_each_byte(void **state)
{
    struct ef_builder b;

    build(&b);
    struct outcome whole = parse(&b, b.size, 0);
    for (size_t cut = 0; cut <= b.size; cut++) {
        ef_parser *parser = ef_parser_new(START);
        struct outcome o = {0};
        feed_piece(parser, b.data, cut, &o);
        feed_piece(parser, b.data + cut, b.size - cut, &o);
        assert_same(o, whole);
        ef_parser_free(parser);
    }
    ef_builder_done(&b);
}

static void test_piece_is_borrowed_until_asked_for_more(void **state)
{
    struct ef_builder b = {0};
    struct ef_record record;

    ef_builder_scalars(&b, 0, 2);
    ef_parser *parser = ef_parser_new(0);
    assert_int_equal(ef_parser_next(parser, &record), 0);
    assert_int_equal(ef_parser_feed(parser, b.data, b.size), 0);
    assert_int_equal(ef_parser_feed(parser, b.data, b.size), EF_ERR_INVALID);
    assert_int_equal(ef_parser_next(parser, &record), 1);
    assert_ptr_equal(record.data, b.data + EF_HEADER_BYTES); /* not copied */
    assert_int_equal(ef_parser_next(parser, &record), 1);
    assert_int_equal(ef_parser_next(parser, &record), 0);
    assert_int_equal(ef_parser_feed(parser, NULL, 0), 0);
    assert_int_equal(ef_parser_feed(parser, NULL, 1), EF_ERR_INVALID);
    ef_parser_free(parser);
    ef_builder_done(&b);
}

static void test_damage_stays(void **state)
{
    struct ef_builder b = {0};
    struct ef_record record;

    ef_builder_zeros(&b, 40);
    ef_parser *parser = ef_parser_new(0);
    assert_int_equal(ef_parser_feed(parser, b.data, b.size), 0);
    assert_int_equal(ef_parser_next(parser, &record), EF_ERR_ZEROS);
    assert_int_equal(ef_parser_next(parser, &record), EF_ERR_ZEROS);
    assert_int_equal(ef_parser_feed(parser, b.data, b.size), EF_ERR_ZEROS);
    assert_int_equal(ef_parser_offset(parser), 0);
    ef_parser_free(parser);
    assert_null(ef_parser_free(NULL));
    ef_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_gives_the_same_records),
        cmocka_unit_test(test_any_cut_stops_at_the_same_damage),
        cmocka_unit_test(test_cut_in_two_at_each_byte),
        cmocka_unit_test(test_piece_is_borrowed_until_asked_for_more),
        cmocka_unit_test(test_damage_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
