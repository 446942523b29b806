#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "live/message.h"

static int parse(const char *text, struct message *m, struct message_error *error)
{
    return message_parse(text, strlen(text), m, error);
}

static void a_watch_is_a_block_of_one(void **state)
{
    struct message_error error;
    struct message m;

    (void)state;
    assert_int_equal(parse("{\"t\":\"watch\",\"id\":7,\"series\":[\"run\",\"loss\"],"
                           "\"cursor\":\"7f3a-1000\"}", &m, &error), 0);
    assert_int_equal(m.kind, MESSAGE_WATCH);
    assert_int_equal(m.id, 7);
    assert_int_equal(m.n_runs, 1);
    assert_int_equal(m.n_tags, 1);
    assert_string_equal(m.runs[0].id, "run");
    assert_int_equal(m.runs[0].dir.size, 0);
    assert_int_equal(m.tags[0].size, 4);
    assert_true(m.has_epoch && m.epoch == 0x7f3a && m.ordinals[0] == 1000);
    assert_int_equal(m.view, VIEW_STITCHED);
    assert_int_equal(m.cols, COL_ALL);
    message_done(&m);
}

static void without_a_cursor_it_is_from_the_end(void **state)
{
    struct message_error error;
    struct message m;

    (void)state;
    assert_int_equal(parse("{\"t\":\"watch\",\"id\":0,\"series\":[\"r\",\"t\",\"d\"],"
                           "\"cursor\":null,\"view\":\"all\"}", &m, &error), 0);
    assert_false(m.has_epoch);
    assert_true(m.ordinals[0] == MESSAGE_FROM_END);
    assert_int_equal(m.view, VIEW_ALL);
    assert_memory_equal(m.runs[0].dir.data, "d", 1);
    message_done(&m);
}

static void a_block_is_runs_times_tags(void **state)
{
    struct message_error error;
    struct message m;

    (void)state;
    assert_int_equal(parse("{\"t\":\"watch\",\"id\":100,\"runs\":[\"a\",[\"b\",\"dir\"]],"
                           "\"tags\":[\"x\",\"y\",\"z\"],\"epoch\":\"00ff\","
                           "\"ordinals\":[1,2,3,null,5,-1]}", &m, &error), 0);
    assert_int_equal(m.n_runs, 2);
    assert_int_equal(m.n_tags, 3);
    assert_true(m.epoch == 0xff && m.ordinals[1] == 2);
    assert_true(m.ordinals[3] == MESSAGE_FROM_END && m.ordinals[5] == MESSAGE_FROM_END);
    assert_memory_equal(m.runs[1].dir.data, "dir", 3);
    message_done(&m);
}

static void the_small_ones_are_understood(void **state)
{
    struct message_error error;
    struct message m;

    (void)state;
    assert_int_equal(parse("{\"t\":\"ack\",\"bytes\":123456789012}", &m, &error), 0);
    assert_true(m.kind == MESSAGE_ACK && m.bytes == 123456789012u);
    message_done(&m);
    assert_int_equal(parse("{\"t\":\"unwatch\",\"ids\":[1,2,4294967295]}", &m, &error), 0);
    assert_true(m.n_ids == 3 && m.ids[2] == UINT32_MAX);
    message_done(&m);
    assert_int_equal(parse("{\"t\":\"unwatch\",\"id\":5,\"count\":10}", &m, &error), 0);
    assert_true(m.count == 10 && !m.ids);
    message_done(&m);
    assert_int_equal(parse("{\"t\":\"runs\",\"on\":true,\"experiment\":\"e\"}", &m, &error), 0);
    assert_true(m.on);
    assert_string_equal(m.experiment, "e");
    assert_false(m.has_epoch);
    message_done(&m);
    assert_int_equal(parse("{\"t\":\"runs\",\"on\":true,\"cursor\":\"00000000000000ff-12\"}", &m,
                           &error), 0);
    assert_true(m.has_epoch && m.epoch == 255 && m.since == 12);
    message_done(&m);
    assert_int_equal(parse("{\"t\":\"later\",\"id\":\"odd\"}", &m, &error), 0);
    assert_int_equal(m.kind, MESSAGE_UNKNOWN);
    message_done(&m);
}

static void bad_messages_have_a_code(void **state)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"", "bad-json"},
        {"{", "bad-json"},
        {"[]", "bad-message"},
        {"{\"t\":5}", "bad-message"},
        {"{\"t\":\"watch\"}", "bad-id"},
        {"{\"t\":\"watch\",\"id\":-1}", "bad-id"},
        {"{\"t\":\"watch\",\"id\":4294967296}", "bad-id"},
        {"{\"t\":\"watch\",\"id\":1}", "bad-block"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[\"r\"]}", "bad-series"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[1,\"t\"]}", "bad-run"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[\"\",\"t\"]}", "bad-run"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[\"r\",\"t\"],\"cursor\":\"x\"}", "bad-cursor"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[\"r\",\"t\"],\"cursor\":\"1-\"}", "bad-cursor"},
        {"{\"t\":\"runs\",\"on\":true,\"cursor\":12}", "bad-cursor"},
        {"{\"t\":\"runs\",\"on\":true,\"cursor\":\"12\"}", "bad-cursor"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[\"r\",\"t\"],\"view\":\"x\"}", "bad-view"},
        {"{\"t\":\"watch\",\"id\":1,\"series\":[\"r\",\"t\"],\"cols\":[\"x\"]}", "bad-cols"},
        {"{\"t\":\"watch\",\"id\":1,\"runs\":[\"r\"],\"tags\":[7]}", "bad-tag"},
        {"{\"t\":\"watch\",\"id\":4294967295,\"runs\":[\"r\"],\"tags\":[\"a\",\"b\"]}",
         "bad-id"},
        {"{\"t\":\"watch\",\"id\":1,\"runs\":[\"r\"],\"tags\":[\"a\"],\"ordinals\":[1]}",
         "bad-cursor"},
        {"{\"t\":\"watch\",\"id\":1,\"runs\":[\"r\"],\"tags\":[\"a\"],\"epoch\":\"1\","
         "\"ordinals\":[]}", "bad-cursor"},
        {"{\"t\":\"unwatch\"}", "bad-id"},
        {"{\"t\":\"unwatch\",\"ids\":[\"x\"]}", "bad-id"},
        {"{\"t\":\"ack\",\"bytes\":-5}", "bad-ack"},
        {"\xff\xfe", "bad-json"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_error error = {0};
        struct message m;

        assert_int_equal(parse(cases[i].text, &m, &error), -EBADMSG);
        assert_string_equal(error.code, cases[i].code);
    }
}

static void a_block_over_the_limit_is_refused(void **state)
{
    struct buf text = BUF_INIT(1u << 20);
    struct message_error error;
    struct message m;

    (void)state;
    buf_str(&text, "{\"t\":\"watch\",\"id\":1,\"runs\":[\"r\"");
    for (int i = 0; i < 399; i++)
        buf_str(&text, ",\"r\"");
    buf_str(&text, "],\"tags\":[\"t\"");
    for (int i = 0; i < 250; i++)
        buf_str(&text, ",\"t\"");
    buf_str(&text, "]}");
    assert_int_equal(message_parse(text.data, text.length, &m, &error), -EBADMSG);
    assert_string_equal(error.code, "too-many-watches");
    assert_true(m.has_id && m.id == 1);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_is_a_block_of_one),
        cmocka_unit_test(without_a_cursor_it_is_from_the_end),
        cmocka_unit_test(a_block_is_runs_times_tags),
        cmocka_unit_test(the_small_ones_are_understood),
        cmocka_unit_test(bad_messages_have_a_code),
        cmocka_unit_test(a_block_over_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
