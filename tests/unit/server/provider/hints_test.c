/* --samples-per-plugin. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "provider/hints.h"

static uint64_t most(const char *text, const char *plugin, bool *said)
{
    struct hints hints;

    assert_int_equal(hints_parse(&hints, text), 0);
    uint64_t n = hints_most(&hints, (struct text){plugin, strlen(plugin)}, said);
    hints_done(&hints);
    return n;
}

static void numbers_and_all(void **state)
{
    const char *text = "scalars=500,images=0,histograms=all,scalars=7";
    bool said;

    assert_int_equal(most(text, "scalars", &said), 7);
    assert_true(said);
    assert_int_equal(most(text, "images", &said), 0);
    assert_true(most(text, "histograms", &said) == HINT_ALL && said);
    assert_true(most(text, "text", &said) == HINT_ALL && !said);
    assert_true(most("", "text", &said) == HINT_ALL && !said);
    assert_true(most(NULL, "text", &said) == HINT_ALL && !said);
}

static void other_forms_are_refused(void **state)
{
    static const char *const wrong[] = {"x", "x=", "=1", "x=1.5", "x=wat", "x=-1", ",=,", "x=1,",
                                        "x=ALL", "x=99999999999999999999"};
    struct hints hints;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(hints_parse(&hints, wrong[i]), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_all),
        cmocka_unit_test(other_forms_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
