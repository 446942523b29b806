#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/gate.h"

/* "A: b\nC: d" as headers. */
static struct gate_verdict check(const char *method, const char *target, const char *version,
                                 const char *lines)
{
    static char text[65536];
    struct head_field headers[256];
    struct gate_head head = {.method = method, .target = target, .version = version,
                             .headers = headers};
    struct gate_verdict verdict;
    char *rest = text;

    snprintf(text, sizeof text, "%s", lines);
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *colon = strchr(line, ':');

        if (!colon)
            continue;
        *colon = '\0';
        headers[head.n_headers++] = (struct head_field){
            line, colon + 2, strlen(line), strlen(colon + 2)};
    }
    gate_check(&head, &verdict);
    return verdict;
}

static void heads_and_what_becomes_of_them(void **state)
{
    static const struct {
        const char *method, *target, *version, *lines;
        int status;
    } cases[] = {
        {"GET", "/", "HTTP/1.1", "Host: a", 0},
        {"GET", "/a?b=%20", "HTTP/1.0", "Accept: x", 0},
        {"GET", "/", "HTTP/1.1", "Accept: x", 400},
        {"GET", "/", "HTTP/1.1", "Host: a\nhost: a", 400},
        {"GET", "/", "HTTP/1.1", "Host: a b", 400},
        {"GET", "/", "HTTP/1.1", "Host: a/b", 400},
        {"GET", "/", "HTTP/1.1", "Host: u@a", 400},
        {"GET", "/", "HTTP/1.1", "Host : a", 400},
        {"GET", "/", "HTTP/2.0", "Host: a", 505},
        {"G T", "/", "HTTP/1.1", "Host: a", 400},
        {"GET", "http://a/", "HTTP/1.1", "Host: a", 400},
        {"GET", "*", "HTTP/1.1", "Host: a", 400},
        {"GET", "/\xc3\xa9", "HTTP/1.1", "Host: a", 400},
        {"GET", "/a#b", "HTTP/1.1", "Host: a", 400},
        {"GET", "/a b", "HTTP/1.1", "Host: a", 400},
        {"GET", "/", "HTTP/1.1", "Host: a\nX: a\x01", 400},
        {"GET", "/", "HTTP/1.1", "Host: a\nX: a\tb\xff", 0},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: 3", 0},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: 3\nContent-Length: 3", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: 3\nTransfer-Encoding: chunked", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: +3", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: 3, 3", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: 99999999999999999999", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nContent-Length: ", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nTransfer-Encoding: chunked", 0},
        {"POST", "/", "HTTP/1.1", "Host: a\nTransfer-Encoding: gzip, chunked", 501},
        {"POST", "/", "HTTP/1.0", "Host: a\nTransfer-Encoding: chunked", 400},
        {"POST", "/", "HTTP/1.1", "Host: a\nExpect: 100-continue", 0},
        {"POST", "/", "HTTP/1.1", "Host: a\nExpect: 200-ok", 417},
        {"GET", "/", "HTTP/1.1", "Host: a\nOrigin: x\nOrigin: x", 400},
        {"GET", "/", "HTTP/1.1", "Host: a\nAuthorization: x\nAuthorization: y", 400},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_verdict v = check(cases[i].method, cases[i].target, cases[i].version,
                                      cases[i].lines);

        if (v.status != cases[i].status)
            fail_msg("case %zu (%s): %d, not %d", i, cases[i].lines, v.status, cases[i].status);
        assert_int_equal(v.status != 0, v.detail != NULL);
    }
}

static void the_length_is_told(void **state)
{
    assert_int_equal(check("POST", "/", "HTTP/1.1", "Host: a\nContent-Length: 1234567").length,
                     1234567);
    assert_true(check("POST", "/", "HTTP/1.1", "Host: a\nTransfer-Encoding: chunked").length ==
                UINT64_MAX);
    assert_int_equal(check("GET", "/", "HTTP/1.1", "Host: a").length, 0);
}

static void too_much_is_refused(void **state)
{
    char target[9000], lines[4000] = "Host: a";

    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    assert_int_equal(check("GET", target, "HTTP/1.1", "Host: a").status, 414);
    for (int i = 0; i < 110; i++)
        strcat(lines, "\nX: y");
    assert_int_equal(check("GET", "/", "HTTP/1.1", lines).status, 431);
}

static void a_nul_in_a_value_is_refused(void **state)
{
    struct head_field headers[] = {{"Host", "a\0b", 4, 3}};
    struct gate_head head = {"GET", "/", "HTTP/1.1", headers, 1};
    struct gate_verdict verdict;

    gate_check(&head, &verdict);
    assert_int_equal(verdict.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_and_what_becomes_of_them),
        cmocka_unit_test(the_length_is_told),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(a_nul_in_a_value_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
