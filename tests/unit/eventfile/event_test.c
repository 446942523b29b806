/* event_test.c: the decoder's door: members, order, limits, memory. Both decoders are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/event.h>

#include "event_check.h"
#include "event_message.h"

static struct event_check *check;

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

static struct ef_event decode(const struct event_message *m)
{
    struct ef_event event;

    assert_int_equal(event_check(check, m->bytes, m->size, &event), 0);
    return event;
}

static void assert_slice(struct ef_slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    if (slice.size > 0)
        assert_memory_equal(slice.data, text, slice.size);
}

static void an_empty_payload_is_an_empty_event(void **state)
{
    struct event_message m = {0};
    struct ef_event event = decode(&m);

    assert_true(event.wall_time == 0.0);
    assert_int_equal(event.step, 0);
    assert_int_equal(event.what, EF_WHAT_NONE);
    assert_int_equal(event_check(check, NULL, 0, &event), 0);
}

static void a_scalar_event_decodes_without_fallback(void **state)
{
    static const uint8_t payload[] = {
        0x09, 0xC4, 0x05, 0xB7, 0x3D, 0x99, 0xD6, 0xD7, 0x41, 0x10, 0x4D, 0x2A, 0x25,
        0x0A, 0x23, 0x0A, 0x08, 'a',  'c',  'c',  'u',  'r',  'a',  'c',  'y',  0x42,
        0x0A, 0x08, 0x01, 0x12, 0x00, 0x22, 0x04, 0xA4, 0x70, 0x7D, 0x3F, 0x4A, 0x0B,
        0x0A, 0x09, 0x0A, 0x07, 's',  'c',  'a',  'l',  'a',  'r',  's'};
    struct ef_event event;

    assert_int_equal(event_check(check, payload, sizeof payload, &event), 0);
    assert_int_equal(event.step, 77);
    assert_int_equal(event.what, EF_WHAT_SUMMARY);
    assert_int_equal(event.n_values, 1);
    assert_slice(event.values[0].tag, "accuracy");
    assert_slice(event.values[0].metadata.plugin, "scalars");
    assert_int_equal(event.values[0].kind, EF_VALUE_SCALAR);
    assert_true(ef_number_double(EF_NUMBER_F32, event.values[0].bits) == (double)0.99f);
    assert_ptr_equal(event.values[0].tag.data, payload + 17);
    assert_int_equal(event_check_fallbacks(check), 0);
}

static void steps_may_be_negative_or_left_out(void **state)
{
    struct event_message value = {0}, m, no_step = {0}, summary = {0};

    event_message_text(&value, 1, "loss");
    event_message_float(&value, 2, 0.5f);
    m = event_message_of_value(&value);
    assert_int_equal(decode(&m).step, 7);
    event_message_number(&m, 2, (uint64_t)-5); /* the last one wins */
    assert_int_equal(decode(&m).step, -5);
    event_message_double(&no_step, 1, 2.5);
    event_message_inner(&summary, 1, &value);
    event_message_inner(&no_step, 5, &summary);
    assert_int_equal(decode(&no_step).step, 0);
    assert_int_equal(decode(&no_step).n_values, 1);
}

static void each_member_fills_its_fields(void **state)
{
    struct event_message version = {0}, graph = {0}, session = {0}, run = {0}, meta = {0};
    struct event_message inner = {0}, tagged = {0};

    event_message_text(&version, 3, "brain.Event:2");
    assert_slice(decode(&version).text, "brain.Event:2");
    event_message_text(&graph, 4, "graph");
    assert_slice(decode(&graph).bytes, "graph");
    assert_int_equal(decode(&graph).what, EF_WHAT_GRAPH_DEF);
    event_message_number(&inner, 1, EF_SESSION_CHECKPOINT);
    event_message_text(&inner, 2, "path");
    event_message_inner(&session, 7, &inner);
    assert_int_equal(decode(&session).session_status, EF_SESSION_CHECKPOINT);
    event_message_text(&tagged, 1, "step0001");
    event_message_text(&tagged, 2, "data");
    event_message_inner(&run, 8, &tagged);
    assert_slice(decode(&run).text, "step0001");
    assert_slice(decode(&run).bytes, "data");
    event_message_text(&meta, 9, "meta");
    assert_slice(decode(&meta).bytes, "meta");
}

static void the_last_member_wins_and_forgets_the_others(void **state)
{
    struct event_message value = {0}, m;

    event_message_text(&value, 1, "loss");
    event_message_float(&value, 2, 0.5f);
    m = event_message_of_value(&value);
    event_message_text(&m, 3, "brain.Event:2");
    struct ef_event event = decode(&m);
    assert_int_equal(event.what, EF_WHAT_FILE_VERSION);
    assert_int_equal(event.n_values, 0);
}

static void summaries_in_pieces_give_all_values(void **state)
{
    struct event_message value = {0}, summary = {0}, m;

    event_message_text(&value, 1, "loss");
    event_message_float(&value, 2, 0.5f);
    event_message_inner(&summary, 1, &value);
    m = event_message_of_value(&value);
    event_message_inner(&m, 5, &summary);
    assert_int_equal(decode(&m).n_values, 2);
}

static void many_values_of_one_event_are_all_there(void **state)
{
    struct event_message summary = {0}, m = {0};

    for (int i = 0; i < 120; i++) {
        struct event_message value = {0};
        char tag[16];
        snprintf(tag, sizeof tag, "tag/%d", i);
        event_message_text(&value, 1, tag);
        event_message_float(&value, 2, (float)i);
        event_message_inner(&summary, 1, &value);
    }
    event_message_double(&m, 1, 1.0);
    event_message_number(&m, 2, 1);
    event_message_inner(&m, 5, &summary);
    struct ef_event event = decode(&m);
    assert_int_equal(event.n_values, 120);
    for (int i = 0; i < 120; i++)
        assert_true(ef_number_double(EF_NUMBER_F32, event.values[i].bits) == (double)i);
    assert_int_equal(event_check_fallbacks(check), 0);
}

static void malformed_payloads_are_no_events(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\x09\x00", 2},         /* a double that is cut short */
        {"\x0d\x00\x00\x00\x00", 5}, /* wall_time of another wire type */
        {"\x2a\x7f", 2},         /* a length beyond the end */
        {"\x0b\x0c", 2},         /* a group */
        {"\x00\x00", 2},         /* field number 0 */
        {"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* a varint beyond 64 bits */
        {"\x2a\x02\x0a\x05", 4}, /* a value longer than its summary */
        {"not a protobuf", 14},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(event_check(check, cases[i].bytes, cases[i].size, NULL),
                         EF_ERR_NOT_EVENT);
}

static void a_failed_call_leaves_the_event_alone(void **state)
{
    ef_decoder *decoder = ef_decoder_new();
    struct ef_event event, before;

    memset(&event, 0x5a, sizeof event);
    before = event;
    assert_int_equal(ef_event_decode(decoder, "\x2a\x7f", 2, &event), EF_ERR_NOT_EVENT);
    assert_int_equal(ef_event_decode_reference(decoder, "\x2a\x7f", 2, &event), EF_ERR_NOT_EVENT);
    assert_memory_equal(&event, &before, sizeof event);
    ef_decoder_free(decoder);
}

/* An event of `n` empty values: two bytes each. */
static uint8_t *empty_values(size_t n, size_t *ret_size)
{
    uint8_t *payload = malloc(6 + 2 * n);
    size_t rest = 2 * n;

    assert_non_null(payload);
    payload[0] = 0x2a;
    for (int i = 1; i < 5; i++, rest >>= 7)
        payload[i] = (uint8_t)((rest & 0x7f) | (i < 4 ? 0x80 : 0));
    for (size_t i = 0; i < n; i++) {
        payload[5 + 2 * i] = 0x0a;
        payload[6 + 2 * i] = 0;
    }
    *ret_size = 5 + 2 * n;
    return payload;
}

static void values_have_a_limit(void **state)
{
    struct ef_event event;
    size_t size;
    uint8_t *payload = empty_values(EF_VALUES_MAX, &size);

    assert_int_equal(event_check(check, payload, size, &event), 0);
    assert_int_equal(event.n_values, EF_VALUES_MAX);
    free(payload);
    payload = empty_values(EF_VALUES_MAX + 1, &size);
    assert_int_equal(event_check(check, payload, size, &event), EF_ERR_LIMIT);
    free(payload);
}

static void fields_of_large_events_have_a_limit(void **state)
{
    size_t size = 2 * ((size_t)EF_FIELDS_MAX + 1);
    uint8_t *payload = malloc(size);

    assert_non_null(payload);
    for (size_t i = 0; i < size; i += 2) {
        payload[i] = 2 << 3; /* step, again and again */
        payload[i + 1] = 1;
    }
    assert_int_equal(event_check(check, payload, size, NULL), EF_ERR_LIMIT);
    assert_int_equal(event_check(check, payload, size - 2, NULL), 0);
    free(payload);
}

static void large_members_are_not_copied(void **state)
{
    ef_decoder *decoder = ef_decoder_new();
    size_t graph = 16u << 20, size = graph + 5;
    uint8_t *payload = calloc(1, size);
    struct ef_event event;

    assert_non_null(payload);
    payload[0] = 0x22;
    for (size_t i = 1, rest = graph; i < 5; i++, rest >>= 7)
        payload[i] = (uint8_t)((rest & 0x7f) | (i < 4 ? 0x80 : 0));
    assert_int_equal(ef_event_decode(decoder, payload, size, &event), 0);
    assert_int_equal(event.what, EF_WHAT_GRAPH_DEF);
    assert_ptr_equal(event.bytes.data, payload + 5);
    assert_int_equal(event.bytes.size, graph);
    assert_int_equal(ef_decoder_fallbacks(decoder), 0);
    free(payload);
    ef_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_payload_is_an_empty_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_scalar_event_decodes_without_fallback, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(steps_may_be_negative_or_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_member_fills_its_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_member_wins_and_forgets_the_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(summaries_in_pieces_give_all_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_values_of_one_event_are_all_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_payloads_are_no_events, set_up, tear_down),
        cmocka_unit_test(a_failed_call_leaves_the_event_alone),
        cmocka_unit_test_setup_teardown(values_have_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_of_large_events_have_a_limit, set_up, tear_down),
        cmocka_unit_test(large_members_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
