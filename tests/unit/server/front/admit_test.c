/* The rules of docs/security.md as one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "front/admit.h"

static const char *const allow_hosts[] = {"train.lab", "gate:8443", NULL};
static const char *const allow_origins[] = {"https://notebook.lab", NULL};

struct row {
    const char *what;
    const char *method, *host, *origin, *site;
    bool own_user, off, websocket, reads_only, key;
    const char *proxied;
    enum admit_proof token, cookie;
    int status;
    const char *code;
};

static const struct row rows[] = {
    {"own user by name", .host = "localhost:6006", .own_user = true},
    {"own user by a name below localhost", .host = "box.localhost:80", .own_user = true},
    {"own user by IPv4", .host = "127.0.0.1:6006", .own_user = true},
    {"own user by IPv6", .host = "[::1]:6006", .own_user = true},
    {"own user by any address: rebinding needs a name", .host = "10.1.2.3", .own_user = true},
    {"own user by an allowed name", .host = "train.lab:6006", .own_user = true},
    {"an allowed name with a port needs that port", .host = "gate:1", .own_user = true,
     .status = 403, .code = "host-not-allowed"},
    {"rebinding", .host = "evil.example:6006", .own_user = true, .status = 403,
     .code = "host-not-allowed"},
    {"a name that only ends like localhost", .host = "notlocalhost", .own_user = true,
     .status = 403, .code = "host-not-allowed"},
    {"a name that begins like an address", .host = "127.0.0.1.evil.example", .own_user = true,
     .status = 403, .code = "host-not-allowed"},
    {"no Host", .own_user = true, .status = 403, .code = "host-not-allowed"},
    {"another user", .host = "localhost", .status = 401, .code = "token-needed"},
    {"own user with --auth token", .host = "localhost", .own_user = true, .off = true,
     .status = 401, .code = "token-needed"},
    {"a proxy of the own user", .host = "localhost", .own_user = true,
     .proxied = "X-Forwarded-For", .status = 401, .code = "token-needed"},
    {"a proxy with the token", .host = "ood.lab", .own_user = true, .proxied = "Via",
     .token = ADMIT_GOOD},
    {"the token lets any Host in", .host = "pod-7.svc.cluster.local", .token = ADMIT_GOOD},
    {"the cookie lets any Host in", .host = "pod-7.svc.cluster.local", .cookie = ADMIT_GOOD},
    {"a wrong token", .host = "localhost", .token = ADMIT_WRONG, .status = 401,
     .code = "token-wrong"},
    {"a wrong token of the own user does no harm", .host = "localhost", .own_user = true,
     .token = ADMIT_WRONG},
    {"a change by cookie needs the key", "DELETE", "h", .cookie = ADMIT_GOOD, .status = 403,
     .code = "key-needed"},
    {"a change by cookie with the key", "DELETE", "h", .cookie = ADMIT_GOOD, .key = true},
    {"a POST that only reads needs no key", "POST", "h", .cookie = ADMIT_GOOD, .reads_only = true},
    {"a change by token needs no key", "DELETE", "h", .token = ADMIT_GOOD},
    {"a change of the own user", "DELETE", "localhost", .own_user = true},
    {"own page", "POST", "localhost:6006", "http://localhost:6006", .own_user = true},
    {"own page behind TLS", "POST", "tb.lab", "https://tb.lab", .token = ADMIT_GOOD},
    {"own page behind TLS, port said once", "POST", "tb.lab:443", "https://tb.lab",
     .token = ADMIT_GOOD},
    {"another port is another origin", "POST", "localhost:6006", "http://localhost:8888",
     .own_user = true, .status = 403, .code = "origin-not-allowed"},
    {"another host", "POST", "localhost:6006", "http://evil.example", .own_user = true,
     .status = 403, .code = "origin-not-allowed"},
    {"Origin: null", "POST", "localhost", "null", .own_user = true, .status = 403,
     .code = "origin-not-allowed"},
    {"a GET with a foreign Origin, its answer cannot be read", "GET", "localhost",
     "http://evil.example", .own_user = true},
    {"a WebSocket with a foreign Origin", "GET", "localhost", "http://evil.example",
     .websocket = true, .own_user = true, .status = 403, .code = "origin-not-allowed"},
    {"a WebSocket of our page", "GET", "localhost:1", "http://localhost:1", .websocket = true,
     .own_user = true},
    {"a WebSocket of a program", "GET", "localhost:1", .websocket = true, .own_user = true},
    {"a good token does not lift the origin rule", "POST", "tb.lab", "http://evil.example",
     .token = ADMIT_GOOD, .status = 403, .code = "origin-not-allowed"},
    {"an allowed origin", "POST", "tb.lab", "https://notebook.lab", "cross-site",
     .token = ADMIT_GOOD},
    {"the public address", "POST", "10.0.0.7:6006", "https://public.lab", .token = ADMIT_GOOD},
    {"same-origin said by the browser", "POST", "inner:1", "https://outer", "same-origin",
     .token = ADMIT_GOOD},
    {"cross-site, even to read", "GET", "localhost", NULL, "cross-site", .own_user = true,
     .status = 403, .code = "cross-site"},
    {"typed into the address line", "GET", "localhost", NULL, "none", .own_user = true},
};

static void every_row_of_the_table(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct auth_verdict verdict;
        struct admit_case c = {
            .method = row->method ? row->method : "GET",
            .websocket = row->websocket,
            .reads_only = row->reads_only,
            .own_user = row->own_user,
            .by_user_off = row->off,
            .proxied = row->proxied,
            .host = row->host,
            .hosts = row->host != NULL,
            .origin = row->origin,
            .origins = row->origin != NULL,
            .fetch_site = row->site,
            .token = row->token,
            .cookie = row->cookie,
            .key = row->key,
            .public_url = "https://public.lab/tb",
            .allow_hosts = allow_hosts,
            .allow_origins = allow_origins,
        };

        admit(&c, &verdict);
        if (verdict.status != row->status || strcmp(verdict.code, row->code ? row->code : "") != 0)
            fail_msg("%s: got %d %s (%s)", row->what, verdict.status, verdict.code,
                     verdict.detail);
        assert_int_equal(verdict.status == 0,
                         verdict.by_user + verdict.by_cookie + verdict.by_token == 1);
        assert_true((verdict.status == 0) == (verdict.detail[0] == '\0'));
    }
}

static void a_header_sent_twice_is_no_proof(void **state)
{
    struct auth_verdict verdict;
    struct admit_case c = {.method = "GET", .own_user = true, .host = "localhost", .hosts = 2};

    admit(&c, &verdict);
    assert_int_equal(verdict.status, 403);
    c = (struct admit_case){.method = "POST", .own_user = true, .host = "localhost", .hosts = 1,
                            .origin = "http://localhost", .origins = 2};
    admit(&c, &verdict);
    assert_int_equal(verdict.status, 403);
}

static void refusals_name_the_value_and_the_flag(void **state)
{
    struct auth_verdict verdict;
    struct admit_case c = {.method = "GET", .own_user = true, .host = "evil.example", .hosts = 1};

    admit(&c, &verdict);
    assert_non_null(strstr(verdict.detail, "evil.example"));
    assert_non_null(strstr(verdict.detail, "--allow-host"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table),
        cmocka_unit_test(a_header_sent_twice_is_no_proof),
        cmocka_unit_test(refusals_name_the_value_and_the_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
