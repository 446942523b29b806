/* The integer codec: any 64-bit pattern comes back, in the width that the widest needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/for64.h"

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Encodes, decodes, compares; returns the descriptor. */
static struct for64_desc round_trip(uint64_t *slots, size_t count)
{
    uint64_t before[FOR64_SLOTS], after[FOR64_SLOTS];
    uint8_t out[FOR64_MAX_PAYLOAD + FOR64_SLACK];

    memcpy(before, slots, sizeof before);
    struct for64_desc desc = for64_encode(slots, count, out);
    assert_true(for64_valid(desc));
    memset(out + for64_payload(desc, count), 0xa5, FOR64_SLACK);
    memcpy(after, before, FOR64_HISTORY * sizeof *after);
    for64_decode(desc, out, count, after);
    assert_memory_equal(before, after, (FOR64_HISTORY + count) * sizeof *before);
    return desc;
}

static void test_every_width_shift_and_count_round_trips(void **test_state)
{
    for (uint64_t width = 0; width <= 64; width++) {
        for (size_t count = 1; count <= FOR64_BLOCK; count++) {
            uint64_t slots[FOR64_SLOTS] = {next_random(), next_random()};
            uint64_t shift = next_random() % 8;
            if (next_random() % 2)
                slots[0] = slots[1];
            for (size_t i = 2; i < count + 2; i++) {
                uint64_t up = width ? next_random() >> (64 - width) : 0;
                uint64_t down = width ? next_random() >> (64 - width) : 0;
                slots[i] = slots[i - 1] + ((up - down) << shift);
            }
            round_trip(slots, count);
        }
    }
}

static void test_random_bits_round_trip(void **test_state)
{
    for (int round = 0; round < 2000; round++) {
        uint64_t slots[FOR64_SLOTS];
        for (size_t i = 0; i < FOR64_SLOTS; i++)
            slots[i] = next_random() & (next_random() % 4 ? UINT64_MAX : 0);
        round_trip(slots, 1 + next_random() % FOR64_BLOCK);
    }
}

static void test_extremes_round_trip(void **test_state)
{
    const uint64_t odd[] = {0, 1, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63};

    for (int round = 0; round < 500; round++) {
        uint64_t slots[FOR64_SLOTS];
        for (size_t i = 0; i < FOR64_SLOTS; i++)
            slots[i] = odd[next_random() % (sizeof odd / sizeof *odd)];
        round_trip(slots, FOR64_BLOCK);
    }
}

static void test_a_constant_stride_needs_no_bits(void **test_state)
{
    uint64_t slots[FOR64_SLOTS];

    for (size_t i = 0; i < FOR64_SLOTS; i++)
        slots[i] = 1000 - i * 17;
    struct for64_desc desc = round_trip(slots, FOR64_BLOCK);
    assert_int_equal(for64_payload(desc, FOR64_BLOCK), 0);
}

static void test_zero_bits_at_the_end_are_not_stored(void **test_state)
{
    uint64_t slots[FOR64_SLOTS] = {0};

    for (size_t i = 2; i < FOR64_SLOTS; i++)
        slots[i] = (next_random() % 16) << 40;
    struct for64_desc desc = round_trip(slots, FOR64_BLOCK);
    assert_true(for64_width(desc) <= 6);
    assert_true(desc.shift >= 40);
}

static void test_descriptors_that_no_encoder_writes_are_refused(void **test_state)
{
    assert_true(for64_valid((struct for64_desc){64 | FOR64_DOUBLE, 0}));
    assert_false(for64_valid((struct for64_desc){65, 0}));
    assert_false(for64_valid((struct for64_desc){1, 64}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_width_shift_and_count_round_trips),
        cmocka_unit_test(test_random_bits_round_trip),
        cmocka_unit_test(test_extremes_round_trip),
        cmocka_unit_test(test_a_constant_stride_needs_no_bits),
        cmocka_unit_test(test_zero_bits_at_the_end_are_not_stored),
        cmocka_unit_test(test_descriptors_that_no_encoder_writes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
