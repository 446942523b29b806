/* What ef_scalar_match() and ef_scalar_again() take, ef_event_decode() must say as well: tried on
 * the usual payloads, on each of their bytes replaced by each value, and on every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/eventfile.h>

/* wall_time 1.5 * 2^n, step 77, tag "accuracy", value 0.99 */
static const uint8_t simple[] = {0x09, 0xC4, 0x05, 0xB7, 0x3D, 0x99, 0xD6, 0xD7, 0x41, 0x10, 0x4D,
                                 0x2A, 0x11, 0x0A, 0x0F, 0x0A, 0x08, 'a',  'c',  'c',  'u',  'r',
                                 'a',  'c',  'y',  0x15, 0xA4, 0x70, 0x7D, 0x3F};
static const uint8_t tensor[] = {
    0x09, 0xC4, 0x05, 0xB7, 0x3D, 0x99, 0xD6, 0xD7, 0x41, 0x10, 0x4D, 0x2A, 0x25,
    0x0A, 0x23, 0x0A, 0x08, 'a',  'c',  'c',  'u',  'r',  'a',  'c',  'y',  0x42,
    0x0A, 0x08, 0x01, 0x12, 0x00, 0x22, 0x04, 0xA4, 0x70, 0x7D, 0x3F, 0x4A, 0x0B,
    0x0A, 0x09, 0x0A, 0x07, 's',  'c',  'a',  'l',  'a',  'r',  's'};

/* 1 if it matched; fails if the decoder disagrees. */
static int hold_together(ef_decoder *decoder, const uint8_t *payload, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* exact size: a read beyond it is seen by ASan */
    struct ef_scalar scalar;
    struct ef_event event;

    assert_non_null(copy);
    memcpy(copy, payload, size);
    int matched = ef_scalar_match(copy, size, &scalar);
    if (matched) {
        assert_int_equal(ef_event_decode(decoder, copy, size, &event), 0);
        assert_int_equal(event.what, EF_WHAT_SUMMARY);
        assert_int_equal(event.n_values, 1);
        assert_int_equal(event.values[0].kind, EF_VALUE_SCALAR);
        assert_int_equal(event.values[0].number, EF_NUMBER_F32);
        assert_int_equal(event.values[0].bits, scalar.bits);
        assert_int_equal(event.step, scalar.step);
        assert_memory_equal(&event.wall_time, &scalar.wall_time, sizeof(double));
        assert_int_equal(event.values[0].tag.size, scalar.tag.size);
        assert_ptr_equal(event.values[0].tag.data, scalar.tag.data);
    }
    free(copy);
    return matched;
}

static void the_usual_records_match(void **state)
{
    ef_decoder *decoder = ef_decoder_new();
    struct ef_scalar scalar;

    assert_true(hold_together(decoder, simple, sizeof simple));
    assert_true(hold_together(decoder, tensor, sizeof tensor));
    assert_true(ef_scalar_match(simple, sizeof simple, &scalar));
    assert_int_equal(scalar.step, 77);
    assert_int_equal(scalar.bits, 0x3F7D70A4);
    assert_memory_equal(scalar.tag.data, "accuracy", 8);
    ef_decoder_free(decoder);
}

static void steps_of_up_to_four_bytes_match(void **state)
{
    static const uint32_t steps[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455};
    ef_decoder *decoder = ef_decoder_new();

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint8_t payload[64];
        size_t n = 9;
        memcpy(payload, simple, 9);
        if (steps[i] > 0) {
            payload[n++] = 0x10;
            uint32_t left = steps[i];
            for (; left >= 0x80; left >>= 7)
                payload[n++] = (uint8_t)(left | 0x80);
            payload[n++] = (uint8_t)left;
        }
        memcpy(payload + n, simple + 11, sizeof simple - 11);
        assert_true(hold_together(decoder, payload, n + sizeof simple - 11));
    }
    ef_decoder_free(decoder);
}

static void every_other_byte_and_cut_agrees_with_the_decoder(void **state)
{
    static const struct {
        const uint8_t *data;
        size_t size;
    } shapes[] = {{simple, sizeof simple}, {tensor, sizeof tensor}};
    ef_decoder *decoder = ef_decoder_new();
    size_t matched = 0;

    for (size_t s = 0; s < 2; s++) {
        uint8_t payload[64] = {0};
        for (size_t at = 0; at < shapes[s].size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memcpy(payload, shapes[s].data, shapes[s].size);
                payload[at] = (uint8_t)byte;
                matched += (size_t)hold_together(decoder, payload, shapes[s].size);
            }
            assert_false(hold_together(decoder, shapes[s].data, at));
            assert_false(hold_together(decoder, payload, shapes[s].size + 1));
        }
    }
    assert_true(matched > 2 * 20 * 256); /* wall time, step, tag and value may be anything */
    ef_decoder_free(decoder);
}

/* Takes the payload by the form, if it has it: then the decoder must say the same. What lies behind
 * the payload is noise, of the least room that is allowed. 1 if it was taken. */
static int hold_again(const struct ef_scalar_form *form, const struct ef_scalar *learnt,
                      const uint8_t *payload, size_t size)
{
    size_t room = size > EF_SCALAR_AGAIN_ROOM ? size : EF_SCALAR_AGAIN_ROOM;
    uint8_t *copy = malloc(room);
    struct ef_scalar scalar, again;
    struct ef_event event;

    assert_non_null(copy);
    memset(copy, (int)size, room);
    memcpy(copy, payload, size);
    int taken = ef_scalar_again(form, copy, size, &again);
    if (taken) {
        ef_decoder *decoder = ef_decoder_new();
        assert_int_equal(ef_event_decode(decoder, copy, size, &event), 0);
        assert_int_equal(event.what, EF_WHAT_SUMMARY);
        assert_int_equal(event.n_values, 1);
        assert_int_equal(event.values[0].kind, EF_VALUE_SCALAR);
        assert_int_equal(event.values[0].number, EF_NUMBER_F32);
        assert_int_equal(event.values[0].bits, again.bits);
        assert_int_equal(event.step, again.step);
        assert_memory_equal(&event.wall_time, &again.wall_time, sizeof(double));
        assert_int_equal(event.values[0].tag.size, learnt->tag.size);
        assert_memory_equal(event.values[0].tag.data, learnt->tag.data, learnt->tag.size);
        ef_decoder_free(decoder);
    } else if (form->size != EF_SCALAR_NO_FORM && ef_scalar_match(copy, size, &scalar) &&
               scalar.tag.size == learnt->tag.size) {
        assert_true(memcmp(scalar.tag.data, learnt->tag.data, learnt->tag.size) != 0);
    }
    free(copy);
    return taken;
}

static void a_form_takes_what_matches_with_its_tag_and_nothing_else(void **state)
{
    static const struct {
        const uint8_t *data;
        size_t size;
    } shapes[] = {{simple, sizeof simple}, {tensor, sizeof tensor}};

    for (size_t s = 0; s < 2; s++) {
        struct ef_scalar_form form = {.size = EF_SCALAR_NO_FORM};
        struct ef_scalar scalar;
        uint8_t payload[64] = {0};
        size_t taken = 0;
        assert_true(ef_scalar_match(shapes[s].data, shapes[s].size, &scalar));
        assert_false(hold_again(&form, &scalar, shapes[s].data, shapes[s].size));
        ef_scalar_learn(&form, shapes[s].data, shapes[s].size, &scalar);
        assert_true(hold_again(&form, &scalar, shapes[s].data, shapes[s].size));
        for (size_t at = 0; at < shapes[s].size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memcpy(payload, shapes[s].data, shapes[s].size);
                payload[at] = (uint8_t)byte;
                taken += (size_t)hold_again(&form, &scalar, payload, shapes[s].size);
            }
            assert_false(hold_again(&form, &scalar, shapes[s].data, at));
            assert_false(hold_again(&form, &scalar, payload, shapes[s].size + 1));
        }
        assert_true(taken >= 12 * 256); /* wall time and float may be anything, and most steps */
    }
}

/* A payload with a tag of `n` letters; returns its size. */
static size_t make_payload(uint8_t *payload, size_t n, int64_t step, char last)
{
    size_t at = 9;

    memcpy(payload, simple, 9);
    for (payload[at++] = 0x10; step >= 0x80; step >>= 7)
        payload[at++] = (uint8_t)(step | 0x80);
    payload[at++] = (uint8_t)step;
    const uint8_t head[] = {0x2A, (uint8_t)(n + 9), 0x0A, (uint8_t)(n + 7), 0x0A, (uint8_t)n};
    memcpy(payload + at, head, sizeof head);
    memset(payload + at + 6, 'x', n);
    payload[at + 6 + n - 1] = (uint8_t)last;
    memcpy(payload + at + 6 + n, simple + sizeof simple - 5, 5);
    return at + 6 + n + 5;
}

static void forms_go_up_to_their_limit_whatever_the_step(void **state)
{
    static const int64_t steps[] = {1, 127, 128, 16384, 2097152, 268435455};

    for (size_t n = 1; n <= 110; n++) {
        struct ef_scalar_form form = {.size = EF_SCALAR_NO_FORM};
        struct ef_scalar scalar;
        uint8_t first[160], payload[160];
        size_t size = make_payload(first, n, 300, 'y');
        assert_true(ef_scalar_match(first, size, &scalar));
        ef_scalar_learn(&form, first, size, &scalar);
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            size_t longer = make_payload(payload, n, steps[i], 'y');
            assert_int_equal(hold_again(&form, &scalar, payload, longer),
                             n + 11 <= EF_SCALAR_FORM_BYTES);
            longer = make_payload(payload, n, steps[i], 'z');
            assert_false(hold_again(&form, &scalar, payload, longer));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_records_match),
        cmocka_unit_test(steps_of_up_to_four_bytes_match),
        cmocka_unit_test(every_other_byte_and_cut_agrees_with_the_decoder),
        cmocka_unit_test(a_form_takes_what_matches_with_its_tag_and_nothing_else),
        cmocka_unit_test(forms_go_up_to_their_limit_whatever_the_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
