/* The check of one record, and the walk over many, which must say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/error.h>
#include <eventfile/record.h>

#include "ef_builder.h"
#include "eventfile/crc32c_cpu.h"
#include "eventfile/scan.h"

static int setup(void **state)
{
    static struct ef_builder b;

    memset(&b, 0, sizeof b);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    ef_builder_done(*state);
    return 0;
}

/* Both implementations of the walk, one after the other, must agree with the single check. */
static struct ef_scan scan(const uint8_t *data, size_t size)
{
    struct ef_scan by_table, by_cpu;
    uint64_t payload = 0;

    ef_scan_records_by(false, data, size, &by_table);
    ef_scan_records_by(ef_crc32c_has_cpu(), data, size, &by_cpu);
    assert_int_equal(by_table.size, by_cpu.size);
    assert_int_equal(by_table.records, by_cpu.records);
    assert_int_equal(by_table.status, by_cpu.status);
    assert_int_equal(by_table.has_payload, by_cpu.has_payload);
    assert_int_equal(by_table.payload, by_cpu.payload);
    assert_int_equal(ef_record_check(data + by_table.size, size - by_table.size, &payload),
                     by_table.status);
    if (by_table.has_payload)
        assert_int_equal(by_table.payload, payload);
    return by_table;
}

static void test_sound_record(void **state)
{
    struct ef_builder *b = *state;
    uint64_t size = 0;

    ef_builder_record(b, "abc", 3);
    assert_int_equal(ef_record_check(b->data, b->size, &size), 1);
    assert_int_equal(size, 3);
    assert_int_equal(scan(b->data, b->size).records, 1);
}

static void test_empty_payload_is_a_record(void **state)
{
    struct ef_builder *b = *state;
    uint64_t size = 7;

    ef_builder_record(b, "", 0);
    assert_int_equal(ef_record_check(b->data, b->size, &size), 1);
    assert_int_equal(size, 0);
}

static void test_every_payload_size(void **state)
{
    struct ef_builder *b = *state;
    uint8_t payload[1200];

    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + 1);
    for (size_t size = 0; size < sizeof payload; size += size < 100 ? 1 : 53)
        ef_builder_record(b, payload, size);
    struct ef_scan whole = scan(b->data, b->size);
    assert_int_equal(whole.records, b->records);
    assert_int_equal(whole.size, b->size);
    assert_int_equal(whole.status, 0);
}

static void test_cut_record_is_not_there_yet(void **state)
{
    struct ef_builder *b = *state;

    ef_builder_scalar(b, 7, "loss", 1);
    for (size_t size = 0; size < b->size; size++) {
        uint64_t payload = 999;
        assert_int_equal(ef_record_check(b->data, size, &payload), 0);
        assert_int_equal(payload, size < EF_HEADER_BYTES ? 999 : b->size - EF_RECORD_OVERHEAD);
        assert_int_equal(scan(b->data, size).records, 0);
    }
}

static void test_any_flipped_bit_is_found(void **state)
{
    struct ef_builder *b = *state;

    ef_builder_scalar(b, 7, "loss", 1);
    for (size_t bit = 0; bit < b->size * 8; bit++) {
        uint64_t size;
        ef_builder_flip(b, bit);
        int wanted = bit / 8 < EF_HEADER_BYTES ? EF_ERR_HEADER : EF_ERR_PAYLOAD;
        assert_int_equal(ef_record_check(b->data, b->size, &size), wanted);
        assert_int_equal(scan(b->data, b->size).status, wanted);
        ef_builder_flip(b, bit);
    }
}

static void test_zeros_have_their_own_code(void **state)
{
    static const uint8_t zeros[64];
    uint64_t size;

    assert_int_equal(ef_record_check(zeros, sizeof zeros, &size), EF_ERR_ZEROS);
    assert_int_equal(ef_record_check(zeros, 11, &size), 0);
    assert_int_equal(scan(zeros, sizeof zeros).status, EF_ERR_ZEROS);
}

static void test_length_above_the_limit(void **state)
{
    uint8_t record[32] = {0};
    uint64_t size = 5;

    ef_header_write(record, EF_RECORD_MAX_BYTES + 1);
    assert_int_equal(ef_record_check(record, sizeof record, &size), EF_ERR_LENGTH);
    assert_int_equal(size, 5);
    assert_int_equal(scan(record, sizeof record).status, EF_ERR_LENGTH);
    ef_header_write(record, UINT64_MAX);
    assert_int_equal(ef_record_check(record, sizeof record, &size), EF_ERR_LENGTH);
    ef_header_write(record, EF_RECORD_MAX_BYTES);
    assert_int_equal(ef_record_check(record, sizeof record, &size), 0);
    assert_int_equal(size, EF_RECORD_MAX_BYTES);
}

static void test_walk_stops_at_damage(void **state)
{
    struct ef_builder *b = *state;

    ef_builder_scalars(b, 0, 10);
    ef_builder_damage_payload(b, 6);
    struct ef_scan s = scan(b->data, b->size);
    assert_int_equal(s.records, 6);
    assert_int_equal(s.size, b->offsets[6]);
    assert_int_equal(s.status, EF_ERR_PAYLOAD);
    assert_true(s.has_payload);
}

static void test_header_search(void **state)
{
    struct ef_builder *b = *state;

    ef_builder_raw(b, "some bytes in front", 19);
    ef_builder_zeros(b, 100);
    ef_builder_scalar(b, 7, "loss", 1);
    assert_int_equal(ef_scan_header(b->data, b->size), b->offsets[0]);
    assert_int_equal(ef_scan_header(b->data, b->offsets[0] + EF_HEADER_BYTES), b->offsets[0]);
    assert_int_equal(ef_scan_header(b->data, b->offsets[0] + EF_HEADER_BYTES - 1),
                     b->offsets[0] + EF_HEADER_BYTES - 1);
    assert_int_equal(ef_scan_header(b->data, 5), 5);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_sound_record),
        test(test_empty_payload_is_a_record),
        test(test_every_payload_size),
        test(test_cut_record_is_not_there_yet),
        test(test_any_flipped_bit_is_found),
        test(test_zeros_have_their_own_code),
        test(test_length_above_the_limit),
        test(test_walk_stops_at_damage),
        test(test_header_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
