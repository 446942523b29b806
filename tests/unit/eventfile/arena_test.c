/* arena_test.c: blocks are aligned, apart, and given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eventfile/arena.h"

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    struct arena arena = {0};
    unsigned char *last = NULL;

    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(&arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(p != last || size <= 7);
        memset(p, (int)size, size);
        last = p;
    }
    arena_done(&arena);
}

static void a_reset_keeps_one_small_block(void **state)
{
    struct arena arena = {0};

    void *first = arena_alloc(&arena, 100);
    assert_non_null(arena_alloc(&arena, 1 << 20));
    assert_non_null(arena_alloc(&arena, 100));
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_done(&arena);
    assert_null(arena.newest);
}

static void impossible_sizes_fail_and_are_remembered(void **state)
{
    struct arena arena = {0};

    assert_null(arena_alloc(&arena, SIZE_MAX - 3));
    assert_true(arena.failed);
    arena_reset(&arena);
    assert_false(arena.failed);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(a_reset_keeps_one_small_block),
        cmocka_unit_test(impossible_sizes_fail_and_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
