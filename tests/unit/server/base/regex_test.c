#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/regex.h"

static int match(const char *pattern, const char *text)
{
    char message[REGEX_ERROR_BYTES];
    struct regex *regex;
    int r;

    assert_int_equal(regex_new(pattern, strlen(pattern), &regex, message), 0);
    r = regex_match(regex, text, strlen(text));
    regex_free(regex);
    return r;
}

static void it_matches_anywhere(void **state)
{
    assert_int_equal(match("lo.s", "train/loss"), 1);
    assert_int_equal(match("^loss", "train/loss"), 0);
    assert_int_equal(match("(?i)LOSS", "train/loss"), 1);
    assert_int_equal(match("", ""), 1);
}

static void text_that_is_not_utf8_is_matched(void **state)
{
    assert_int_equal(match("loss$", "\xff\xfeloss"), 1);
    assert_int_equal(match("é", "caf\xc3\xa9 \xff"), 1);
}

static void a_costly_pattern_is_given_up(void **state)
{
    assert_int_equal(match("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), -E2BIG);
}

static void what_is_wrong_is_told(void **state)
{
    char message[REGEX_ERROR_BYTES] = "", pattern[LIMIT_REGEX_BYTES + 1];
    struct regex *regex;

    assert_int_equal(regex_new("a(b", 3, &regex, message), -EINVAL);
    assert_non_null(strstr(message, "parenthesis"));
    memset(pattern, 'a', sizeof pattern);
    assert_int_equal(regex_new(pattern, sizeof pattern, &regex, message), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_matches_anywhere),
        cmocka_unit_test(text_that_is_not_utf8_is_matched),
        cmocka_unit_test(a_costly_pattern_is_given_up),
        cmocka_unit_test(what_is_wrong_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
