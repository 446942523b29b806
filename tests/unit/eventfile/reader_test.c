/* The reader, by scripts: what is waited for, what is passed, and when it is judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/error.h>
#include <eventfile/reader.h>

#include "ef_builder.h"
#include "ef_script.h"

#define RECORDS 20

struct fixture {
    struct ef_builder b;
    struct ef_script s;
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    ef_builder_version(&f.b);
    ef_builder_scalars(&f.b, 1, RECORDS - 1);
    ef_script_begin(&f.s, &f.b);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    ef_script_end(&f->s);
    ef_builder_done(&f->b);
    return 0;
}

#define expect(f, text) assert_string_equal(ef_script_read(&(f)->s), text)

/* Everything up to record `n`. */
static void write_until(struct fixture *f, size_t n)
{
    ef_script_write(&f->s, 0, n < f->b.records ? f->b.offsets[n] : f->b.size);
}

static void write_records(struct fixture *f, size_t from, size_t to)
{
    ef_script_write(&f->s, f->b.offsets[from], to < f->b.records ? f->b.offsets[to] : f->b.size);
}

/* A record's bytes are zero yet; everything up to record `n` is there. */
static void write_with_hole(struct fixture *f, size_t hole, size_t n)
{
    write_until(f, n);
    ef_script_zero(&f->s, f->b.offsets[hole], f->b.offsets[hole + 1]);
}

/* --- growing --- */

static void test_empty_file_gives_nothing(void **state)
{
    struct fixture *f = *state;

    expect(f, "");
    assert_int_equal(ef_reader_wait_ns(f->s.reader), -1);
}

static void test_records_come_as_they_are_written(void **state)
{
    struct fixture *f = *state;

    write_until(f, 3);
    expect(f, "give 0-2");
    expect(f, "");
    write_records(f, 3, 5);
    expect(f, "give 3-4");
    assert_int_equal(ef_reader_stats(f->s.reader).records, 5);
}

static void test_every_byte_at_a_time(void **state)
{
    struct fixture *f = *state;
    size_t given = 0;

    for (size_t i = 0; i < f->b.size; i++) {
        ef_script_write(&f->s, i, i + 1);
        const char *text = ef_script_read(&f->s);
        if (text[0] == '\0')
            continue;
        char wanted[64];
        snprintf(wanted, sizeof wanted, "give %zu-%zu", given, given);
        assert_string_equal(text, wanted);
        given++;
    }
    assert_int_equal(given, RECORDS);
}

static void test_partial_tail_is_waited_for_without_end(void **state)
{
    struct fixture *f = *state;

    ef_script_write(&f->s, 0, f->b.offsets[4] + 30);
    expect(f, "give 0-3");
    assert_int_equal(ef_reader_stats(f->s.reader).partial, 30);
    assert_int_equal(ef_reader_wait_ns(f->s.reader), -1);
    ef_script_wait(&f->s, 3600);
    expect(f, "");
    write_records(f, 4, 6);
    expect(f, "give 4-5");
}

static void test_partial_tail_is_named_when_finished(void **state)
{
    struct fixture *f = *state;

    ef_script_write(&f->s, 0, f->b.offsets[4] + 30);
    expect(f, "give 0-3");
    ef_reader_finish(f->s.reader);
    expect(f, "gap 4 30 partial-tail");
    expect(f, "");
}

static void test_rewind_gives_everything_again(void **state)
{
    struct fixture *f = *state;

    write_until(f, 6);
    expect(f, "give 0-5");
    ef_reader_rewind(f->s.reader, f->b.offsets[4]);
    expect(f, "give 4-5");
    ef_reader_rewind(f->s.reader, 0);
    expect(f, "give 0-5");
}

static void test_no_descriptor_keeps_the_place(void **state)
{
    struct fixture *f = *state;

    write_until(f, 3);
    expect(f, "give 0-2");
    ef_reader_attach(f->s.reader, -1);
    write_until(f, 6);
    expect(f, "");
    ef_reader_attach(f->s.reader, f->s.fd);
    expect(f, "give 3-5");
}

static void test_read_error_is_told_and_can_be_tried_again(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    write_until(f, 3);
    assert_int_equal(pipe(ends), 0);
    ef_reader_attach(f->s.reader, ends[0]); /* a pipe cannot be read at an offset */
    expect(f, "error: a read or write failed");
    ef_reader_attach(f->s.reader, f->s.fd);
    expect(f, "give 0-2");
    close(ends[0]);
    close(ends[1]);
}

static void test_file_shorter_than_told_is_no_damage(void **state)
{
    struct fixture *f = *state;

    write_until(f, 5);
    assert_int_equal(ftruncate(f->s.fd, (off_t)f->b.offsets[3] + 20), 0);
    ef_script_wait(&f->s, 100);
    expect(f, "give 0-2");
    expect(f, "");
    write_until(f, 5);
    expect(f, "give 3-4");
}

/* --- suspect --- */

static void test_zero_page_in_the_middle_is_waited_for(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 6);
    expect(f, "give 0-2; give 4-5");
    assert_int_equal(ef_reader_stats(f->s.reader).offset, f->b.offsets[3]);
    assert_int_equal(ef_reader_wait_ns(f->s.reader), 1000000000);
    write_records(f, 3, 4);
    ef_script_wait(&f->s, 1.1);
    expect(f, "late 3 42 zeros; give 3-3");
    assert_int_equal(ef_reader_stats(f->s.reader).suspect, 0);
}

static void test_late_bytes_and_rewind_give_file_order(void **state)
{
    struct fixture *f = *state;

    f->s.rewinds = true;
    write_with_hole(f, 3, 6);
    expect(f, "give 0-2; give 4-5");
    write_records(f, 3, 8);
    ef_script_wait(&f->s, 1.1);
    expect(f, "late 3 42 zeros; give 0-7");
}

static void test_hole_that_stays_is_a_gap_after_thirty_seconds(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 6);
    expect(f, "give 0-2; give 4-5");
    ef_script_wait(&f->s, 1);
    expect(f, "");
    assert_int_equal(ef_reader_wait_ns(f->s.reader), 4000000000);
    ef_script_wait(&f->s, 4);
    expect(f, "");
    assert_int_equal(ef_reader_wait_ns(f->s.reader), 25000000000);
    ef_script_wait(&f->s, 24.9);
    expect(f, "");
    ef_script_wait(&f->s, 0.1);
    expect(f, "gap 3 42 zeros");
    assert_int_equal(ef_reader_wait_ns(f->s.reader), -1);
    assert_int_equal(ef_reader_stats(f->s.reader).offset, f->b.offsets[6]);
}

static void test_growth_behind_does_not_put_the_judgement_off(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 6);
    expect(f, "give 0-2; give 4-5");
    for (size_t i = 6; i < 12; i++) {
        ef_script_wait(&f->s, 4.9);
        write_records(f, i, i + 1);
        char wanted[32];
        snprintf(wanted, sizeof wanted, "give %zu-%zu", i, i);
        expect(f, wanted);
    }
    ef_script_wait(&f->s, 0.7);
    expect(f, "gap 3 42 zeros");
}

static void test_zeros_at_the_end_become_records(void **state)
{
    struct fixture *f = *state;

    write_until(f, 3);
    ef_script_zero(&f->s, f->b.offsets[3], f->b.offsets[5]);
    expect(f, "give 0-2");
    assert_int_equal(ef_reader_stats(f->s.reader).suspect, f->b.offsets[5] - f->b.offsets[3]);
    ef_script_wait(&f->s, 2);
    write_records(f, 3, 5);
    expect(f, "give 3-4");
    assert_int_equal(ef_reader_wait_ns(f->s.reader), -1);
}

static void test_zeros_at_the_end_then_records_behind(void **state)
{
    struct fixture *f = *state;

    write_until(f, 3);
    ef_script_zero(&f->s, f->b.offsets[3], f->b.offsets[5]);
    expect(f, "give 0-2");
    ef_script_wait(&f->s, 0.2);
    write_records(f, 5, 7);
    expect(f, "give 5-6");
    ef_script_wait(&f->s, 29.9);
    expect(f, "gap 3 84 zeros");
}

static void test_record_half_written_over_zeros(void **state)
{
    struct fixture *f = *state;

    write_until(f, 3);
    ef_script_zero(&f->s, f->b.offsets[3], f->b.offsets[3] + 4096);
    ef_script_write(&f->s, f->b.offsets[3], f->b.offsets[3] + 30);
    expect(f, "give 0-2");
    ef_script_wait(&f->s, 1.5);
    write_records(f, 3, 4);
    expect(f, "give 3-3");
}

static void test_tail_of_bad_bytes_is_judged_part_by_part(void **state)
{
    struct fixture *f = *state;
    static const char noise[] = "this is no record, and it is long enough";

    write_until(f, 3);
    ef_script_put(&f->s, f->b.offsets[3], noise, 40);
    expect(f, "give 0-2");
    ef_script_wait(&f->s, 20);
    ef_script_put(&f->s, f->b.offsets[3] + 40, noise, 40);
    expect(f, "");
    ef_script_wait(&f->s, 10);
    expect(f, "gap 3 40 header");
    ef_script_wait(&f->s, 19.9);
    expect(f, "");
    ef_script_wait(&f->s, 0.2);
    expect(f, "gap 3+40 40 header");
}

static void test_a_few_zero_bytes_at_the_end_are_suspect(void **state)
{
    struct fixture *f = *state;

    write_until(f, 3);
    ef_script_zero(&f->s, f->b.offsets[3], f->b.offsets[3] + 5);
    expect(f, "give 0-2");
    assert_int_equal(ef_reader_stats(f->s.reader).suspect, 5);
    write_records(f, 3, 4);
    ef_script_wait(&f->s, 1);
    expect(f, "give 3-3");
}

static void test_old_file_is_judged_at_once(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_payload(&f->b, 3);
    ef_builder_damage_header(&f->b, 7);
    write_until(f, RECORDS);
    ef_script_wait(&f->s, 30);
    expect(f, "give 0-2; gap 3 42 payload; give 4-6; gap 7 42 header; give 8-19");
}

static void test_finish_judges_at_once(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_payload(&f->b, 3);
    write_until(f, 8);
    expect(f, "give 0-2; give 4-7");
    ef_reader_finish(f->s.reader);
    expect(f, "gap 3 42 payload");
}

static void test_neighbouring_gaps_are_one(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_payload(&f->b, 3);
    ef_builder_damage_payload(&f->b, 4);
    ef_builder_damage_header(&f->b, 5);
    write_until(f, 8);
    ef_reader_finish(f->s.reader);
    expect(f, "give 0-2; gap 3 126 payload; give 6-7");
}

/* --- headers that are mended --- */

static void test_flipped_header_bit_loses_nothing(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_length(&f->b, 4);
    write_until(f, 8);
    ef_script_wait(&f->s, 31);
    expect(f, "give 0-3; gap 4 12 repaired-header; give 4-7");
}

static void test_mended_header_stands_in_the_data(void **state)
{
    struct fixture *f = *state;
    struct ef_item item;
    uint64_t size;

    ef_builder_damage_length(&f->b, 0);
    write_until(f, 3);
    ef_reader_finish(f->s.reader);
    ef_reader_tell(f->s.reader, f->s.size, f->s.changed_ns, f->s.now_ns);
    assert_int_equal(ef_reader_next(f->s.reader, &item), 1);
    assert_int_equal(item.kind, EF_ITEM_GAP);
    assert_int_equal(ef_reader_next(f->s.reader, &item), 1);
    assert_int_equal(item.records, 3);
    assert_int_equal(ef_record_check(item.data, item.size, &size), 1);
}

static void test_suspect_header_counts_once_judged(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_length(&f->b, 4);
    write_until(f, 8);
    expect(f, "give 0-3; give 5-7");
    ef_script_wait(&f->s, 30);
    expect(f, "gap 4 12 repaired-header; late 4 42 repaired-header; give 4-4");
}

static void test_rewinding_for_a_mended_header_ends(void **state)
{
    struct fixture *f = *state;

    f->s.rewinds = true;
    ef_builder_damage_length(&f->b, 4);
    write_until(f, 8);
    expect(f, "give 0-3; give 5-7");
    ef_script_wait(&f->s, 29);
    write_records(f, 8, 9);
    expect(f, "give 8-8");
    ef_script_wait(&f->s, 1);
    expect(f, "gap 4 12 repaired-header; late 4 42 repaired-header; "
              "give 0-3; gap 4 12 repaired-header; give 4-8");
    ef_script_wait(&f->s, 31);
    write_records(f, 9, 10);
    expect(f, "give 9-9");
}

static void test_rewind_remembers_when_bytes_were_first_bad(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 8);
    expect(f, "give 0-2; give 4-7");
    ef_script_wait(&f->s, 20);
    write_records(f, 8, 9);
    ef_reader_rewind(f->s.reader, 0);
    expect(f, "give 0-2; give 4-8");
    ef_script_wait(&f->s, 10);
    expect(f, "gap 3 42 zeros");
}

static void test_rewind_leaves_what_lies_before(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 8);
    expect(f, "give 0-2; give 4-7");
    ef_reader_rewind(f->s.reader, f->b.offsets[6]);
    expect(f, "give 6-7");
    assert_int_equal(ef_reader_stats(f->s.reader).offset, f->b.offsets[3]);
    ef_script_wait(&f->s, 30);
    expect(f, "gap 3 42 zeros");
}

/* --- damaged, and then not --- */

static void test_damaged_bytes_that_come_right_are_told(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 6);
    ef_script_wait(&f->s, 31);
    expect(f, "give 0-2; gap 3 42 zeros; give 4-5");
    ef_script_wait(&f->s, 60);
    write_records(f, 3, 4);
    expect(f, "late 3 42 repaired; give 3-3");
    expect(f, "");
}

static void test_damaged_bytes_are_read_again_once_a_minute(void **state)
{
    struct fixture *f = *state;

    write_with_hole(f, 3, 6);
    ef_script_wait(&f->s, 31);
    expect(f, "give 0-2; gap 3 42 zeros; give 4-5");
    ef_script_wait(&f->s, 1);
    write_records(f, 3, 4);
    expect(f, "");
    assert_int_equal(ef_reader_wait_ns(f->s.reader), 59000000000);
    ef_script_wait(&f->s, 59);
    expect(f, "late 3 42 repaired; give 3-3");
}

static void test_mended_header_that_comes_right_is_told(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_length(&f->b, 4);
    write_until(f, 8);
    ef_script_wait(&f->s, 31);
    expect(f, "give 0-3; gap 4 12 repaired-header; give 4-7");
    write_records(f, 8, 9);
    expect(f, "give 8-8");
    ef_script_wait(&f->s, 61);
    ef_builder_damage_length(&f->b, 4); /* flips it back */
    write_records(f, 4, 5);
    expect(f, "late 4 12 repaired");
}

static void test_half_of_a_hole_comes_right(void **state)
{
    struct fixture *f = *state;

    write_until(f, 8);
    ef_script_zero(&f->s, f->b.offsets[3], f->b.offsets[5]);
    expect(f, "give 0-2; give 5-7");
    ef_script_wait(&f->s, 2);
    write_records(f, 3, 4);
    expect(f, "late 3 42 zeros; give 3-3");
    ef_script_wait(&f->s, 28);
    expect(f, "gap 4 42 zeros");
}

/* --- other files --- */

static void test_compressed_file_is_named(void **state)
{
    struct fixture *f = *state;
    uint8_t gzip[64] = {0x1F, 0x8B, 8};

    memset(gzip + 3, 0x5C, sizeof gzip - 3);
    ef_script_put(&f->s, 0, gzip, sizeof gzip);
    expect(f, "");
    ef_script_wait(&f->s, 30);
    expect(f, "error: the file is compressed as a whole; unpack it first");
    expect(f, "error: the file is compressed as a whole; unpack it first");
}

static void test_text_file_is_no_event_file(void **state)
{
    struct fixture *f = *state;

    ef_script_put(&f->s, 0, "step,loss\n1,0.5\n2,0.25\n", 23);
    ef_reader_finish(f->s.reader);
    expect(f, "error: this is no event file: it does not begin as one, nor holds one record");
}

static void test_text_file_that_becomes_an_event_file(void **state)
{
    struct fixture *f = *state;

    ef_script_put(&f->s, 0, "step,loss\n1,0.5\n2,0.25\n", 23);
    ef_script_wait(&f->s, 31);
    expect(f, "error: this is no event file: it does not begin as one, nor holds one record");
    write_until(f, 3);
    ef_script_wait(&f->s, 61);
    expect(f, "give 0-2");
}

static void test_damaged_beginning_is_damage_only(void **state)
{
    struct fixture *f = *state;

    ef_builder_damage_header(&f->b, 0);
    write_until(f, 3);
    ef_script_wait(&f->s, 31);
    expect(f, "gap 0 40 header; give 1-2");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_empty_file_gives_nothing),
        test(test_records_come_as_they_are_written),
        test(test_every_byte_at_a_time),
        test(test_partial_tail_is_waited_for_without_end),
        test(test_partial_tail_is_named_when_finished),
        test(test_rewind_gives_everything_again),
        test(test_no_descriptor_keeps_the_place),
        test(test_read_error_is_told_and_can_be_tried_again),
        test(test_file_shorter_than_told_is_no_damage),
        test(test_zero_page_in_the_middle_is_waited_for),
        test(test_late_bytes_and_rewind_give_file_order),
        test(test_hole_that_stays_is_a_gap_after_thirty_seconds),
        test(test_growth_behind_does_not_put_the_judgement_off),
        test(test_zeros_at_the_end_become_records),
        test(test_zeros_at_the_end_then_records_behind),
        test(test_record_half_written_over_zeros),
        test(test_tail_of_bad_bytes_is_judged_part_by_part),
        test(test_a_few_zero_bytes_at_the_end_are_suspect),
        test(test_old_file_is_judged_at_once),
        test(test_finish_judges_at_once),
        test(test_neighbouring_gaps_are_one),
        test(test_flipped_header_bit_loses_nothing),
        test(test_mended_header_stands_in_the_data),
        test(test_suspect_header_counts_once_judged),
        test(test_rewinding_for_a_mended_header_ends),
        test(test_rewind_remembers_when_bytes_were_first_bad),
        test(test_rewind_leaves_what_lies_before),
        test(test_damaged_bytes_that_come_right_are_told),
        test(test_damaged_bytes_are_read_again_once_a_minute),
        test(test_mended_header_that_comes_right_is_told),
        test(test_half_of_a_hole_comes_right),
        test(test_compressed_file_is_named),
        test(test_text_file_is_no_event_file),
        test(test_text_file_that_becomes_an_event_file),
        test(test_damaged_beginning_is_damage_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
