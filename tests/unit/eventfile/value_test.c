/* value_test.c: which values are scalars, what is kept of the others. Both decoders are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/event.h>

#include "event_check.h"
#include "event_message.h"

static struct event_check *check;
static struct event_message payload; /* slices of the last value point here */

static int set_up(void **state)
{
    check = event_check_new();
    return 0;
}

static int tear_down(void **state)
{
    check = event_check_free(check);
    return 0;
}

static struct ef_value decode(const struct event_message *value)
{
    struct ef_event event;

    payload = event_message_of_value(value);
    assert_int_equal(event_check(check, payload.bytes, payload.size, &event), 0);
    assert_int_equal(event.n_values, 1);
    return event.values[0];
}

/* Rank 1 of this size, or rank 0 for -1; one float in float_val for each of `n`. */
static struct event_message float_tensor(int dim, unsigned n)
{
    struct event_message tensor = {0}, shape = {0}, size = {0};

    event_message_number(&tensor, 1, 1);
    if (dim >= 0) {
        event_message_number(&size, 1, (uint64_t)dim);
        event_message_inner(&shape, 2, &size);
        event_message_inner(&tensor, 2, &shape);
    }
    for (unsigned i = 0; i < n; i++)
        event_message_float(&tensor, 5, (float)i + 0.5f);
    return tensor;
}

static uint8_t kind_of(int dim, unsigned n, const char *plugin)
{
    struct event_message tensor = float_tensor(dim, n);
    struct event_message value = event_message_of_tensor(&tensor, plugin);

    return decode(&value).kind;
}

static void rank_0_is_a_scalar_unless_the_plugin_says_otherwise(void **state)
{
    assert_int_equal(kind_of(-1, 1, NULL), EF_VALUE_SCALAR);
    assert_int_equal(kind_of(-1, 1, ""), EF_VALUE_SCALAR);
    assert_int_equal(kind_of(-1, 1, "scalars"), EF_VALUE_SCALAR);
    assert_int_equal(kind_of(-1, 1, "someone's plugin"), EF_VALUE_SCALAR);
    assert_int_equal(kind_of(-1, 1, "histograms"), EF_VALUE_TENSOR);
    assert_int_equal(kind_of(-1, 1, "text"), EF_VALUE_TENSOR);
}

static void one_element_is_a_scalar_for_the_scalars_plugin_alone(void **state)
{
    assert_int_equal(kind_of(1, 1, "scalars"), EF_VALUE_SCALAR);
    assert_int_equal(kind_of(1, 1, NULL), EF_VALUE_TENSOR);
    assert_int_equal(kind_of(1, 1, "someone's plugin"), EF_VALUE_TENSOR);
}

static void anything_but_one_number_is_a_tensor(void **state)
{
    assert_int_equal(kind_of(-1, 0, "scalars"), EF_VALUE_TENSOR);
    assert_int_equal(kind_of(-1, 2, "scalars"), EF_VALUE_TENSOR);
    assert_int_equal(kind_of(3, 1, "scalars"), EF_VALUE_TENSOR);
    assert_int_equal(kind_of(0, 0, "scalars"), EF_VALUE_TENSOR);
}

static void an_explicit_class_decides(void **state)
{
    for (uint64_t data_class = 1; data_class <= 4; data_class++) {
        struct event_message tensor = float_tensor(-1, 1), metadata = {0};
        struct event_message value = event_message_of_tensor(&tensor, "scalars");
        event_message_number(&metadata, 4, data_class);
        event_message_inner(&value, 9, &metadata); /* merges with the plugin's piece */
        struct ef_value v = decode(&value);
        assert_int_equal(v.kind, data_class == 1 ? EF_VALUE_SCALAR : EF_VALUE_TENSOR);
        assert_int_equal(v.metadata.data_class, data_class);
        assert_int_equal(v.metadata.plugin.size, 7);
    }
}

static void a_tensor_gives_its_message_and_dtype(void **state)
{
    struct event_message tensor = float_tensor(2, 2);
    struct event_message value = event_message_of_tensor(&tensor, NULL);
    struct ef_value v = decode(&value);

    assert_int_equal(v.dtype, 1);
    assert_int_equal(v.payload.size, tensor.size);
    assert_memory_equal(v.payload.data, tensor.bytes, tensor.size);
    assert_int_equal(event_check_fallbacks(check), 0);
}

static void a_tensor_in_pieces_is_joined(void **state)
{
    struct event_message dtype = {0}, list = {0}, value = {0};

    event_message_number(&dtype, 1, 1);
    event_message_float(&list, 5, 1.0f);
    event_message_float(&list, 5, 2.0f);
    event_message_text(&value, 1, "t");
    event_message_inner(&value, 8, &dtype);
    event_message_inner(&value, 8, &list);
    struct ef_value v = decode(&value);
    assert_int_equal(v.kind, EF_VALUE_TENSOR);
    assert_int_equal(v.dtype, 1);
    assert_int_equal(v.payload.size, dtype.size + list.size);
    assert_int_equal(event_check_fallbacks(check), 1);
}

static void the_last_member_wins(void **state)
{
    struct event_message tensor = float_tensor(-1, 1);
    struct event_message value = event_message_of_tensor(&tensor, NULL);

    event_message_float(&value, 2, 9.0f);
    struct ef_value v = decode(&value);
    assert_true(ef_number_double((enum ef_number)v.number, v.bits) == 9.0);
    assert_int_equal(v.dtype, 0);
    event_message_inner(&value, 8, &tensor);
    v = decode(&value);
    assert_true(ef_number_double((enum ef_number)v.number, v.bits) == 0.5);
    assert_int_equal(v.dtype, 1);
}

static void old_style_members_are_kept_as_bytes(void **state)
{
    static const struct {
        unsigned field;
        uint8_t kind;
    } members[] = {{3, EF_VALUE_OBSOLETE}, {4, EF_VALUE_IMAGE}, {5, EF_VALUE_HISTOGRAM},
                   {6, EF_VALUE_AUDIO}};

    for (size_t i = 0; i < 4; i++) {
        struct event_message inner = {0}, value = {0};
        event_message_text(&inner, 40, "unknown to all of them");
        event_message_text(&value, 1, "t");
        event_message_inner(&value, members[i].field, &inner);
        struct ef_value v = decode(&value);
        assert_int_equal(v.kind, members[i].kind);
        assert_int_equal(v.payload.size, inner.size);
        assert_memory_equal(v.payload.data, inner.bytes, inner.size);
    }
}

static void members_of_a_wrong_shape_make_no_event(void **state)
{
    for (unsigned field = 4; field <= 8; field++) {
        struct event_message inner = {0}, value = {0};
        struct ef_event event;
        if (field == 7)
            continue;
        event_message_text(&inner, 1, "field 1 is a number in all of them");
        event_message_text(&value, 1, "t");
        event_message_inner(&value, field, &inner);
        payload = event_message_of_value(&value);
        assert_int_equal(event_check(check, payload.bytes, payload.size, &event),
                         EF_ERR_NOT_EVENT);
    }
}

static void a_value_may_hold_a_tag_and_nothing_else(void **state)
{
    struct event_message value = {0};

    event_message_bytes(&value, 1, "a\0b\xff", 4);
    struct ef_value v = decode(&value);
    assert_int_equal(v.kind, EF_VALUE_NONE);
    assert_false(v.has_metadata);
    assert_int_equal(v.tag.size, 4);
    assert_memory_equal(v.tag.data, "a\0b\xff", 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rank_0_is_a_scalar_unless_the_plugin_says_otherwise),
        TEST(one_element_is_a_scalar_for_the_scalars_plugin_alone),
        TEST(anything_but_one_number_is_a_tensor),
        TEST(an_explicit_class_decides),
        TEST(a_tensor_gives_its_message_and_dtype),
        TEST(a_tensor_in_pieces_is_joined),
        TEST(the_last_member_wins),
        TEST(old_style_members_are_kept_as_bytes),
        TEST(members_of_a_wrong_shape_make_no_event),
        TEST(a_value_may_hold_a_tag_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
