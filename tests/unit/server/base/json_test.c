#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static struct buf out = BUF_INIT(1 << 16);

static const char *escaped(const char *data, size_t size)
{
    buf_clear(&out);
    json_escape(&out, data, size);
    return buf_text(&out);
}

static void commas_stand_between_items_only(void **state)
{
    struct json j = JSON_INIT(&out);

    (void)state;
    buf_clear(&out);
    json_open(&j, '{');
    json_key(&j, "a");
    json_open(&j, '[');
    json_put_i64(&j, -1);
    json_put_u64(&j, UINT64_MAX);
    json_open(&j, '[');
    json_close(&j, ']');
    json_put_bool(&j, true);
    json_close(&j, ']');
    json_key(&j, "b");
    json_put_null(&j);
    json_key(&j, "c");
    json_put_text(&j, NULL);
    json_key(&j, "d");
    json_put_raw(&j, "{}", 2);
    json_close(&j, '}');
    assert_string_equal(buf_text(&out), "{\"a\":[-1,18446744073709551615,[],true],\"b\":null,"
                                        "\"c\":null,\"d\":{}}");
}

static void numbers_that_json_has_not_are_words(void **state)
{
    struct json j = JSON_INIT(&out);

    (void)state;
    buf_clear(&out);
    json_open(&j, '[');
    json_put_double(&j, NAN);
    json_put_double(&j, INFINITY);
    json_put_double(&j, -INFINITY);
    json_put_double(&j, 0.1);
    json_put_finite(&j, NAN);
    json_put_finite(&j, 2.5);
    json_close(&j, ']');
    assert_string_equal(buf_text(&out), "[\"NaN\",\"Infinity\",\"-Infinity\",0.1,null,2.5]");
}

static void times_are_rfc_3339_in_utc(void **state)
{
    struct json j = JSON_INIT(&out);

    (void)state;
    buf_clear(&out);
    json_open(&j, '[');
    json_put_time(&j, 0.0004);
    json_put_time(&j, -0.001);
    json_put_time(&j, 1700000000.9996);
    json_put_time(&j, NAN);
    json_put_time(&j, 1e300);
    json_close(&j, ']');
    assert_string_equal(buf_text(&out),
                        "[\"1970-01-01T00:00:00.000Z\",\"1969-12-31T23:59:59.999Z\","
                        "\"2023-11-14T22:13:21.000Z\",null,null]");
}

static void controls_quotes_and_backslashes_are_escaped(void **state)
{
    (void)state;
    assert_string_equal(escaped("a\"b\\c\b\t\n\f\r\v\x01\x7f", 13),
                        "a\\\"b\\\\c\\b\\t\\n\\f\\r\\u000b\\u0001\\u007f");
    assert_string_equal(escaped("x\0y", 3), "x\\u0000y");
    assert_string_equal(escaped("\xe2\x82\xac\xf0\x9f\x98\x80", 7), "\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void bad_pieces_become_the_replacement_character(void **state)
{
#define R "\xef\xbf\xbd"
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\xff" "b", "a" R "b"},
        {"\xc0\xaf", R R},                 /* overlong */
        {"\xed\xa0\x80", R R R},           /* a surrogate */
        {"\xf4\x90\x80\x80", R R R R},     /* above U+10FFFF */
        {"\xe2\x82", R},                   /* cut */
        {"\xf0\x9f\x98" "x", R "x"},
        {"\x80", R},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(escaped(cases[i].in, strlen(cases[i].in)), cases[i].out);
}

static void a_full_buffer_stays_failed(void **state)
{
    struct buf small = BUF_INIT(8);
    struct json j = JSON_INIT(&small);

    (void)state;
    json_open(&j, '[');
    json_put_text(&j, "much too long");
    json_close(&j, ']');
    assert_true(buf_failed(&small) < 0);
    buf_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_items_only),
        cmocka_unit_test(numbers_that_json_has_not_are_words),
        cmocka_unit_test(times_are_rfc_3339_in_utc),
        cmocka_unit_test(controls_quotes_and_backslashes_are_escaped),
        cmocka_unit_test(bad_pieces_become_the_replacement_character),
        cmocka_unit_test(a_full_buffer_stays_failed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    buf_done(&out);
    return failed;
}
