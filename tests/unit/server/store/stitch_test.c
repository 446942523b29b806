/* Attempts and cuts, by named cases. Random ones: commit_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "store/stitch.h"

static const struct stitch_part one_part[1];

static struct stitch_file file(const char *path, uint32_t number, double start, double end)
{
    return (struct stitch_file){.path = path, .number = number, .start = start, .end = end,
                                .has_interval = !isnan(start), .n_parts = 1, .parts = one_part};
}

static void test_a_file_that_starts_later_is_a_new_attempt(void **state)
{
    struct stitch_file f[] = {file("a", 0, 0, 10), file("b", 0, 11, 20), file("c", 0, 30, 40)};

    assert_int_equal(stitch_files(f, 3), 0);
    assert_int_equal(f[0].attempt, 1);
    assert_int_equal(f[1].attempt, 2);
    assert_int_equal(f[2].attempt, 3);
    assert_true(stitch_after(&f[2], &f[0]));
    assert_false(stitch_after(&f[0], &f[2]));
}

static void test_files_that_overlap_are_concurrent(void **state)
{
    /* "later" starts in the very second in which "a" ends */
    struct stitch_file f[] = {file("a", 0, 0, 10), file("evaluator", 0, 5, 60),
                              file("later", 0, 10, 20)};

    assert_int_equal(stitch_files(f, 3), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f[i].attempt, 1);
}

static void test_a_spanning_file_does_not_undo_a_restart(void **state)
{
    struct stitch_file f[] = {file("a", 0, 0, 10), file("b", 0, 11, 20),
                              file("system", 0, 0, 20)};
    struct stitch_lane lanes[] = {{&f[0], 0, 0, false, 0}, {&f[1], 0, 7, false, 0}};

    assert_int_equal(stitch_files(f, 3), 0);
    assert_int_equal(f[1].attempt, 2);
    assert_int_equal(f[2].attempt, 1);
    assert_int_equal(stitch_lanes(lanes, 2), 0);
    assert_true(lanes[0].cut);
    assert_int_equal(lanes[0].cut_from, 7);
    assert_false(lanes[1].cut);
}

static void test_a_newer_generation_is_after_the_older_whatever_its_times(void **state)
{
    struct stitch_file f[] = {file("a", 0, 100, 200), file("a", 1, 50, 60),
                              file("b", 0, 150, 160)};
    struct stitch_lane lanes[] = {{&f[0], 0, 0, false, 0}, {&f[1], 0, 3, false, 0}};

    assert_int_equal(stitch_files(f, 3), 0);
    assert_int_equal(f[1].attempt, 2);
    assert_true(f[1].late_start == 200 && f[1].late_end == 200);
    assert_true(stitch_after(&f[1], &f[2])); /* raised to 200, after 160 */
    assert_int_equal(stitch_lanes(lanes, 2), 0);
    assert_int_equal(lanes[0].cut_from, 3);
}

static void test_a_start_hides_in_series_that_the_file_does_not_have(void **state)
{
    const struct stitch_part parts[] = {{true, 40}};
    struct stitch_file f[] = {file("a", 0, 0, 10), file("b", 0, 11, 20)};
    struct stitch_lane lanes[] = {{&f[0], 0, 0, false, 0}};

    f[1].parts = parts;
    assert_int_equal(stitch_files(f, 2), 0);
    assert_true(f[0].hidden);
    assert_int_equal(f[0].hidden_from, 40);
    assert_int_equal(stitch_lanes(lanes, 1), 0);
    assert_true(lanes[0].cut);
    assert_int_equal(lanes[0].cut_from, 40);
}

static void test_parts_of_a_file_are_attempts(void **state)
{
    const struct stitch_part parts[] = {{false, 0}, {true, 40}, {true, 20}};
    struct stitch_file f[] = {file("a", 0, 0, 10), file("b", 0, 11, 20)};
    struct stitch_lane lanes[] = {{&f[0], 0, 0, false, 0}, {&f[0], 1, 41, false, 0}};

    f[0].parts = parts;
    f[0].n_parts = 3;
    assert_int_equal(stitch_files(f, 2), 0);
    assert_int_equal(f[1].attempt, 4);
    assert_int_equal(stitch_lanes(lanes, 2), 0);
    assert_int_equal(lanes[0].cut_from, 20);
    assert_int_equal(lanes[1].cut_from, 20);
}

static void test_without_an_interval_a_file_is_beside_all_others(void **state)
{
    struct stitch_file f[] = {file("a", 0, NAN, 0), file("b", 0, 11, 20)};

    assert_int_equal(stitch_files(f, 2), 0);
    assert_int_equal(f[0].attempt, 1);
    assert_int_equal(f[1].attempt, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_that_starts_later_is_a_new_attempt),
        cmocka_unit_test(test_files_that_overlap_are_concurrent),
        cmocka_unit_test(test_a_spanning_file_does_not_undo_a_restart),
        cmocka_unit_test(test_a_newer_generation_is_after_the_older_whatever_its_times),
        cmocka_unit_test(test_a_start_hides_in_series_that_the_file_does_not_have),
        cmocka_unit_test(test_parts_of_a_file_are_attempts),
        cmocka_unit_test(test_without_an_interval_a_file_is_beside_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
