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

static void an_old_directory_waits_longer_than_a_round(void **state)
{
    struct watch_wheel wheel = {0};
    struct dirnode node = {.wd = -1};

    watch_wheel_join(&wheel, &node, LIMIT_SAFETY_POLL_OLD_MS);
    assert_in_range(watch_wheel_due(&wheel), LIMIT_SAFETY_POLL_OLD_MS / WATCH_TICK_MS,
                    LIMIT_SAFETY_POLL_OLD_MS / WATCH_TICK_MS + 5);
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
        watch_wheel_join(wheel, &nodes[i], 1000 * (i + 1));
    }
    watch_wheel_now(wheel, 10 * WATCH_SLOTS + 7); /* the machine slept */
    assert_int_equal(watch_wheel_due(wheel), wheel->tick + 1);
    watch_poll_due(&discover);
    assert_true(watch_wheel_due(wheel) > wheel->tick + 1); /* nobody is left over */
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(nodes[i].looks, 2);
}

static void what_did_not_change_for_long_is_looked_at_less_often(void **state)
{
    struct source_set set = {0};
    struct discover discover = {.set = &set};
    int64_t now_ns = (int64_t)(clock_wall_s(NULL) * 1e9);
    int64_t old_ns = now_ns - 2 * LIMIT_SAFETY_POLL_OLD_S * NS_PER_S;
    struct dirnode nodes[] = {
        {.wd = 1, .mtime_ns = old_ns, .newest_ns = old_ns},
        {.wd = 1, .mtime_ns = old_ns, .newest_ns = now_ns},
        {.wd = 1, .mtime_ns = now_ns, .newest_ns = old_ns},
        {.wd = 1, .mtime_ns = old_ns, .newest_ns = now_ns + 1000 * NS_PER_S},
    };

    for (unsigned i = 0; i < 4; i++) {
        nodes[i].path = top;
        nodes[i].path_size = 1;
        nodes[i].looks = 1;
        watch_wheel_join(&discover.wheel, &nodes[i], LIMIT_SAFETY_POLL_MS);
    }
    watch_wheel_now(&discover.wheel, 200);
    watch_poll_due(&discover);
    assert_int_equal(nodes[0].interval_ms, LIMIT_SAFETY_POLL_OLD_MS);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(nodes[i].interval_ms, LIMIT_SAFETY_POLL_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_due_means_no_waking_up),
        cmocka_unit_test(the_earliest_look_is_woken_up_for),
        cmocka_unit_test(an_old_directory_waits_longer_than_a_round),
        cmocka_unit_test(looks_of_the_safety_poll_come_together),
        cmocka_unit_test(what_was_slept_through_is_looked_at),
        cmocka_unit_test(what_did_not_change_for_long_is_looked_at_less_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
