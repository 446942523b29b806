/* Headers of uploads and downloads: what is taken, and all else that is not. */
#include "http/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"

static void numbers_are_digits_and_nothing_else(void **state)
{
    static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "01", "1.0", "0x1", "1e3",
                                        "1234567890123456", "\xd9\xa1"};
    uint64_t value = 77;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(fields_number(wrong[i], &value));
    assert_false(fields_number(NULL, &value));
    assert_int_equal(value, 77);
    assert_true(fields_number("0", &value));
    assert_int_equal(value, 0);
    assert_true(fields_number("999999999999999", &value));
    assert_int_equal(value, 999999999999999);
}

static void flags_are_two_characters(void **state)
{
    static const char *const wrong[] = {"", "?", "1", "true", "?2", "?1 ", "?1;x"};
    bool flag = false;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(fields_flag(wrong[i], &flag));
    assert_true(fields_flag("?1", &flag));
    assert_true(flag);
    assert_true(fields_flag("?0", &flag));
    assert_false(flag);
}

static void places_have_an_offset_and_a_length(void **state)
{
    static const char *const wrong[] = {"", "-", "1-", "-1", "1-0", "1--1", "1-2-3", "a-1"};
    uint64_t offset, length;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(fields_place(wrong[i], &offset, &length));
    assert_true(fields_place("12-345", &offset, &length));
    assert_int_equal(offset, 12);
    assert_int_equal(length, 345);
    assert_true(fields_places("1-2"));
    assert_true(fields_places("1-2, 3-4,5-6"));
    assert_false(fields_places("1-2,"));
    assert_false(fields_places("1-2 3-4"));
    assert_false(fields_places(""));
}

#define OF_NOTHING "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void the_digest_is_found_among_others(void **state)
{
    static const char *const right[] = {
        "sha-256=:" OF_NOTHING ":",
        "sha-512=:AAAA:, sha-256=:" OF_NOTHING ":",
        "sha-256=:" OF_NOTHING ":,md5=::",
    };
    static const char *const wrong[] = {
        "", "sha-256", "sha-256=", "sha-256=:", "sha-256=::", "sha-256=" OF_NOTHING,
        "sha-256=:" OF_NOTHING, "SHA-256=:" OF_NOTHING ":", "sha-512=:AAAA:",
        "sha-256=:" OF_NOTHING ":, sha-256=:" OF_NOTHING ":", "sha-256=:" OF_NOTHING ": x",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:", /* bits that mean nothing */
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU:",
        "sha-256=:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=:",
    };
    uint8_t digest[SHA256_BYTES], of_nothing[SHA256_BYTES];
    char text[FIELDS_DIGEST_BYTES];

    assert_int_equal(sha256("", 0, of_nothing), 0);
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        memset(digest, 0, sizeof digest);
        assert_true(fields_digest(right[i], digest));
        assert_memory_equal(digest, of_nothing, sizeof digest);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(fields_digest(wrong[i], digest));
    fields_put_digest(of_nothing, text);
    assert_string_equal(text, right[0]);
}

static void one_range_is_taken(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
        enum fields_range result;
        uint64_t from, to;
    } rows[] = {
        {"bytes=0-0", 10, RANGE_FITS, 0, 1},   {"bytes=2-", 10, RANGE_FITS, 2, 10},
        {"bytes=2-99", 10, RANGE_FITS, 2, 10}, {"bytes=-3", 10, RANGE_FITS, 7, 10},
        {"bytes=-30", 10, RANGE_FITS, 0, 10},  {"bytes=9-9", 10, RANGE_FITS, 9, 10},
        {"bytes=10-", 10, RANGE_NEVER, 0, 0},  {"bytes=-0", 10, RANGE_NEVER, 0, 0},
        {"bytes=0-", 0, RANGE_NEVER, 0, 0},    {"bytes=-1", 0, RANGE_NEVER, 0, 0},
        {"bytes=5-4", 10, RANGE_NONE, 0, 0},   {"bytes=0-1,3-4", 10, RANGE_NONE, 0, 0},
        {"lines=0-1", 10, RANGE_NONE, 0, 0},   {"bytes=-", 10, RANGE_NONE, 0, 0},
        {"bytes=", 10, RANGE_NONE, 0, 0},      {"bytes=a-b", 10, RANGE_NONE, 0, 0},
        {"bytes= 0-1", 10, RANGE_NONE, 0, 0},  {NULL, 10, RANGE_NONE, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t from = 0, to = 0;

        assert_int_equal(fields_range(rows[i].text, rows[i].size, &from, &to), rows[i].result);
        assert_int_equal(from, rows[i].from);
        assert_int_equal(to, rows[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_and_nothing_else),
        cmocka_unit_test(flags_are_two_characters),
        cmocka_unit_test(places_have_an_offset_and_a_length),
        cmocka_unit_test(the_digest_is_found_among_others),
        cmocka_unit_test(one_range_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
