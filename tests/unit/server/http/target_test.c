#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/target.h"

static void parts_are_decoded(void **state)
{
    struct target t;
    size_t count;

    assert_int_equal(target_init(&t, "/a%2Fb/c+d/?q=x%20y+z&tag=1&tag=%E2%82%AC&e="), 0);
    assert_int_equal(t.n_segments, 2);
    assert_string_equal(t.segments[0], "a/b");
    assert_string_equal(t.segments[1], "c+d");
    assert_int_equal(t.depth, 2);
    assert_string_equal(target_value(&t, "q", NULL), "x y z");
    assert_string_equal(target_value(&t, "tag", &count), "1");
    assert_int_equal(count, 2);
    assert_string_equal(target_value(&t, "e", &count), "");
    assert_null(target_value(&t, "none", &count));
    assert_int_equal(count, 0);
    assert_string_equal(t.query, "q=x%20y+z&tag=1&tag=%E2%82%AC&e=");
    target_done(&t);
}

static void the_root_has_no_parts(void **state)
{
    struct target t;

    assert_int_equal(target_init(&t, "/"), 0);
    assert_int_equal(t.n_segments, 0);
    assert_int_equal(t.depth, 0);
    assert_string_equal(t.query, "");
    target_done(&t);
    assert_int_equal(target_init(&t, "/r/x/damage"), 0);
    assert_int_equal(t.depth, 2);
    target_done(&t);
}

static void what_is_not_well_formed_is_refused(void **state)
{
    static const char *const bad[] = {"/%", "/%4", "/%zz", "/%00", "/a?b=%00", "/a?%=1", "/a?b=%f"};
    struct target t;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(target_init(&t, bad[i]), -EBADMSG);
}

static void too_many_parts_are_refused(void **state)
{
    char path[256] = "", query[8000] = "/?";
    struct target t;

    for (int i = 0; i < 100; i++)
        strcat(path, "/a");
    assert_int_equal(target_init(&t, path), -E2BIG);
    for (int i = 0; i < LIMIT_QUERY_NAMES; i++)
        strcat(query, "a=&");
    assert_int_equal(target_init(&t, query), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_decoded),
        cmocka_unit_test(the_root_has_no_parts),
        cmocka_unit_test(what_is_not_well_formed_is_refused),
        cmocka_unit_test(too_many_parts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
