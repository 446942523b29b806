/* Against the C library: what is written reads back as the same number, and no shorter text of 15
 * to 17 digits does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/double.h"

/* Significant digits of a number's text. */
static size_t digits_of(const char *text)
{
    size_t count = 0, zeros = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        if (*text == '0' && count == 0)
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void check(double value)
{
    char text[DOUBLE_TEXT_BYTES], plain[64];
    size_t length = double_text(text, value);

    if (length != strlen(text) || length >= sizeof text || strtod(text, NULL) != value)
        fail_msg("%.17g is written as %s", value, text);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(plain, sizeof plain, "%.*g", digits, value);
        if (strtod(plain, NULL) == value)
            break;
    }
    if (digits_of(text) > digits_of(plain))
        fail_msg("%s is longer than %s", text, plain);
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 29;
}

static void any_bits_read_back(void **state)
{
    uint64_t seed = 7, bits;
    double value;

    for (int i = 0; i < 200000; i++) {
        bits = next(&seed);
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check(value);
    }
}

static void numbers_as_people_log_them_read_back(void **state)
{
    uint64_t seed = 9;

    for (int i = 0; i < 200000; i++) {
        double x = (double)(next(&seed) >> 11) * 0x1p-53;

        check(x);
        check((float)x);
        check(1.7e9 + 1e8 * x);
        check(round(x * 1e6) / 1e4);
        check(-x * pow(10, (double)(i % 40 - 20)));
    }
}

static void the_edges_read_back(void **state)
{
    static const double edges[] = {
        0x1p-1074, 0x1.fffffffffffffp-1023, 0x1p-1022, 0x1.fffffffffffffp1023, 1e-12, 1e-11, 1e15,
        1e16, 1e17, 9007199254740993.0, 0.1, 0.3, 1.0 / 3, 5e-324, 123456789012345680.0, 1e22, 1e23,
        0.99999999999999989, 9.9999999999999982, 999999999999999.9, 4503599627370496.5,
    };

    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        check(edges[i]);
        check(-edges[i]);
    }
    for (int e = -1022; e < 1023; e++) {
        check(ldexp(1, e));
        check(nextafter(ldexp(1, e), 0));
        check(nextafter(ldexp(1, e), INFINITY));
    }
}

static void how_it_looks(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"}, {-0.0, "-0.0"}, {1, "1"}, {-2.5, "-2.5"}, {0.1, "0.1"}, {100000, "100000"},
        {0.0001, "0.0001"}, {0.00001, "1e-05"}, {1.5e-7, "1.5e-07"}, {1e21, "1e+21"},
        {0.1f, "0.10000000149011612"}, {1700000000.25, "1700000000.25"},
    };
    char text[DOUBLE_TEXT_BYTES];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double_text(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

static void floats_read_back_as_floats(void **state)
{
    char text[DOUBLE_TEXT_BYTES];
    uint64_t seed = 3;

    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)next(&seed);
        float value;

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        double_float_text(text, value);
        assert_true(strtof(text, NULL) == value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bits_read_back),
        cmocka_unit_test(numbers_as_people_log_them_read_back),
        cmocka_unit_test(the_edges_read_back),
        cmocka_unit_test(how_it_looks),
        cmocka_unit_test(floats_read_back_as_floats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
