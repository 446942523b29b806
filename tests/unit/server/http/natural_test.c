#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/natural.h"

static const char *const sorted[] = {
    "", "/", "1", "01", "2", "10", "99999999999999999999998", "99999999999999999999999", "a",
    "a/b", "a!", "a0", "a1", "a1b", "a2", "a10", "b/layer2/w", "b/layer10/b", "b2", "\xff",
};

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void every_pair_is_in_order(void **state)
{
    size_t n = sizeof sorted / sizeof *sorted;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            int order = natural_compare(sorted[i], strlen(sorted[i]), sorted[k],
                                        strlen(sorted[k]));

            /* "1" and "01" are one number: only the bytes decide. */
            if ((i == 2 && k == 3) || (i == 3 && k == 2))
                assert_int_equal(sign(order), i == 2 ? 1 : -1);
            else if (sign(order) != (i > k) - (i < k))
                fail_msg("\"%s\" and \"%s\": %d", sorted[i], sorted[k], order);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_is_in_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
