/* Passing damage: the three rules, one after the other, and the reading limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/error.h>
#include <eventfile/salvage.h>

#include "ef_builder.h"
#include "eventfile/scan.h"
#include "eventfile/search.h"

struct fixture {
    struct ef_builder b;
    ef_salvage *salvage;
    uint64_t bytes_read;
    int fail_after;  /* reads; < 0: never */
    uint64_t sparse; /* the source ends here; zeros behind the builder's bytes */
};

static ssize_t read_at(void *ctx, void *data, size_t size, uint64_t offset)
{
    struct fixture *f = ctx;
    uint64_t end = f->sparse > f->b.size ? f->sparse : f->b.size;

    if (f->fail_after == 0)
        return EF_ERR_IO;
    if (f->fail_after > 0)
        f->fail_after--;
    if (offset >= end)
        return 0;
    if (size > end - offset)
        size = (size_t)(end - offset);
    memset(data, 0, size);
    if (offset < f->b.size)
        memcpy(data, f->b.data + offset,
               size < f->b.size - offset ? size : (size_t)(f->b.size - offset));
    f->bytes_read += size;
    return (ssize_t)size;
}

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fail_after = -1};
    f.salvage = ef_salvage_new(&(struct ef_source){.ctx = &f, .read_at = read_at});
    *state = &f;
    return f.salvage ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    ef_salvage_free(f->salvage);
    ef_builder_done(&f->b);
    return 0;
}

/* Passes at `offset`; the gap must be as said. Returns the result of the call. */
static int pass(struct fixture *f, uint64_t offset, uint64_t length, enum ef_reason reason)
{
    struct ef_gap gap = {0};
    uint64_t repaired = 0;
    uint64_t end = f->sparse > f->b.size ? f->sparse : f->b.size;

    int r = ef_salvage_pass(f->salvage, offset, end, &gap, &repaired);
    assert_true(r >= 0);
    assert_int_equal(gap.offset, offset);
    assert_int_equal(gap.reason, reason);
    assert_int_equal(gap.length, length);
    assert_false(gap.limited);
    if (reason == EF_REASON_REPAIRED_HEADER) {
        size_t i = 0;
        while (f->b.offsets[i] != offset)
            i++;
        size_t next = i + 1 < f->b.records ? f->b.offsets[i + 1] : f->b.size;
        assert_int_equal(repaired, next - offset - EF_RECORD_OVERHEAD);
    }
    return r;
}

static uint64_t span(const struct fixture *f, size_t from, size_t to)
{
    return (to < f->b.records ? f->b.offsets[to] : f->b.size) - f->b.offsets[from];
}

/* --- rule 1 --- */

static void test_bad_payload_loses_its_record_alone(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 5);
    ef_builder_damage_payload(&f->b, 2);
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3), EF_REASON_PAYLOAD), 1);
}

static void test_bad_payload_before_a_header_that_can_be_mended(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 5);
    ef_builder_damage_payload(&f->b, 2);
    ef_builder_damage_length(&f->b, 3);
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3), EF_REASON_PAYLOAD), 1);
    assert_int_equal(pass(f, f->b.offsets[3], 12, EF_REASON_REPAIRED_HEADER), 1);
}

static void test_bad_payload_at_the_end(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 3);
    ef_builder_damage_payload(&f->b, 2);
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3), EF_REASON_PAYLOAD), 0);
    ef_builder_raw(&f->b, "few bytes", 9);
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3) - 9, EF_REASON_PAYLOAD), 1);
}

/* A writer died inside a record, and another one went on behind its bytes. */
static void test_records_behind_a_record_cut_short(void **state)
{
    struct fixture *f = *state;
    struct ef_builder dead = {0};

    ef_builder_scalars(&f->b, 0, 2);
    uint64_t at = f->b.size;
    ef_builder_blob(&dead, 100, 7);
    ef_builder_raw(&f->b, dead.data, 60);
    ef_builder_scalars(&f->b, 2, 6);
    assert_int_equal(pass(f, at, 60, EF_REASON_PAYLOAD), 1);
    ef_builder_done(&dead);
}

static void test_records_behind_a_record_cut_short_that_promises_more_than_the_file(void **state)
{
    struct fixture *f = *state;
    struct ef_builder dead = {0};

    ef_builder_scalars(&f->b, 0, 2);
    uint64_t at = f->b.size;
    ef_builder_blob(&dead, 100000, 7);
    ef_builder_raw(&f->b, dead.data, 60);
    ef_builder_scalars(&f->b, 2, 6);
    assert_int_equal(pass(f, at, 60, EF_REASON_PAYLOAD), 1);
    ef_builder_done(&dead);
}

static void test_records_inside_a_skipped_payload_are_none(void **state)
{
    struct fixture *f = *state;
    struct ef_builder inner = {0};

    ef_builder_scalars(&inner, 100, 4);
    ef_builder_scalars(&f->b, 0, 2);
    ef_builder_record(&f->b, inner.data, inner.size);
    ef_builder_scalars(&f->b, 2, 2);
    f->b.data[f->b.offsets[3] - 1] ^= 1; /* the footer */
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3), EF_REASON_PAYLOAD), 1);
    ef_builder_done(&inner);
}

/* --- rule 2 --- */

static void test_any_flipped_bit_of_a_header_is_mended(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 5);
    for (size_t bit = 0; bit < EF_HEADER_BYTES * 8; bit++) {
        ef_builder_flip(&f->b, f->b.offsets[2] * 8 + bit);
        assert_int_equal(pass(f, f->b.offsets[2], 12, EF_REASON_REPAIRED_HEADER), 1);
        ef_builder_flip(&f->b, f->b.offsets[2] * 8 + bit);
    }
}

static void test_header_crc_may_be_damaged_in_any_way(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 5);
    ef_builder_zero(&f->b, f->b.offsets[2] + 8, 4);
    assert_int_equal(pass(f, f->b.offsets[2], 12, EF_REASON_REPAIRED_HEADER), 1);
}

static void test_last_record_can_be_mended(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 3);
    ef_builder_damage_length(&f->b, 2);
    assert_int_equal(pass(f, f->b.offsets[2], 12, EF_REASON_REPAIRED_HEADER), 1);
}

static void test_large_record_can_be_mended(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalar(&f->b, 0, "a", 1);
    ef_builder_blob(&f->b, 3000000, 3);
    ef_builder_scalars(&f->b, 1, 3);
    ef_builder_flip(&f->b, f->b.offsets[1] * 8 + 21);
    assert_int_equal(pass(f, f->b.offsets[1], 12, EF_REASON_REPAIRED_HEADER), 1);
}

static void test_header_that_cannot_be_mended(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 5);
    ef_builder_damage_header(&f->b, 2);
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3), EF_REASON_HEADER), 1);
}

static void test_bad_header_and_bad_payload(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 5);
    ef_builder_damage_length(&f->b, 2);
    f->b.data[f->b.offsets[2] + 20] ^= 4;
    assert_int_equal(pass(f, f->b.offsets[2], span(f, 2, 3), EF_REASON_HEADER), 1);
}

/* --- rule 3 --- */

static void test_zeros_are_passed(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 2);
    uint64_t at = f->b.size;
    ef_builder_zeros(&f->b, 3 * 4096);
    ef_builder_scalars(&f->b, 2, 2);
    assert_int_equal(pass(f, at, 3 * 4096, EF_REASON_ZEROS), 1);
}

static void test_far_records_are_found(void **state)
{
    struct fixture *f = *state;

    ef_builder_raw(&f->b, "noise", 5);
    ef_builder_zeros(&f->b, (5u << 20) + 3);
    ef_builder_blob(&f->b, 2000000, 9);
    assert_int_equal(pass(f, 0, f->b.offsets[0], EF_REASON_HEADER), 1);
}

static void test_sound_record_that_is_no_event_is_not_found(void **state)
{
    struct fixture *f = *state;

    ef_builder_zeros(&f->b, 20);
    ef_builder_record(&f->b, "no event at all", 15);
    ef_builder_scalar(&f->b, 1, "loss", 1);
    assert_int_equal(pass(f, 0, f->b.offsets[1], EF_REASON_ZEROS), 1);
}

static void test_nothing_sound_behind(void **state)
{
    struct fixture *f = *state;

    ef_builder_scalars(&f->b, 0, 2);
    uint64_t at = f->b.size;
    ef_builder_raw(&f->b, "this is not a record, nor is anything behind it", 47);
    assert_int_equal(pass(f, at, 47, EF_REASON_HEADER), 0);
}

static void test_gap_ends_before_a_sound_header_at_the_end(void **state)
{
    struct fixture *f = *state;

    ef_builder_zeros(&f->b, 50);
    ef_builder_scalar(&f->b, 1, "loss", 1);
    ef_builder_cut(&f->b, f->b.size - 3);
    assert_int_equal(pass(f, 0, 50, EF_REASON_ZEROS), 1);
}

static void test_fewer_bytes_than_a_header(void **state)
{
    struct fixture *f = *state;

    ef_builder_raw(&f->b, "few", 3);
    assert_int_equal(pass(f, 0, 3, EF_REASON_PARTIAL_TAIL), 0);
    ef_builder_done(&f->b);
    ef_builder_zeros(&f->b, 5);
    assert_int_equal(pass(f, 0, 5, EF_REASON_ZEROS), 0);
}

static void test_length_above_the_limit(void **state)
{
    struct fixture *f = *state;
    uint8_t header[EF_HEADER_BYTES];

    ef_header_write(header, EF_RECORD_MAX_BYTES + 1);
    ef_builder_raw(&f->b, header, sizeof header);
    ef_builder_scalar(&f->b, 1, "loss", 1);
    assert_int_equal(pass(f, 0, sizeof header, EF_REASON_LENGTH), 1);
}

/* --- limits and errors --- */

/* Bad headers whose candidates all reach over the whole file: quadratic without a limit. */
static void test_trials_of_one_file_are_limited(void **state)
{
    struct fixture *f = *state;
    struct ef_gap gap;
    uint64_t repaired;
    bool limited = false;

    f->sparse = UINT64_C(1) << 24;
    const uint64_t most = 2 * f->sparse + EF_SALVAGE_EXTRA_BYTES;
    for (int i = 0; i < 100; i++) {
        uint8_t header[EF_HEADER_BYTES] = {0, 0, 0xF0, 0, 0, 0, 0, 0, 1, 2, 3, (uint8_t)i};
        ef_builder_raw(&f->b, header, sizeof header);
    }
    ef_builder_scalar(&f->b, 1, "loss", 1);
    for (uint64_t i = 0; i < 100; i++) {
        int r = ef_salvage_pass(f->salvage, i * EF_HEADER_BYTES, f->sparse, &gap, &repaired);
        assert_int_equal(r, 1);
        assert_int_equal(gap.offset + gap.length, f->b.offsets[0]);
        limited |= gap.limited;
    }
    assert_true(limited);
    assert_true(f->bytes_read < most + 100 * (1 << 20));
}

/* Sound headers that all claim the rest of the file. */
static void test_search_of_hostile_headers_is_limited(void **state)
{
    struct fixture *f = *state;
    uint64_t found = 0;

    f->sparse = UINT64_C(1) << 24;
    for (int i = 0; i < 10000; i++) {
        uint8_t header[EF_HEADER_BYTES];
        ef_header_write(header, (UINT64_C(1) << 24) - (1 << 18) - (uint64_t)i);
        ef_builder_raw(&f->b, header, sizeof header);
    }
    ef_builder_scalar(&f->b, 1, "loss", 1);
    assert_int_equal(ef_salvage_search(f->salvage, 0, f->sparse, &found), 1);
    assert_int_equal(found, f->b.offsets[0]);
    assert_true(f->bytes_read < 4 * f->sparse + 2 * EF_SALVAGE_EXTRA_BYTES);
}

static void test_read_errors_are_handed_on(void **state)
{
    struct fixture *f = *state;
    struct ef_gap gap = {.length = 77};
    uint64_t repaired = 77;

    ef_builder_scalars(&f->b, 0, 5);
    ef_builder_blob(&f->b, 3000000, 3);
    ef_builder_damage_header(&f->b, 2);
    ef_builder_damage_header(&f->b, 3);
    for (int i = 0; i < 4; i++) {
        f->fail_after = i;
        int r = ef_salvage_pass(f->salvage, f->b.offsets[2], f->b.size, &gap, &repaired);
        if (r >= 0)
            break;
        assert_int_equal(r, EF_ERR_IO);
        assert_int_equal(gap.length, 77);
    }
    assert_int_equal(repaired, 77);
    f->fail_after = -1;
    assert_int_equal(ef_salvage_pass(f->salvage, f->b.size, f->b.size, &gap, &repaired),
                     EF_ERR_INVALID);
}

static void test_source_shorter_than_told(void **state)
{
    struct fixture *f = *state;
    struct ef_gap gap;
    uint64_t repaired;

    ef_builder_scalars(&f->b, 0, 2);
    ef_builder_damage_payload(&f->b, 1);
    assert_int_equal(ef_salvage_pass(f->salvage, f->b.size, f->b.size + 1000, &gap, &repaired),
                     EF_ERR_IO);
}

/* --- shape, words --- */

static void test_event_shape(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t size;
        bool shaped;
    } cases[] = {
        {"", 0, true},
        {"\x09\x00\x00\x00\x00\x00\x00\xF0\x3F", 9, true},
        {"\x09\x00\x00\x00\x00\x00\x00\xF0", 8, false},             /* cut */
        {"\x08\x01", 2, false},                                     /* wall_time as varint */
        {"\x10\x05", 2, true},                                      /* step */
        {"\x10\x85", 2, false},                                     /* varint without end */
        {"\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, true}, /* step -1 */
        {"\x1A\x02hi", 4, true},                                    /* file_version */
        {"\x1A\x03hi", 4, false},
        {"\x2A\x00", 2, true},                   /* empty summary */
        {"\x2A\x05\x0A\x03\x0A\x01t", 7, true},  /* value with a tag */
        {"\x2A\x05\x0A\x04\x0A\x01t", 7, false}, /* value longer than the summary */
        {"\x2A\x04\x0A\x02\x10\x01", 6, false},  /* simple_value as varint */
        {"\x78\x01", 2, true},                   /* unknown field 15 */
        {"\x00\x01", 2, false},                  /* field 0 */
        {"\x0B\x0C", 2, false},                  /* group */
        {"\x3A\x02\x08\x01", 4, true},           /* session_log start */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ef_event_shaped(cases[i].bytes, cases[i].size) != cases[i].shaped)
            fail_msg("case %zu", i);
    ef_builder_scalar(&f->b, 1, "loss", 1);
    assert_true(ef_event_shaped(f->b.data + EF_HEADER_BYTES, f->b.size - EF_RECORD_OVERHEAD));
}

static void test_words(void **state)
{
    assert_string_equal(ef_reason_word(EF_REASON_ZEROS), "zeros");
    assert_string_equal(ef_reason_word(EF_REASON_NOT_EVENT), "not-an-event");
    assert_string_equal(ef_reason_word(EF_REASON_REPAIRED_HEADER), "repaired-header");
    assert_string_equal(ef_reason_word((enum ef_reason)0), "unknown");
    assert_string_equal(ef_reason_word((enum ef_reason)99), "unknown");
    for (int code = 0; code >= EF_ERR_LIMIT; code--)
        assert_true(strlen(ef_strerror(code)) > 5);
    assert_string_equal(ef_strerror(-999), "unknown error");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_bad_payload_loses_its_record_alone),
        test(test_bad_payload_before_a_header_that_can_be_mended),
        test(test_bad_payload_at_the_end),
        test(test_records_behind_a_record_cut_short),
        test(test_records_behind_a_record_cut_short_that_promises_more_than_the_file),
        test(test_records_inside_a_skipped_payload_are_none),
        test(test_any_flipped_bit_of_a_header_is_mended),
        test(test_header_crc_may_be_damaged_in_any_way),
        test(test_last_record_can_be_mended),
        test(test_large_record_can_be_mended),
        test(test_header_that_cannot_be_mended),
        test(test_bad_header_and_bad_payload),
        test(test_zeros_are_passed),
        test(test_far_records_are_found),
        test(test_sound_record_that_is_no_event_is_not_found),
        test(test_nothing_sound_behind),
        test(test_gap_ends_before_a_sound_header_at_the_end),
        test(test_fewer_bytes_than_a_header),
        test(test_length_above_the_limit),
        test(test_trials_of_one_file_are_limited),
        test(test_search_of_hostile_headers_is_limited),
        test(test_read_errors_are_handed_on),
        test(test_source_shorter_than_told),
        test(test_event_shape),
        test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
