#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "front/classify.h"

#define HEAD "Host: x\r\nConnection: Upgrade\r\n"
#define WEBSOCKET "GET /live HTTP/1.1\r\n" HEAD "Upgrade: websocket\r\n\r\n"

static enum classify_kind kind_of(const char *text, const char *prefix)
{
    return classify(text, strlen(text), false, prefix);
}

static void what_it_is(void **state)
{
    static const struct {
        const char *text, *prefix;
        enum classify_kind kind;
    } cases[] = {
        {"GET / HTTP/1.1\r\n", "", CLASSIFY_HTTP},
        {"P", "", CLASSIFY_WAIT}, /* POST or the preface */
        {"PO", "", CLASSIFY_HTTP},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", CLASSIFY_GRPC},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore", "", CLASSIFY_GRPC},
        {"\x16\x03\x01", "", CLASSIFY_HTTP}, /* TLS: http says no */
        {"GET /liv", "", CLASSIFY_WAIT},
        {"GET /lives HTTP/1.1\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\nHost: x\r\n", "", CLASSIFY_WAIT},
        {"GET /live HTTP/1.1\r\nHost: x\r\n\r\n", "", CLASSIFY_HTTP},
        {WEBSOCKET, "", CLASSIFY_LIVE},
        {WEBSOCKET "\x81\x85", "", CLASSIFY_LIVE}, /* an early frame behind it */
        {"GET /live?x=1 HTTP/1.1\r\n" HEAD "uPGRADE:WebSocket  \r\n\r\n", "", CLASSIFY_LIVE},
        {"GET /p/live HTTP/1.1\r\n" HEAD "Upgrade: websocket\r\n\r\n", "/p", CLASSIFY_LIVE},
        {WEBSOCKET, "/p", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\n" HEAD "Upgrade: h2c\r\n\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\n" HEAD "Upgrade: websocket, h2c\r\n\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\n" HEAD "Host: y\r\nUpgrade: websocket\r\n\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.0\r\n" HEAD "Upgrade: websocket\r\n\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\n" HEAD "Content-Length: 3\r\nUpgrade: websocket\r\n\r\n", "",
         CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\n" HEAD "Upgrade : websocket\r\n\r\n", "", CLASSIFY_HTTP},
        {"GET /live HTTP/1.1\r\n" HEAD "A: b\nUpgrade: websocket\r\n\r\n", "", CLASSIFY_HTTP},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum classify_kind kind = kind_of(cases[i].text, cases[i].prefix);

        if (kind != cases[i].kind)
            fail_msg("case %zu: %d, not %d: %s", i, kind, cases[i].kind, cases[i].text);
    }
}

static void any_cut_waits_or_agrees_with_the_whole(void **state)
{
    static const char *const texts[] = {WEBSOCKET, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                        "GET /live HTTP/1.1\r\nHost: x\r\n\r\n", "POST /x"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = strlen(texts[i]);
        enum classify_kind whole = classify(texts[i], size, false, "");

        for (size_t n = 0; n < size; n++) {
            enum classify_kind part = classify(texts[i], n, false, "");

            assert_true(part == CLASSIFY_WAIT || part == whole);
            assert_int_not_equal(classify(texts[i], n, true, ""), CLASSIFY_WAIT);
        }
    }
}

static void a_nul_is_no_websocket(void **state)
{
    char text[] = WEBSOCKET;

    text[25] = '\0';
    assert_int_equal(classify(text, sizeof text - 1, false, ""), CLASSIFY_HTTP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_is),
        cmocka_unit_test(any_cut_waits_or_agrees_with_the_whole),
        cmocka_unit_test(a_nul_is_no_websocket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
