/* The list of bad ranges: order, overlap, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eventfile/ranges.h"

static void add(struct ef_ranges *r, uint64_t offset, uint64_t end, bool damaged)
{
    struct ef_range range = {
        .offset = offset, .length = end - offset, .reason = EF_REASON_ZEROS, .damaged = damaged};

    assert_int_equal(ef_ranges_add(r, &range), 0);
}

/* Sorted, no overlap, nothing empty, and the count of suspects is right. */
static void assert_sound(const struct ef_ranges *r)
{
    size_t suspects = 0;

    for (size_t i = 0; i < r->count; i++) {
        assert_true(r->items[i].length > 0);
        if (i > 0)
            assert_true(ef_range_end(&r->items[i - 1]) <= r->items[i].offset);
        suspects += !r->items[i].damaged;
    }
    assert_int_equal(suspects, r->suspects);
}

static void assert_range(const struct ef_ranges *r, size_t i, uint64_t offset, uint64_t end)
{
    assert_true(i < r->count);
    assert_int_equal(r->items[i].offset, offset);
    assert_int_equal(ef_range_end(&r->items[i]), end);
}

static void test_ranges_are_sorted(void **state)
{
    struct ef_ranges r = {0};

    add(&r, 50, 60, false);
    add(&r, 10, 20, true);
    add(&r, 30, 40, false);
    assert_sound(&r);
    assert_range(&r, 0, 10, 20);
    assert_range(&r, 1, 30, 40);
    assert_range(&r, 2, 50, 60);
    assert_int_equal(ef_ranges_first_suspect(&r, 99), 30);
    assert_int_equal(ef_ranges_suspect_bytes(&r), 20);
    assert_int_equal(ef_ranges_find(&r, 20), 1);
    assert_int_equal(ef_ranges_find(&r, 19), 0);
    assert_int_equal(ef_ranges_find(&r, 60), 3);
    assert_null(ef_ranges_at(&r, 25));
    assert_int_equal(ef_ranges_at(&r, 35)->offset, 30);
    ef_ranges_done(&r);
}

static void test_newer_knowledge_replaces_older(void **state)
{
    struct ef_ranges r = {0};

    add(&r, 10, 20, false);
    add(&r, 30, 40, false);
    add(&r, 50, 60, false);
    add(&r, 15, 55, true);
    assert_sound(&r);
    assert_int_equal(r.count, 3);
    assert_range(&r, 0, 10, 15);
    assert_range(&r, 1, 15, 55);
    assert_range(&r, 2, 55, 60);
    ef_ranges_done(&r);
}

static void test_judging_from_left_to_right(void **state)
{
    struct ef_ranges r = {0};

    add(&r, 10, 40, false);
    assert_int_equal(ef_ranges_judge(&r, 10, 20, EF_REASON_PAYLOAD), 0);
    ef_ranges_clear(&r, 20, 25);
    assert_int_equal(ef_ranges_judge(&r, 25, 40, EF_REASON_HEADER), 0);
    assert_sound(&r);
    assert_int_equal(r.suspects, 0);
    assert_range(&r, 0, 10, 20);
    assert_range(&r, 1, 25, 40);
    assert_int_equal(r.items[1].reason, EF_REASON_HEADER);
    assert_int_equal(ef_ranges_first_suspect(&r, 99), 99);
    ef_ranges_done(&r);
}

static void test_clearing(void **state)
{
    struct ef_ranges r = {0};

    add(&r, 10, 20, false);
    add(&r, 30, 40, true);
    ef_ranges_clear(&r, 0, 10);
    ef_ranges_clear(&r, 20, 30);
    assert_int_equal(r.count, 2);
    ef_ranges_clear(&r, 35, UINT64_MAX);
    assert_range(&r, 1, 30, 35);
    ef_ranges_clear(&r, 0, UINT64_MAX);
    assert_int_equal(r.count, 0);
    assert_sound(&r);
    ef_ranges_done(&r);
}

static void test_damaged_ranges_are_limited(void **state)
{
    struct ef_ranges r = {0};

    for (uint64_t i = 0; i < EF_RANGES_MAX + 100; i++)
        add(&r, i * 10, i * 10 + 5, true);
    assert_int_equal(r.count, EF_RANGES_MAX);
    assert_sound(&r);
    ef_ranges_done(&r);
}

static void test_random_changes_keep_it_sound(void **state)
{
    struct ef_ranges r = {0};
    uint32_t seed = 7;

    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint64_t offset = (seed >> 8) % 1000, end = offset + 1 + (seed >> 20) % 60;
        if (seed & 0x40)
            ef_ranges_clear(&r, offset, end);
        else if (seed & 0x80)
            assert_int_equal(ef_ranges_judge(&r, offset, end, EF_REASON_ZEROS), 0);
        else
            add(&r, offset, end, false);
        assert_sound(&r);
    }
    ef_ranges_done(&r);
}

static void test_schedule(void **state)
{
    assert_int_equal(ef_range_looks(0, EF_SECOND_NS - 1), 0);
    assert_int_equal(ef_range_looks(0, EF_SECOND_NS), 1);
    assert_int_equal(ef_range_looks(0, 5 * EF_SECOND_NS), 2);
    assert_int_equal(ef_range_looks(0, 30 * EF_SECOND_NS), 3);
    assert_int_equal(ef_range_due_ns(100, 0), 100 + EF_SECOND_NS);
    assert_int_equal(ef_range_due_ns(100, 2), 100 + 30 * EF_SECOND_NS);
    assert_int_equal(ef_range_due_ns(100, 3), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_are_sorted),
        cmocka_unit_test(test_newer_knowledge_replaces_older),
        cmocka_unit_test(test_judging_from_left_to_right),
        cmocka_unit_test(test_clearing),
        cmocka_unit_test(test_damaged_ranges_are_limited),
        cmocka_unit_test(test_random_changes_keep_it_sound),
        cmocka_unit_test(test_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
