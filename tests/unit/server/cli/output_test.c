/* output_test.c: JSON literals of commands. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

static void check_string(const char *text, size_t size, const char *json)
{
    char *written = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&written, &length);

    cli_json_string(out, text, size);
    fclose(out);
    assert_string_equal(written, json);
    free(written);
}

static void check_double(double value, const char *json)
{
    char *written = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&written, &length);

    cli_json_double(out, value);
    fclose(out);
    assert_string_equal(written, json);
    free(written);
}

static void strings_are_escaped(void **state)
{
    check_string("", 0, "\"\"");
    check_string("a\"b\\c\n", 6, "\"a\\\"b\\\\c\\n\"");
    check_string("\0\x1b", 2, "\"\\u0000\\u001b\"");
    check_string("\xc3\xa4", 2, "\"\xc3\xa4\"");
}

static void text_that_is_not_utf8_is_replaced(void **state)
{
    check_string("a\xff" "b", 3, "\"a\xef\xbf\xbd" "b\"");
    check_string("\xc3", 1, "\"\xef\xbf\xbd\"");
}

static void doubles_are_short_and_exact(void **state)
{
    check_double(0.1, "0.1");
    check_double(1.0 / 3, "0.3333333333333333");
    check_double(NAN, "\"NaN\"");
    check_double(INFINITY, "\"Infinity\"");
    check_double(-INFINITY, "\"-Infinity\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(text_that_is_not_utf8_is_replaced),
        cmocka_unit_test(doubles_are_short_and_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
