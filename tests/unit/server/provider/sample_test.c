/* A limited answer: exactly so many points, the last, the first, and the extremes of stretches. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "provider/sample.h"

static double value_of(uint64_t i, unsigned shape)
{
    switch (shape) {
    case 0:
        return (double)i;
    case 1:
        return 0; /* all equal */
    case 2:
        return NAN;
    case 3:
        return (double)(i * 2654435761u % 1000);
    default:
        return i % 3 ? NAN : (double)(i % 5);
    }
}

static size_t take(uint64_t count, uint64_t limit, unsigned shape, struct sample_point *room)
{
    struct sample sample;

    sample_init(&sample, count, limit, room);
    for (uint64_t i = 0; i < count; i++) {
        const struct sample_point point = {(int64_t)i, (double)i, value_of(i, shape)};
        sample_add(&sample, &point);
    }
    return sample.n_kept;
}

static void gives_exactly_the_limit_in_order_with_both_ends(void **state)
{
    struct sample_point room[200];

    for (unsigned shape = 0; shape < 5; shape++)
        for (uint64_t count = 1; count <= 120; count++)
            for (uint64_t limit = 0; limit < count; limit++) {
                assert_int_equal(take(count, limit, shape, room), limit);
                for (uint64_t i = 1; i < limit; i++)
                    assert_true(room[i - 1].step < room[i].step);
                if (limit > 0)
                    assert_int_equal(room[limit - 1].step, count - 1);
                if (limit > 1)
                    assert_int_equal(room[0].step, 0);
            }
}

static void keeps_a_spike_wherever_it_is(void **state)
{
    struct sample_point room[10];
    struct sample sample;

    for (uint64_t spike = 0; spike < 1000; spike++) {
        sample_init(&sample, 1000, 10, room);
        for (uint64_t i = 0; i < 1000; i++) {
            const struct sample_point point = {(int64_t)i, 0, i == spike ? -100 : (double)(i % 7)};
            sample_add(&sample, &point);
        }
        bool found = false;
        for (size_t i = 0; i < 10; i++)
            found = found || room[i].step == (int64_t)spike;
        assert_true(found);
    }
}

static void even_ones_are_distinct_and_have_both_ends(void **state)
{
    for (uint64_t count = 2; count <= 100; count++)
        for (uint64_t limit = 1; limit < count; limit++) {
            for (uint64_t i = 1; i < limit; i++)
                assert_true(sample_even(i - 1, limit, count) < sample_even(i, limit, count));
            assert_int_equal(sample_even(limit - 1, limit, count), count - 1);
            assert_true(limit == 1 || sample_even(0, limit, count) == 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_exactly_the_limit_in_order_with_both_ends),
        cmocka_unit_test(keeps_a_spike_wherever_it_is),
        cmocka_unit_test(even_ones_are_distinct_and_have_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
