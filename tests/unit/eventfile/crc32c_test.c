/* CRC-32C: known answers, and every implementation against a bit-by-bit one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/crc32c.h>

#include "eventfile/crc32c_cpu.h"

static uint32_t by_bits(const uint8_t *data, size_t size)
{
    uint32_t state = 0xFFFFFFFF;

    for (size_t i = 0; i < size; i++) {
        state ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            state = (state >> 1) ^ (0x82F63B78 & (0 - (state & 1)));
    }
    return ~state;
}

static uint32_t masked(const void *data, size_t size)
{
    return ef_crc32c_mask(ef_crc32c(data, size));
}

static void fill(uint8_t *data, size_t size)
{
    uint32_t state = 12345;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (uint8_t)(state >> 24);
    }
}

static void test_known_answers(void **state)
{
    static const uint8_t zeros[32];
    static const uint8_t length24[8] = {24}, length50[8] = {50};
    static const uint8_t version[] = "\x09\x00\x00\x80\x38\x99\xD6\xD7\x41\x1A\x0D"
                                     "brain.Event:2";

    assert_int_equal(ef_crc32c("123456789", 9), 0xE3069283);
    assert_int_equal(ef_crc32c(zeros, 32), 0x8A9136AA);
    assert_int_equal(ef_crc32c(zeros, 0), 0);
    assert_int_equal(masked("\x1A\x11"
                            "CRC test, one two",
                            19),
                     0x5794D08A);
    assert_int_equal(masked(length24, 8), 0x224B7FA3);
    assert_int_equal(masked(zeros, 8), 0x07980329);
    assert_int_equal(masked(length50, 8), 0xEC561924);
    assert_int_equal(masked(version, sizeof version - 1), 0xAB364B12);
}

static void test_scalar_event_of_the_format_page(void **state)
{
    static const uint8_t payload[50] = {0x09, 0xC4, 0x05, 0xB7, 0x3D, 0x99, 0xD6, 0xD7, 0x41, 0x10,
                                        0x4D, 0x2A, 0x25, 0x0A, 0x23, 0x0A, 0x08, 'a',  'c',  'c',
                                        'u',  'r',  'a',  'c',  'y',  0x42, 0x0A, 0x08, 0x01, 0x12,
                                        0x00, 0x22, 0x04, 0xA4, 0x70, 0x7D, 0x3F, 0x4A, 0x0B, 0x0A,
                                        0x09, 0x0A, 0x07, 's',  'c',  'a',  'l',  'a',  'r',  's'};

    assert_int_equal(masked(payload, sizeof payload), 0x33645BA5);
}

static void test_mask_and_unmask_are_inverse(void **state)
{
    static const uint32_t values[] = {0, 1, 0x8000, 0xFFFFFFFF, 0xA282EAD8, 0x12345678};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(ef_crc32c_unmask(ef_crc32c_mask(values[i])), values[i]);
}

/* Every length around the step sizes of the implementations, at every alignment. */
static void test_every_implementation_agrees(void **state)
{
    enum { SIZE = 4200 };
    static uint8_t data[SIZE + 24];

    fill(data, sizeof data);
    for (size_t size = 0; size < SIZE; size += size < 300 ? 1 : 97)
        for (size_t at = 8; at < 16; at++) {
            uint32_t wanted = by_bits(data + at, size);
            assert_int_equal(ef_crc32c(data + at, size), wanted);
            assert_int_equal(~ef_crc32c_table_update(EF_CRC32C_START, data + at, size), wanted);
#ifdef EF_CRC32C_CPU_NAME
            if (ef_crc32c_has_cpu())
                assert_int_equal(~ef_crc32c_cpu_behind(data + at, size), wanted);
#endif
        }
}

static void test_pieces_give_the_same_as_the_whole(void **state)
{
    static uint8_t data[5000];

    fill(data, sizeof data);
    uint32_t wanted = ef_crc32c(data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += 61) {
        uint32_t crc = ef_crc32c_extend(0, data, cut);
        assert_int_equal(ef_crc32c_extend(crc, data + cut, sizeof data - cut), wanted);
    }
}

static void test_implementation_has_a_name(void **state)
{
    const char *name = ef_crc32c_implementation();

    assert_true(strcmp(name, "sse4.2") == 0 || strcmp(name, "armv8") == 0 ||
                strcmp(name, "table") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_scalar_event_of_the_format_page),
        cmocka_unit_test(test_mask_and_unmask_are_inverse),
        cmocka_unit_test(test_every_implementation_agrees),
        cmocka_unit_test(test_pieces_give_the_same_as_the_whole),
        cmocka_unit_test(test_implementation_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
