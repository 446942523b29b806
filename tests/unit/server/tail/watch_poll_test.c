/* The wheel of directories to be looked at: who is due when, and when to wake up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tail/discover.h"

static char top[] = "/";

static void nothing_due_means_no_waking_up(void **state)
{
    struct watch_wheel wheel = {0};

    assert_true(watch_wheel_due(&wheel) == UINT64_MAX);
    watch_wheel_now(&wheel, 1000);
    assert_true(watch_wheel_due(&wheel) == UINT64_MAX);
}

static void the_earliest_look_is_woken_up_for(void **state)
{
    struct watch_wheel wheel = {0};
    struct dirnode late = {.wd = -1}, early = {.wd = -1};

    watch_wheel_add(&wheel, &late, 5000);
    assert_int_equal(watch_wheel_due(&wheel), 5000 / WATCH_TICK_MS);
    watch_wheel_add(&wheel, &early, 250);
    assert_int_equal(watch_wheel_due(&wheel), 250 / WATCH_TICK_MS);
    watch_wheel_remove(&wheel, &early);
    assert_int_equal(watch_wheel_due(&wheel), 5000 / WATCH_TICK_MS);
    watch_wheel_remove(&wheel, &late);
    assert_true(watch_wheel_due(&wheel) == UINT64_MAX);
}

static void looks_of_the_safety_poll_come_together(void **state)
{
    struct watch_wheel wheel = {0};
    struct dirnode nodes[3] = {{.wd = -1}, {.wd = -1}, {.wd = -1}};

    for (unsigned i = 0; i < 3; i++) {
        watch_wheel_now(&wheel, i + 1);
        watch_wheel_join(&wheel, &nodes[i], LIMIT_SAFETY_POLL_MS);
    }
    assert_int_equal(watch_wheel_due(&wheel), 105);
    for (unsigned i = 0; i < 3; i++)
        watch_wheel_remove(&wheel, &nodes[i]);
    assert_true(watch_wheel_due(&wheel) == UINT64_MAX); /* they were in one slot, or after it */
}

static void what_was_slept_through_is_looked_at(void **state)
{
    struct source_set set = {0};
    struct discover discover = {.set = &set};
    struct watch_wheel *wheel = &discover.wheel;
    struct dirnode nodes[8];

    for (unsigned i = 0; i < 8; i++) { /* without files there is nothing to look at but the path */
        nodes[i] = (struct dirnode){.wd = 1, .path = top, .path_size = 1, .looks = 1};
        watch_wheel_join(wheel, &nodes[i], 600 * (i + 1));
    }
    watch_wheel_now(wheel, 10 * WATCH_SLOTS + 7); /* the machine slept */
    assert_int_equal(watch_wheel_due(wheel), wheel->tick + 1);
    watch_poll_due(&discover);
    assert_true(watch_wheel_due(wheel) > wheel->tick + 1); /* nobody is left over */
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(nodes[i].looks, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_due_means_no_waking_up),
        cmocka_unit_test(the_earliest_look_is_woken_up_for),
        cmocka_unit_test(looks_of_the_safety_poll_come_together),
        cmocka_unit_test(what_was_slept_through_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
