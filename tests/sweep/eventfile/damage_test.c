/* Sweeps over a small file: every bit flipped, every cut, every hole. The survey checks that no
 * wrong record comes out and that each byte is accounted for once; here is what may be lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/limits.h>

#include "ef_builder.h"
#include "ef_survey.h"

static int setup(void **state)
{
    static struct ef_builder b;

    b = (struct ef_builder){0};
    ef_builder_version(&b);
    ef_builder_scalars(&b, 1, 3);
    ef_builder_record(&b, "", 0);
    ef_builder_blob(&b, 90, 5);
    ef_builder_scalar(&b, 4, "val/accuracy", 0.5f);
    ef_builder_scalars(&b, 5, 2);
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    ef_builder_done(*state);
    return 0;
}

static bool in_header(const struct ef_builder *b, size_t byte)
{
    for (size_t i = 0; i < b->records; i++)
        if (byte >= b->offsets[i] && byte < b->offsets[i] + EF_HEADER_BYTES)
            return true;
    return false;
}

static void test_each_flipped_bit(void **state)
{
    struct ef_builder *sound = *state, b;

    ef_survey_copy(sound, &b);
    for (size_t bit = 0; bit < b.size * 8; bit++) {
        ef_builder_flip(&b, bit);
        for (int mode = 0; mode < EF_SURVEY_MODES; mode++) {
            struct ef_survey s = ef_survey(sound, &b, mode, "flipped bit", bit);
            bool header = in_header(sound, bit / 8);
            if (s.lost != (header ? 0 : 1) || s.mended != (header ? 1 : 0))
                fail_msg("flipped bit %zu: %zu lost, %zu mended", bit, s.lost, s.mended);
        }
        ef_builder_flip(&b, bit);
    }
    ef_builder_done(&b);
}

static void test_each_cut(void **state)
{
    struct ef_builder *sound = *state, b;

    for (size_t size = 0; size <= sound->size; size++) {
        size_t whole = 0;
        while (whole + 1 < sound->records && sound->offsets[whole + 1] <= size)
            whole++;
        whole += size == sound->size;
        ef_survey_copy(sound, &b);
        ef_builder_cut(&b, size);
        for (int mode = 0; mode < EF_SURVEY_MODES; mode++) {
            struct ef_survey s = ef_survey(sound, &b, mode, "cut", size);
            if (s.records != whole || s.gaps > 1)
                fail_msg("cut %zu: %zu records, %zu gaps", size, s.records, s.gaps);
        }
        ef_builder_done(&b);
    }
}

/* `width` bytes from each place on are zero: what they touch is lost, nothing else. */
static void sweep_holes(struct ef_builder *sound, size_t width)
{
    struct ef_builder b;

    for (size_t at = 0; at + width <= sound->size; at++) {
        size_t touched = 0;
        for (size_t i = 0; i < sound->records; i++) {
            size_t end = i + 1 < sound->records ? sound->offsets[i + 1] : sound->size;
            touched += sound->offsets[i] < at + width && end > at;
        }
        ef_survey_copy(sound, &b);
        ef_builder_zero(&b, at, width);
        for (int mode = 0; mode < EF_SURVEY_MODES; mode++) {
            struct ef_survey s = ef_survey(sound, &b, mode, "hole", at);
            if (s.lost > touched || s.gaps > touched)
                fail_msg("hole %zu+%zu: %zu lost, %zu touched", at, width, s.lost, touched);
        }
        ef_builder_done(&b);
    }
}

static void test_each_hole(void **state)
{
    sweep_holes(*state, 1);
    sweep_holes(*state, 13);
    sweep_holes(*state, 64);
}

/* Two flipped bits: at most the records they are in. */
static void test_pairs_of_flipped_bits(void **state)
{
    struct ef_builder *sound = *state, b;
    uint32_t seed = 1;

    ef_survey_copy(sound, &b);
    for (int i = 0; i < 3000; i++) {
        size_t bits[2];
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525 + 1013904223;
            bits[k] = (seed >> 8) % (b.size * 8);
            ef_builder_flip(&b, bits[k]);
        }
        struct ef_survey s = ef_survey(sound, &b, i % EF_SURVEY_MODES, "pair", (size_t)i);
        if (s.lost > 2)
            fail_msg("bits %zu and %zu: %zu lost", bits[0], bits[1], s.lost);
        ef_builder_flip(&b, bits[0]);
        ef_builder_flip(&b, bits[1]);
    }
    ef_builder_done(&b);
}

/* Bytes put in between, of every size: nothing that was there is lost. */
static void test_inserted_bytes(void **state)
{
    struct ef_builder *sound = *state;

    for (size_t size = 1; size < 60; size++) {
        struct ef_builder with = {0};
        ef_builder_version(&with);
        ef_builder_scalars(&with, 1, 3);
        for (size_t i = 0; i < size; i++)
            ef_builder_raw(&with, &(uint8_t){(uint8_t)(i * 37 + 5)}, 1);
        ef_builder_scalars(&with, 4, 4);
        for (int mode = 0; mode < EF_SURVEY_MODES; mode++) {
            struct ef_survey s = ef_survey(&with, &with, mode, "inserted", size);
            if (s.lost != 0 || s.gaps != 1 || s.gap_bytes != size)
                fail_msg("inserted %zu: %zu lost, %zu gaps", size, s.lost, s.gaps);
        }
        ef_builder_done(&with);
    }
    assert_non_null(sound);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_each_flipped_bit),      test(test_each_cut),       test(test_each_hole),
        test(test_pairs_of_flipped_bits), test(test_inserted_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
