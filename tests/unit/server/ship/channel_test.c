/* Addresses of servers: what is taken, what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "ship/channel.h"

static void addresses_are_taken_apart(void **state)
{
    struct server_name name;

    assert_int_equal(channel_parse("http://host", &name), 0);
    assert_false(name.tls);
    assert_string_equal(name.host, "host");
    assert_string_equal(name.port, "80");
    assert_string_equal(name.prefix, "");
    assert_int_equal(channel_parse("https://h.example:8443/a/b//", &name), 0);
    assert_true(name.tls);
    assert_string_equal(name.port, "8443");
    assert_string_equal(name.prefix, "/a/b");
    assert_int_equal(channel_parse("http://[::1]:6006/", &name), 0);
    assert_string_equal(name.host, "::1");
    assert_string_equal(name.port, "6006");
    assert_string_equal(name.prefix, "");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "host",
        "ftp://host",
        "http://",
        "http://:80",
        "http://h:",
        "http://h:99999",
        "http://h:12x",
        "http://[::1",
        "http://user:pw@h/",
        "http://h/a b",
        "http://h/\r\nX: y",
        "http://h/?q",
        "http://[::1]x",
    };
    struct server_name name;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(channel_parse(texts[i], &name), -EINVAL);
}

static void the_code_of_a_problem_is_found(void **state)
{
    struct channel_reply reply = {.body = BUF_INIT(1000)};
    char code[16];

    channel_problem(&reply, code, sizeof code);
    assert_string_equal(code, "");
    buf_str(&reply.body, "{\"type\":\"x\",\"code\":\"path-taken\"}");
    channel_problem(&reply, code, sizeof code);
    assert_string_equal(code, "path-taken");
    buf_clear(&reply.body);
    buf_str(&reply.body, "{\"code\":7}");
    channel_problem(&reply, code, sizeof code);
    assert_string_equal(code, "");
    buf_done(&reply.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(the_code_of_a_problem_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
