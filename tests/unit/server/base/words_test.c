#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/words.h"
#include "eventfile/salvage.h"

static void the_words_are_those_of_the_library(void **state)
{
    for (int reason = -1; reason < 20; reason++)
        assert_string_equal(words_damage(reason), ef_reason_word((enum ef_reason)reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_words_are_those_of_the_library)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
