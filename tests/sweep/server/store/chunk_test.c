/* A small chunk with every bit flipped, and cut at every byte: never taken for sound, never read
 * beyond its end (the copy has its exact size, so that a sanitizer would see it). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chunk_make.h"

static int64_t step[200];
static double wall[200];
static uint64_t bits[200];

static enum chunk_error open_copy(const uint8_t *data, size_t size)
{
    const struct chunk *chunk;
    unsigned version;
    uint8_t *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, data, size);
    enum chunk_error error = chunk_open(copy, size, &chunk, &version);
    free(copy);
    return error;
}

static void test_every_flipped_bit_is_seen(void **state)
{
    chunk_make_points(1, VALUE_F32, step, wall, bits, 200);
    struct chunk *chunk = chunk_make(VALUE_F32, step, wall, bits, 200);
    uint8_t *data = (uint8_t *)chunk;

    assert_int_equal(open_copy(data, chunk->size), CHUNK_OK);
    size_t size = chunk->size, covered = size - FOR64_SLACK;
    for (size_t i = 0; i < covered * 8; i++) {
        data[i / 8] ^= (uint8_t)(1 << i % 8);
        if (open_copy(data, size) == CHUNK_OK)
            fail_msg("bit %zu of byte %zu", i % 8, i / 8);
        data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    free(chunk);
}

static void test_every_cut_is_seen(void **state)
{
    chunk_make_points(2, VALUE_F64, step, wall, bits, 200);
    struct chunk *chunk = chunk_make(VALUE_F64, step, wall, bits, 200);

    for (size_t size = 0; size < chunk->size; size++)
        assert_int_equal(open_copy((const uint8_t *)chunk, size), CHUNK_SHORT);
    free(chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_flipped_bit_is_seen),
        cmocka_unit_test(test_every_cut_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
