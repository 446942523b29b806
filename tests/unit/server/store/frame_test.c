/* Frames against tests/golden/frames: the encoder gives those bytes. And sizes and flags that the
 * golden ones do not show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "store/store.h"

#define T 1700000000.0

static uint64_t f32(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t f64(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void expect_golden(const struct buf *got, const char *name)
{
    char path[512];
    uint8_t want[4096];

    snprintf(path, sizeof path, "%s/frames/%s.bin", TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(want, 1, sizeof want, f);
    fclose(f);
    if (got->length != size)
        fail_msg("%s: %zu bytes, should be %zu", name, got->length, size);
    for (size_t i = 0; i < size; i++) {
        if ((uint8_t)got->data[i] != want[i])
            fail_msg("%s: byte %zu is %02x, should be %02x", name, i, (uint8_t)got->data[i],
                     want[i]);
    }
}

static void check(const struct answer *answer, uint32_t handle, uint32_t cols, bool approximate,
                  const char *name)
{
    _cleanup_(buf_done) struct buf out = BUF_INIT(1 << 20);

    assert_int_equal(frame_answer(&out, answer, handle, cols, approximate), 0);
    expect_golden(&out, name);
}

static void test_points(void **state)
{
    int64_t step[] = {100, 110, 120};
    double wall[] = {T, T + 0.5, T + 1};
    uint64_t bits[] = {f32(0.5f), f32(0.25f), f32(NAN)};
    struct answer a = {.count = 3, .ordinal = 42, .attempt = 1, .step = step, .wall = wall,
                       .bits = bits, .kind = VALUE_F32};

    check(&a, 7, COL_ALL, true, "points");
}

static void test_points_of_doubles(void **state)
{
    int64_t step[] = {-3, 0, 1, INT64_C(1) << 53};
    double wall[] = {T + 0.1, -INFINITY, NAN, INFINITY};
    uint64_t bits[] = {f64(0.1), f64(-0.0), f64(INFINITY), f64(-1e300)};
    struct answer a = {.count = 4, .ordinal = (UINT64_C(1) << 40) + 5, .attempt = 2,
                       .complete = true, .step = step, .wall = wall, .bits = bits,
                       .kind = VALUE_F64};

    check(&a, 1, COL_ALL, false, "points-f64");
    check(&a, 1, COL_ALL, true, "points-f64"); /* such walls have no approximation */
}

static void test_points_with_large_steps(void **state)
{
    int64_t step[] = {INT64_MIN, INT64_MAX};
    double wall[] = {T, T + 1};
    uint64_t bits[] = {f64(1), f64(2)};
    struct answer a = {.count = 2, .ordinal = 2, .attempt = 1, .complete = true, .step = step,
                       .wall = wall, .bits = bits, .kind = VALUE_F64};

    check(&a, 2, COL_ALL, false, "points-large-steps");
}

static void test_points_on_an_even_clock(void **state)
{
    int64_t step[] = {0, -5, -10, -15};
    double wall[] = {T, T + 0.25, T + 0.5, T + 0.75};
    uint64_t bits[] = {f32(0), f32(1.5f), f32(-2), f32(3)};
    struct answer a = {.count = 4, .ordinal = 4, .attempt = 1, .complete = true, .step = step,
                       .wall = wall, .bits = bits, .kind = VALUE_F32};

    check(&a, 3, COL_ALL, false, "points-linear-wall");
}

static void test_large_integers(void **state)
{
    int64_t step[] = {1, 2, 3};
    double wall[] = {T, T + 1, T + 2};
    uint64_t bits[] = {UINT64_C(1) << 63, UINT64_MAX, INT64_MAX};
    struct answer a = {.count = 3, .ordinal = 3, .attempt = 1, .complete = true, .step = step,
                       .wall = wall, .bits = bits, .kind = VALUE_I64};
    int64_t one[] = {5};
    struct answer u = {.count = 1, .ordinal = 1, .attempt = 1, .complete = true, .step = one,
                       .wall = wall, .bits = bits + 1, .kind = VALUE_U64};

    check(&a, 4, COL_ALL, false, "points-i64");
    check(&u, 5, COL_ALL, false, "points-u64");
}

static void test_mixed_attempts_are_a_column(void **state)
{
    int64_t step[] = {1, 2, 2};
    double wall[] = {T, T + 1, T + 2};
    uint64_t bits[] = {f32(1), f32(2), f32(3)};
    uint32_t attempts[] = {1, 1, 2};
    struct answer a = {.count = 3, .ordinal = 3, .attempts = attempts, .complete = true,
                       .step = step, .wall = wall, .bits = bits, .kind = VALUE_F32};

    check(&a, 6, COL_ALL, false, "points-attempts");
}

static void test_columns_can_be_left_out(void **state)
{
    int64_t step[] = {1, 2, 3};
    double wall[] = {T, T, T};
    uint64_t bits[] = {f32(0.5f), f32(1), f32(2)};
    struct answer a = {.count = 3, .ordinal = 3, .attempt = 1, .complete = true, .step = step,
                       .wall = wall, .bits = bits, .kind = VALUE_F32};

    check(&a, 8, COL_FIRST, false, "points-value-only");
}

static void test_no_points(void **state)
{
    struct answer a = {.complete = true, .kind = VALUE_F64};

    check(&a, 9, COL_ALL, false, "empty");
}

static void test_kinds_that_fit_no_code_come_as_several_frames(void **state)
{
    int64_t step[] = {1, 2, 3, 4, 5};
    double wall[] = {T, T + 1, T + 2, T + 3, T + 4};
    uint64_t bits[] = {f64(0.1), f64(0.2), UINT64_C(9007199254740993),
                       0 - UINT64_C(9007199254740993), f64(0.3)};
    uint8_t kinds[] = {VALUE_F64, VALUE_F64, VALUE_I64, VALUE_I64, VALUE_F64};
    struct answer a = {.count = 5, .ordinal = 5, .attempt = 1, .complete = true, .step = step,
                       .wall = wall, .bits = bits, .kinds = kinds, .kind = VALUE_F64};

    check(&a, 12, COL_ALL, false, "points-split");
}

static void test_buckets(void **state)
{
    int64_t step[] = {0, 10, 20}, argmin[] = {3, 12, 20}, argmax[] = {4, 13, 20};
    int64_t step_last[] = {4, 14, 21};
    double wall[] = {T, T + 10, T + 20}, wall_last[] = {T + 4, T + 14, T + 21};
    double wall_min[] = {T + 3, T + 12, T + 20}, wall_max[] = {T + 4, T + 13, T + 20};
    uint64_t first[] = {f32(1), f32(2), f32(NAN)}, last[] = {f32(1.5f), f32(2.5f), f32(NAN)};
    uint64_t min[] = {f32(0.5f), f32(-2), f32(NAN)}, max[] = {f32(1.5f), f32(8), f32(NAN)};
    double mean[] = {1.1, 2.2, NAN};
    uint32_t n[] = {5, 5, 2}, nan[] = {0, 1, 2}, inf[] = {0, 1, 0};
    struct answer a = {.buckets = true, .count = 3, .ordinal = 12, .attempt = 1, .complete = true,
                       .step = step, .wall = wall, .kind = VALUE_F32, .bits = first, .last = last,
                       .min = min, .max = max, .mean = mean, .n = n, .nan = nan, .inf = inf,
                       .argmin = argmin, .argmax = argmax, .step_last = step_last,
                       .wall_last = wall_last, .wall_min = wall_min, .wall_max = wall_max};

    check(&a, 10, COL_ALL, true, "buckets");
}

static void test_some_columns_of_buckets(void **state)
{
    int64_t step[] = {1, 5};
    uint64_t min[] = {f64(0.1), f64(0.2)}, max[] = {f64(0.3), f64(0.4)};
    uint32_t n[] = {4, 4}, none[] = {0, 0}, attempts[] = {1, 0};
    struct answer a = {.buckets = true, .count = 2, .ordinal = 8, .step = step, .min = min,
                       .max = max, .n = n, .nan = none, .inf = none, .attempts = attempts,
                       .kind = VALUE_F64};

    check(&a, 11, COL_STEP | COL_MIN | COL_MAX | COL_N, true, "buckets-some");
}

static void test_truncate_and_behind(void **state)
{
    _cleanup_(buf_done) struct buf t = BUF_INIT(1 << 10), b = BUF_INIT(1 << 10);

    assert_int_equal(frame_truncate(&t, 13, -7, 100), 0);
    expect_golden(&t, "truncate");
    assert_int_equal(frame_behind(&b, 14, 101), 0);
    expect_golden(&b, "behind");
}

static void test_column_names(void **state)
{
    assert_int_equal(frame_column_parse("step", 4), COL_STEP);
    assert_int_equal(frame_column_parse("value", 5), COL_FIRST);
    assert_int_equal(frame_column_parse("wall_max", 8), COL_WALL_MAX);
    assert_int_equal(frame_column_parse("wall_ma", 7), 0);
    assert_string_equal(frame_column_word(COL_ARGMIN), "argmin");
}

static void test_a_full_buffer_is_an_error(void **state)
{
    _cleanup_(buf_done) struct buf out = BUF_INIT(40);
    int64_t step[] = {1, 2, 4};
    double wall[] = {T, T, T};
    uint64_t bits[] = {0, 0, 0};
    struct answer a = {.count = 3, .step = step, .wall = wall, .bits = bits, .kind = VALUE_F32};

    assert_true(frame_answer(&out, &a, 1, COL_ALL, false) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_points_of_doubles),
        cmocka_unit_test(test_points_with_large_steps),
        cmocka_unit_test(test_points_on_an_even_clock),
        cmocka_unit_test(test_large_integers),
        cmocka_unit_test(test_mixed_attempts_are_a_column),
        cmocka_unit_test(test_columns_can_be_left_out),
        cmocka_unit_test(test_no_points),
        cmocka_unit_test(test_kinds_that_fit_no_code_come_as_several_frames),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_some_columns_of_buckets),
        cmocka_unit_test(test_truncate_and_behind),
        cmocka_unit_test(test_column_names),
        cmocka_unit_test(test_a_full_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
