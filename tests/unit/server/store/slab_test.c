/* Memory of a run: reuse by size, and nothing retired is reused while a reader may see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/slab.h"

static void no_chains(struct slab *slab, void *chain, size_t count)
{
    fail();
}

static void test_a_freed_block_serves_the_next_of_its_size(void **state)
{
    struct slab slab;

    slab_init(&slab, no_chains);
    void *a = slab_alloc(&slab, 328);
    slab_free(&slab, a, 328);
    assert_ptr_equal(slab_alloc(&slab, 321), a); /* the same 8-byte class */
    void *big = slab_alloc(&slab, 20000);
    slab_free(&slab, big, 20000);
    assert_ptr_equal(slab_alloc(&slab, 19000), big);
    slab_free(&slab, slab_alloc(&slab, 1 << 20), 1 << 20);
    slab_done(&slab);
}

static void test_blocks_do_not_overlap(void **state)
{
    struct slab slab;
    uint8_t *blocks[2000];

    slab_init(&slab, no_chains);
    for (size_t i = 0; i < 2000; i++) {
        size_t size = 1 + i * 37 % 5000;
        blocks[i] = slab_alloc(&slab, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 8, 0);
        memset(blocks[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < 2000; i++) {
        size_t size = 1 + i * 37 % 5000;
        assert_int_equal(blocks[i][0], i & 0xff);
        assert_int_equal(blocks[i][size - 1], i & 0xff);
    }
    slab_done(&slab);
}

static void test_retired_memory_waits_for_its_readers(void **state)
{
    struct slab slab;

    slab_init(&slab, no_chains);
    void *seen = slab_alloc(&slab, 64);
    unsigned reader = slab_enter(&slab);
    assert_int_equal(slab_reserve_retired(&slab, 1), 0);
    slab_retire(&slab, seen, 64);
    for (int i = 0; i < 5; i++) {
        slab_turn(&slab);
        /* later readers come and go, and hold nothing up */
        unsigned other = slab_enter(&slab);
        slab_leave(&slab, other);
        assert_ptr_not_equal(slab_alloc(&slab, 64), seen);
    }
    slab_leave(&slab, reader);
    slab_turn(&slab);
    slab_turn(&slab);
    assert_ptr_equal(slab_alloc(&slab, 64), seen);
    slab_done(&slab);
}

static void test_readers_that_overlap_for_ever_hold_nothing_for_ever(void **state)
{
    struct slab slab;
    unsigned reader[2];
    int i = 1;

    slab_init(&slab, no_chains);
    void *seen = slab_alloc(&slab, 64), *got = NULL;
    reader[0] = slab_enter(&slab);
    assert_int_equal(slab_reserve_retired(&slab, 1), 0);
    slab_retire(&slab, seen, 64);
    for (; i < 12 && got != seen; i++) {
        slab_turn(&slab);
        reader[i % 2] = slab_enter(&slab); /* before the last one leaves */
        slab_leave(&slab, reader[(i + 1) % 2]);
        got = slab_alloc(&slab, 64);
    }
    assert_ptr_equal(got, seen);
    slab_leave(&slab, reader[(i + 1) % 2]);
    slab_done(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_freed_block_serves_the_next_of_its_size),
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_retired_memory_waits_for_its_readers),
        cmocka_unit_test(test_readers_that_overlap_for_ever_hold_nothing_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
