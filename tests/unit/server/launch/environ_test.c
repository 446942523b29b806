/* The environment of the command: set, replaced, removed, nothing else touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "launch/environ.h"
#include "launch/gitinfo.h"

static void variables_are_set_replaced_and_removed(void **state)
{
    char *from[] = {(char *)"A=1", (char *)"AB=2", (char *)"EMPTY=", (char *)"odd", NULL};
    struct environ_list list;

    assert_int_equal(environ_init(&list, from), 0);
    assert_string_equal(environ_get(&list, "A"), "1");
    assert_string_equal(environ_get(&list, "EMPTY"), "");
    assert_null(environ_get(&list, "B"));
    assert_int_equal(environ_set(&list, "A", "x=y"), 0);
    assert_int_equal(environ_set(&list, "B", "new"), 0);
    assert_int_equal(environ_set_number(&list, "N", -5), 0);
    assert_int_equal(environ_set(&list, "AB", NULL), 0);
    assert_int_equal(environ_set(&list, "NONE", NULL), 0);
    assert_string_equal(environ_get(&list, "A"), "x=y");
    assert_string_equal(environ_get(&list, "N"), "-5");
    assert_null(environ_get(&list, "AB"));
    assert_int_equal(list.count, 5);
    assert_null(list.items[list.count]);
    environ_done(&list);
}

static void many_variables_fit(void **state)
{
    struct environ_list list;
    char name[20];

    assert_int_equal(environ_init(&list, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "V%d", i);
        assert_int_equal(environ_set_number(&list, name, i), 0);
    }
    assert_string_equal(environ_get(&list, "V999"), "999");
    assert_null(list.items[1000]);
    environ_done(&list);
}

static void secrets_leave_an_address(void **state)
{
    char with[] = "https://ann:se@cret@host/x@y", ssh[] = "git@host:repo.git";
    char plain[] = "https://host/a@b";

    gitinfo_clean_url(with);
    assert_string_equal(with, "https://host/x@y");
    gitinfo_clean_url(ssh);
    assert_string_equal(ssh, "git@host:repo.git");
    gitinfo_clean_url(plain);
    assert_string_equal(plain, "https://host/a@b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_set_replaced_and_removed),
        cmocka_unit_test(many_variables_fit),
        cmocka_unit_test(secrets_leave_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
