/* Sealed chunks: every kind and every odd value comes back bit by bit, and the header tells the
 * truth about the points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "chunk_make.h"
#include "store/scalar.h"

static int64_t step[LIMIT_CHUNK_POINTS + FOR64_BLOCK], step2[LIMIT_CHUNK_POINTS + FOR64_BLOCK];
static double wall[LIMIT_CHUNK_POINTS + FOR64_BLOCK], wall2[LIMIT_CHUNK_POINTS + FOR64_BLOCK];
static uint64_t bits[LIMIT_CHUNK_POINTS + FOR64_BLOCK], bits2[LIMIT_CHUNK_POINTS + FOR64_BLOCK];
static const struct points decoded = {step2, wall2, bits2};

static const size_t counts[] = {1, 2, 63, 64, 65, 500, 4095, 4096};

static void expect_decoded(const struct chunk *chunk, size_t count)
{
    const struct chunk *opened;
    unsigned version;

    assert_int_equal(chunk_open(chunk, chunk->size, &opened, &version), CHUNK_OK);
    chunk_decode(opened, &decoded);
    assert_memory_equal(step, step2, count * sizeof *step);
    assert_memory_equal(wall, wall2, count * sizeof *wall);
    assert_memory_equal(bits, bits2, count * sizeof *bits);
}

static void test_every_kind_comes_back_bit_by_bit(void **state)
{
    for (enum value_kind kind = VALUE_F32; kind <= VALUE_BOOL; kind++) {
        for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
            for (uint64_t seed = 0; seed < 4; seed++) {
                chunk_make_points(seed, kind, step, wall, bits, counts[c]);
                struct chunk *chunk = chunk_make(kind, step, wall, bits, counts[c]);
                expect_decoded(chunk, counts[c]);
                free(chunk);
            }
        }
    }
}

/* The header by plain counting. */
static void expect_header(const struct tally *t, enum value_kind kind, size_t count)
{
    size_t nan = 0, inf = 0, finite = 0;
    int64_t low = INT64_MAX, high = INT64_MIN;
    double first_wall = INFINITY, last_wall = -INFINITY, sum = 0;
    bool by_step = true, by_wall = true, all_finite = true;

    for (size_t i = 0; i < count; i++) {
        low = MIN(low, step[i]);
        high = MAX(high, step[i]);
        all_finite = all_finite && isfinite(wall[i]);
        if (isfinite(wall[i])) {
            first_wall = MIN(first_wall, wall[i]);
            last_wall = MAX(last_wall, wall[i]);
        }
        nan += scalar_is_nan(kind, bits[i]);
        inf += !scalar_is_nan(kind, bits[i]) && !scalar_is_finite(kind, bits[i]);
        finite += scalar_is_finite(kind, bits[i]);
        sum += scalar_is_finite(kind, bits[i]) ? scalar_double(kind, bits[i]) : 0;
        if (i == 0)
            continue;
        int order = scalar_compare_x(wall[i - 1], wall[i]);
        by_step = by_step && (step[i - 1] < step[i] || (step[i - 1] == step[i] && order <= 0));
        by_wall = by_wall && (order < 0 || (order == 0 && step[i - 1] <= step[i]));
    }
    assert_int_equal(t->count, count);
    assert_int_equal(t->nan, nan);
    assert_int_equal(t->pinf + t->ninf, inf);
    assert_int_equal(tally_finite(t), finite);
    assert_int_equal(t->min_step, low);
    assert_int_equal(t->max_step, high);
    assert_true(t->min_wall == first_wall && t->max_wall == last_wall);
    assert_int_equal((t->flags & TALLY_ASCENDS_STEP) != 0, by_step);
    assert_int_equal((t->flags & TALLY_ASCENDS_WALL) != 0, by_wall);
    assert_int_equal((t->flags & TALLY_WALL_FINITE) != 0, all_finite);
    assert_true(fabs(t->sum - sum) <= 1e-6 * (1 + fabs(sum)) || !isfinite(sum) || fabs(sum) > 1e30);
    assert_int_equal(t->last_step, step[count - 1]);
    assert_int_equal(t->last_bits, bits[count - 1]);
}

static void expect_extremes(const struct tally *t, enum value_kind kind, size_t count)
{
    size_t min = count, max = count;

    for (size_t i = 0; i < count; i++) {
        if (!scalar_is_finite(kind, bits[i]))
            continue;
        if (min == count || scalar_compare(kind, bits[i], kind, bits[min]) < 0)
            min = i;
        if (max == count || scalar_compare(kind, bits[i], kind, bits[max]) > 0)
            max = i;
    }
    if (min == count)
        return;
    assert_int_equal(t->min_bits, bits[min]);
    assert_int_equal(t->argmin, step[min]);
    assert_int_equal(t->max_bits, bits[max]);
    assert_int_equal(t->argmax, step[max]);
    assert_memory_equal(&t->wall_min, &wall[min], sizeof(double));
    assert_memory_equal(&t->wall_max, &wall[max], sizeof(double));
}

static void test_the_header_says_what_counting_says(void **state)
{
    for (enum value_kind kind = VALUE_F32; kind <= VALUE_BOOL; kind++) {
        for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
            for (uint64_t seed = 0; seed < 4; seed++) {
                chunk_make_points(seed, kind, step, wall, bits, counts[c]);
                struct chunk *chunk = chunk_make(kind, step, wall, bits, counts[c]);
                expect_header(&chunk->tally, kind, counts[c]);
                expect_extremes(&chunk->tally, kind, counts[c]);
                free(chunk);
            }
        }
    }
}

static void test_equal_steps_ascend_only_with_their_wall_times(void **state)
{
    for (size_t i = 0; i < 10; i++) {
        step[i] = 5;
        wall[i] = (double)i;
        bits[i] = 0;
    }
    struct chunk *chunk = chunk_make(VALUE_F32, step, wall, bits, 10);
    assert_true(chunk->tally.flags & TALLY_ASCENDS_STEP);
    free(chunk);
    wall[4] = 2.5;
    chunk = chunk_make(VALUE_F32, step, wall, bits, 10);
    assert_false(chunk->tally.flags & (TALLY_ASCENDS_STEP | TALLY_ASCENDS_WALL));
    free(chunk);
}

static void test_an_unknown_version_is_named(void **state)
{
    const struct chunk *opened;
    unsigned version = 0;

    chunk_make_points(1, VALUE_F32, step, wall, bits, 10);
    struct chunk *chunk = chunk_make(VALUE_F32, step, wall, bits, 10);
    chunk->version = 7;
    assert_int_equal(chunk_open(chunk, chunk->size, &opened, &version), CHUNK_NEWER);
    assert_int_equal(version, 7);
    assert_string_equal(chunk_error_word(CHUNK_NEWER), "newer-version");
    free(chunk);
}

static void test_typical_losses_take_less_than_six_bytes(void **state)
{
    chunk_make_points(1, VALUE_F32, step, wall, bits, LIMIT_CHUNK_POINTS);
    struct chunk *chunk = chunk_make(VALUE_F32, step, wall, bits, LIMIT_CHUNK_POINTS);
    assert_true(chunk->size < 6 * LIMIT_CHUNK_POINTS);
    free(chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_comes_back_bit_by_bit),
        cmocka_unit_test(test_the_header_says_what_counting_says),
        cmocka_unit_test(test_equal_steps_ascend_only_with_their_wall_times),
        cmocka_unit_test(test_an_unknown_version_is_named),
        cmocka_unit_test(test_typical_losses_take_less_than_six_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
