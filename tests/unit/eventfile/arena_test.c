/* arena_test.c: blocks are aligned, apart, and given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/event.h>

#include "event_message.h"

static unsigned allocations_left; /* before the arena's malloc fails */

static void *failing_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* The whole library of this program uses this arena. */
#define malloc failing_malloc
#include "eventfile/arena.c"
#undef malloc

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    struct arena arena = {0};
    unsigned char *last = NULL;

    allocations_left = 1000;
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

    allocations_left = 1000;
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

    allocations_left = 1000;
    assert_null(arena_alloc(&arena, SIZE_MAX - 3));
    assert_true(arena.failed);
    arena_reset(&arena);
    assert_false(arena.failed);
    arena_done(&arena);
}

/* A large tensor in two pieces: joined and unpacked by protobuf-c, each taking blocks. */
static uint8_t *event_in_pieces(size_t *ret_size)
{
    size_t half = 100000, size = 0;
    uint8_t *event = calloc(1, 2 * half + 64);

    assert_non_null(event);
    event[size++] = 0x2a; /* summary, value, both with lengths to be filled in */
    uint8_t *summary_length = event + size;
    size += 3;
    event[size++] = 0x0a;
    uint8_t *value_length = event + size;
    size += 3;
    size_t begin = size;
    for (int i = 0; i < 2; i++) { /* tensor { tensor_content } */
        event[size++] = 0x42;
        for (int k = 0; k < 3; k++)
            event[size++] = (uint8_t)(((half + 4) >> (7 * k) & 0x7f) | (k < 2 ? 0x80 : 0));
        event[size++] = 0x22;
        for (int k = 0; k < 3; k++)
            event[size++] = (uint8_t)((half >> (7 * k) & 0x7f) | (k < 2 ? 0x80 : 0));
        size += half;
    }
    for (int k = 0; k < 3; k++) {
        value_length[k] = (uint8_t)(((size - begin) >> (7 * k) & 0x7f) | (k < 2 ? 0x80 : 0));
        summary_length[k] =
            (uint8_t)(((size - begin + 4) >> (7 * k) & 0x7f) | (k < 2 ? 0x80 : 0));
    }
    *ret_size = size;
    return event;
}

static void running_out_of_memory_at_any_place_is_said(void **state)
{
    ef_decoder *decoder = ef_decoder_new();
    struct ef_event event;
    unsigned n = 0;
    size_t size;
    uint8_t *payload = event_in_pieces(&size);
    int r;

    do {
        memset(&event, 0x5a, sizeof event);
        struct ef_event before = event;
        allocations_left = n;
        r = ef_event_decode(decoder, payload, size, &event);
        if (r < 0) {
            assert_int_equal(r, EF_ERR_NOMEM);
            assert_memory_equal(&event, &before, sizeof event);
        }
    } while (r < 0 && n++ < 100);
    assert_int_equal(r, 0);
    assert_true(n >= 3);
    assert_int_equal(event.values[0].kind, EF_VALUE_TENSOR);
    free(payload);
    ef_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(a_reset_keeps_one_small_block),
        cmocka_unit_test(impossible_sizes_fail_and_are_remembered),
        cmocka_unit_test(running_out_of_memory_at_any_place_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
