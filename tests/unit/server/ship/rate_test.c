/* Never more than the rate over a second, never an unneeded wait below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ship/rate.h"

static void without_a_limit_nothing_waits(void **state)
{
    struct rate rate;

    rate_init(&rate, 0);
    assert_int_equal(rate_spend(&rate, 1u << 30, 1), 0);
    assert_int_equal(rate_piece(&rate, 12345), 12345);
}

static void sending_takes_as_long_as_the_rate_says(void **state)
{
    struct rate rate;
    int64_t now = NS_PER_S;
    size_t sent = 0;

    rate_init(&rate, 100000);
    while (sent < 1000000) {
        size_t n = rate_piece(&rate, 65536);
        now += rate_spend(&rate, n, now);
        sent += n;
    }
    assert_true(now - NS_PER_S > 9 * NS_PER_S && now - NS_PER_S < 11 * NS_PER_S);
}

static void a_pause_saves_up_a_tenth_of_a_second_only(void **state)
{
    struct rate rate;

    rate_init(&rate, 100000);
    assert_int_equal(rate_spend(&rate, 1000, NS_PER_S), 0);
    assert_int_equal(rate_spend(&rate, 10000, 100 * NS_PER_S), 0);
    assert_true(rate_spend(&rate, 10000, 100 * NS_PER_S) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit_nothing_waits),
        cmocka_unit_test(sending_takes_as_long_as_the_rate_says),
        cmocka_unit_test(a_pause_saves_up_a_tenth_of_a_second_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
