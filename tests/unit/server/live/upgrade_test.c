#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "live/upgrade.h"

static struct auth *auth;
static char state_dir[64];
static struct upgrade result;

#define GOOD                                                                                       \
    "Host: localhost:6006\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define REQUEST "GET /live HTTP/1.1\r\n" GOOD

static int setup(void **state)
{
    (void)state;
    snprintf(state_dir, sizeof state_dir, "/tmp/upgrade-test-XXXXXX");
    if (!mkdtemp(state_dir))
        return -1;
    return auth_new(&(struct auth_options){.state_dir = state_dir, .prefix = ""}, &auth);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    auth_free(auth);
    snprintf(command, sizeof command, "rm -rf %s", state_dir);
    return system(command);
}

static const struct upgrade *ask(const char *request, bool own_user, const char *prefix)
{
    struct peer peer = {.loopback = own_user, .own_user = own_user, .text = "peer"};

    upgrade_read(request, strlen(request), &peer, auth, prefix, &result);
    return &result;
}

static void assert_refused(const char *request, int status)
{
    const struct upgrade *u = ask(request, true, "");
    char start[16];

    assert_false(u->admitted);
    snprintf(start, sizeof start, "HTTP/1.1 %d", status);
    assert_memory_equal(u->text, start, strlen(start));
    assert_non_null(strstr(u->text, "\r\n\r\n{"));
}

static void the_own_user_is_admitted(void **state)
{
    const struct upgrade *u = ask(REQUEST "\r\nrest", true, "");

    (void)state;
    assert_true(u->admitted);
    assert_int_equal(u->size, strlen(REQUEST "\r\n"));
    assert_non_null(strstr(u->text, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    assert_null(strstr(u->text, "Sec-WebSocket-Protocol"));
}

static void the_subprotocol_is_chosen_anywhere_in_the_list(void **state)
{
    (void)state;
    assert_true(ask(REQUEST "Sec-WebSocket-Protocol: other,tailboard.v1\r\n\r\n", true, "")
                    ->admitted);
    assert_non_null(strstr(result.text, "Sec-WebSocket-Protocol: tailboard.v1\r\n\r\n"));
    assert_refused(REQUEST "Sec-WebSocket-Protocol: tailboard.v9\r\n\r\n", 400);
}

static void a_client_header_never_reaches_the_library(void **state)
{
    (void)state;
    assert_true(ask(REQUEST "Sec-WebSocket-Extensions: permessage-deflate\r\nX-Y: z\r\n\r\n",
                    true, "")->admitted);
    assert_null(strstr(result.text, "deflate"));
    assert_null(strstr(result.text, "X-Y"));
}

static void a_prefix_is_part_of_the_path(void **state)
{
    (void)state;
    assert_true(ask("GET /x/live?a=b HTTP/1.1\r\n" GOOD "\r\n", true, "/x")->admitted);
    assert_false(ask("GET /live HTTP/1.1\r\n" GOOD "\r\n", true, "/x")->admitted);
    assert_refused("GET /lively HTTP/1.1\r\n" GOOD "\r\n", 404);
}

static void unsound_requests_are_refused(void **state)
{
    (void)state;
    assert_refused("", 400);
    assert_refused(REQUEST, 400);
    assert_refused("GET /live HTTP/1.1\n" GOOD "\r\n\r\n", 400);
    assert_refused("GET /live HTTP/1.0\r\n" GOOD "\r\n", 400);
    assert_refused("GET  /live HTTP/1.1\r\n" GOOD "\r\n", 400);
    assert_refused("POST /live HTTP/1.1\r\n" GOOD "\r\n", 404);
    assert_refused(REQUEST "Host: other\r\n\r\n", 400);
    assert_refused(REQUEST " folded: x\r\n\r\n", 400);
    assert_refused(REQUEST "X : y\r\n\r\n", 400);
    assert_refused(REQUEST "Transfer-Encoding: chunked\r\n\r\n", 400);
    assert_refused(REQUEST "Content-Length: 5\r\n\r\n", 400);
    assert_refused("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n", 426);
    assert_refused(REQUEST "Sec-WebSocket-Version: 8\r\n\r\n", 426);
    assert_refused(REQUEST "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", 400);
}

static void strangers_need_a_token(void **state)
{
    (void)state;
    assert_false(ask(REQUEST "\r\n", false, "")->admitted);
    assert_memory_equal(result.text, "HTTP/1.1 401", 12);
    assert_non_null(strstr(result.text, "WWW-Authenticate: Bearer"));
}

static void base64url(const char *text, char *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, have = 0;

    for (; *text; text++) {
        bits = bits << 8 | (unsigned char)*text;
        for (have += 8; have >= 6; have -= 6)
            *out++ = digits[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = digits[bits << (6 - have) & 63];
    *out = '\0';
}

static void a_token_comes_by_header_or_subprotocol(void **state)
{
    char request[4096], coded[1024];

    (void)state;
    snprintf(request, sizeof request, REQUEST "Authorization: Bearer %s\r\n\r\n",
             auth_token(auth));
    assert_true(ask(request, false, "")->admitted);
    base64url(auth_token(auth), coded);
    snprintf(request, sizeof request,
             REQUEST "Sec-WebSocket-Protocol: tailboard.v1, bearer.%s\r\n\r\n", coded);
    assert_true(ask(request, false, "")->admitted);
    assert_null(strstr(result.text, "bearer"));
    snprintf(request, sizeof request,
             REQUEST "Sec-WebSocket-Protocol: tailboard.v1, bearer.%sAAAA\r\n\r\n", coded);
    assert_false(ask(request, false, "")->admitted);
}

static void another_origin_is_refused(void **state)
{
    (void)state;
    assert_refused(REQUEST "Origin: http://evil.example\r\n\r\n", 403);
    assert_true(ask(REQUEST "Origin: http://localhost:6006\r\n\r\n", true, "")->admitted);
}

/* No cut of the request is admitted, or reads past its end. */
static void every_cut_is_refused(void **state)
{
    const char *whole = REQUEST "Sec-WebSocket-Protocol: tailboard.v1\r\n\r\n";
    struct peer peer = {.loopback = true, .own_user = true};

    (void)state;
    for (size_t n = 0; n < strlen(whole); n++) {
        char *cut = malloc(n + 1);

        memcpy(cut, whole, n);
        upgrade_read(cut, n, &peer, auth, "", &result);
        assert_false(result.admitted);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_user_is_admitted),
        cmocka_unit_test(the_subprotocol_is_chosen_anywhere_in_the_list),
        cmocka_unit_test(a_client_header_never_reaches_the_library),
        cmocka_unit_test(a_prefix_is_part_of_the_path),
        cmocka_unit_test(unsound_requests_are_refused),
        cmocka_unit_test(strangers_need_a_token),
        cmocka_unit_test(a_token_comes_by_header_or_subprotocol),
        cmocka_unit_test(another_origin_is_refused),
        cmocka_unit_test(every_cut_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
