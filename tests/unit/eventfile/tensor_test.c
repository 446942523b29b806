/* tensor_test.c: every numeric type, in tensor_content and in the list that belongs to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eventfile/tensor.h"

#include "event_message.h"

static double single(const struct event_message *m, enum ef_number expected)
{
    struct tensor t;
    enum ef_number number;
    uint64_t bits;

    tensor_init(&t);
    assert_true(tensor_piece(&t, (struct ef_slice){m->bytes, m->size}));
    assert_true(tensor_single(&t, &number, &bits));
    assert_int_equal(number, expected);
    return ef_number_double(number, bits);
}

/* The number `bits` (little-endian) as an element in each way of writing it. */
static void assert_element(int dtype, uint64_t bits, unsigned size, unsigned field,
                           enum ef_number number, double expected)
{
    struct event_message content = {0}, packed = {0}, one = {0}, list = {0};

    event_message_number(&content, 1, (uint64_t)dtype);
    event_message_bytes(&content, 4, &bits, size);
    assert_true(single(&content, number) == expected);

    event_message_number(&one, field, bits); /* the list before the dtype */
    event_message_number(&one, 1, (uint64_t)dtype);
    assert_true(single(&one, number) == expected);

    event_message_number(&list, 1, bits); /* its varint without the tag byte */
    event_message_number(&packed, 1, (uint64_t)dtype);
    event_message_bytes(&packed, field, list.bytes + 1, list.size - 1);
    assert_true(single(&packed, number) == expected);
}

static void integers_of_every_width(void **state)
{
    assert_element(DTYPE_INT8, (uint64_t)-5, 1, 7, EF_NUMBER_I8, -5);
    assert_element(DTYPE_INT16, (uint64_t)-500, 2, 7, EF_NUMBER_I16, -500);
    assert_element(DTYPE_INT32, (uint64_t)-70000, 4, 7, EF_NUMBER_I32, -70000);
    assert_element(DTYPE_INT64, (uint64_t)-5000000000, 8, 10, EF_NUMBER_I64, -5e9);
    assert_element(DTYPE_UINT8, 200, 1, 7, EF_NUMBER_U8, 200);
    assert_element(DTYPE_UINT8, 200, 1, 16, EF_NUMBER_U8, 200); /* where torch puts it */
    assert_element(DTYPE_UINT16, 60000, 2, 7, EF_NUMBER_U16, 60000);
    assert_element(DTYPE_UINT32, 4000000000u, 4, 16, EF_NUMBER_U32, 4e9);
    assert_element(DTYPE_UINT64, UINT64_C(1) << 63, 8, 17, EF_NUMBER_U64, 9223372036854775808.0);
    assert_element(DTYPE_BOOL, 1, 1, 11, EF_NUMBER_BOOL, 1);
    assert_element(DTYPE_BOOL, 0, 1, 11, EF_NUMBER_BOOL, 0);
}

static void half_widths(void **state)
{
    assert_element(DTYPE_HALF, 0xc100, 2, 13, EF_NUMBER_F32, -2.5);
    assert_element(DTYPE_BFLOAT16, 0xc020, 2, 13, EF_NUMBER_F32, -2.5);
}

static void torch_writes_the_bits_of_a_float_into_half_val(void **state)
{
    struct event_message m = {0};

    event_message_number(&m, 1, DTYPE_HALF);
    event_message_number(&m, 13, 0x40400000);
    assert_true(single(&m, EF_NUMBER_F32) == 3.0);
}

static void negative_halves_may_be_sign_extended(void **state)
{
    struct event_message m = {0};

    event_message_number(&m, 1, DTYPE_HALF);
    event_message_number(&m, 13, (uint64_t)(int64_t)(int16_t)0xc100);
    assert_true(single(&m, EF_NUMBER_F32) == -2.5);
}

static void floats_and_doubles(void **state)
{
    struct event_message f = {0}, d = {0};

    event_message_float(&f, 5, 0.25f);
    event_message_number(&f, 1, DTYPE_FLOAT);
    assert_true(single(&f, EF_NUMBER_F32) == 0.25);
    event_message_number(&d, 1, DTYPE_DOUBLE);
    event_message_double(&d, 6, 0.1);
    assert_true(single(&d, EF_NUMBER_F64) == 0.1);
}

static void float8_is_one_byte(void **state)
{
    static const struct {
        int dtype;
        uint8_t bits;
        double number;
    } cases[] = {
        {DTYPE_FLOAT8_E5M2, 0xc0, -2.0},         {DTYPE_FLOAT8_E4M3FN, 0xc0, -2.0},
        {DTYPE_FLOAT8_E4M3FNUZ, 0xc0, -1.0},     {DTYPE_FLOAT8_E4M3B11FNUZ, 0xc0, -0.125},
        {DTYPE_FLOAT8_E5M2FNUZ, 0xc0, -1.0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event_message m = {0}, content = {0};
        event_message_number(&m, 1, (uint64_t)cases[i].dtype);
        event_message_bytes(&m, 18, &cases[i].bits, 1);
        assert_true(single(&m, EF_NUMBER_F32) == cases[i].number);
        event_message_number(&content, 1, (uint64_t)cases[i].dtype);
        event_message_bytes(&content, 4, &cases[i].bits, 1);
        assert_true(single(&content, EF_NUMBER_F32) == cases[i].number);
    }
}

static void assert_not_single(const struct event_message *m)
{
    enum ef_number number;
    uint64_t bits;
    struct tensor t;

    tensor_init(&t);
    assert_true(tensor_piece(&t, (struct ef_slice){m->bytes, m->size}));
    assert_false(tensor_single(&t, &number, &bits));
}

static void content_wins_over_lists(void **state)
{
    struct event_message m = {0}, wrong = {0};
    float two = 2.0f;

    event_message_number(&m, 1, DTYPE_FLOAT);
    event_message_float(&m, 5, 1.0f);
    event_message_bytes(&m, 4, &two, 4);
    assert_true(single(&m, EF_NUMBER_F32) == 2.0);
    event_message_number(&wrong, 1, DTYPE_DOUBLE);
    event_message_double(&wrong, 6, 1.0);
    event_message_bytes(&wrong, 4, &two, 4); /* half a double */
    assert_not_single(&wrong);
}

static void strings_complex_and_unknown_types_are_no_numbers(void **state)
{
    static const uint8_t dtypes[] = {0, 7, 8, 11, 12, 18, 20, 21, 29, 101, 255};

    for (size_t i = 0; i < sizeof dtypes; i++) {
        struct event_message m = {0};
        event_message_number(&m, 1, dtypes[i]);
        event_message_float(&m, 5, 1.0f);
        event_message_float(&m, 9, 1.0f);
        event_message_text(&m, 8, "x");
        assert_not_single(&m);
    }
}

static void numbers_become_doubles(void **state)
{
    assert_true(ef_number_double(EF_NUMBER_I64, UINT64_MAX) == -1.0);
    assert_true(ef_number_double(EF_NUMBER_U64, UINT64_MAX) == 18446744073709551616.0);
    assert_true(ef_number_double(EF_NUMBER_BOOL, 1) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_width),
        cmocka_unit_test(half_widths),
        cmocka_unit_test(torch_writes_the_bits_of_a_float_into_half_val),
        cmocka_unit_test(negative_halves_may_be_sign_extended),
        cmocka_unit_test(floats_and_doubles),
        cmocka_unit_test(float8_is_one_byte),
        cmocka_unit_test(content_wins_over_lists),
        cmocka_unit_test(strings_complex_and_unknown_types_are_no_numbers),
        cmocka_unit_test(numbers_become_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
