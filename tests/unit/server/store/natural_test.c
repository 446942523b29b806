/* The order of names in lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/natural.h"

static int compare(const char *a, const char *b)
{
    int there = natural_compare(a, strlen(a), b, strlen(b));

    assert_int_equal(there, -natural_compare(b, strlen(b), a, strlen(a)));
    return there;
}

static void test_numbers_count_as_numbers(void **state)
{
    assert_true(compare("run2", "run10") < 0);
    assert_true(compare("run2/b", "run2/a10") > 0);
    assert_true(compare("99999999999999999999998", "99999999999999999999999") < 0);
    assert_true(compare("lr0.01", "lr0.1") != 0);
}

static void test_parts_stay_together(void **state)
{
    assert_true(compare("a/b", "a-b") < 0);
    assert_true(compare("a", "a/b") < 0);
    assert_true(compare("a/2", "a/10") < 0);
}

static void test_the_order_is_total(void **state)
{
    assert_int_equal(compare("a1", "a1"), 0);
    assert_true(compare("a1", "a01") != 0);
    assert_true(compare("", "a") < 0);
    assert_int_equal(compare("", ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_count_as_numbers),
        cmocka_unit_test(test_parts_stay_together),
        cmocka_unit_test(test_the_order_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
