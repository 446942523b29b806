#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "front/throttle.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage a = {0};
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a;

    if (strchr(text, ':')) {
        a.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    } else {
        a.ss_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    }
    return a;
}

static struct throttle *made(void)
{
    struct throttle *t = malloc(sizeof *t);

    throttle_init(t);
    return t;
}

static void ended(struct throttle *t)
{
    throttle_done(t);
    free(t);
}

static void ten_failures_a_minute(void **state)
{
    struct throttle *t = made();
    struct sockaddr_storage a = address("10.0.0.1"), b = address("10.0.0.2");

    for (int i = 0; i < LIMIT_AUTH_FAILURES_PER_MINUTE; i++) {
        assert_false(throttle_is_over(t, &a, 5));
        throttle_failed(t, &a, 5);
    }
    assert_true(throttle_is_over(t, &a, 6));
    assert_false(throttle_is_over(t, &b, 6));
    assert_false(throttle_is_over(t, &a, 5 + 60 * NS_PER_S));
    ended(t);
}

static void an_ipv6_network_counts_as_one(void **state)
{
    struct throttle *t = made();
    struct sockaddr_storage a = address("2001:db8::1"), b = address("2001:db8::ffff:2");
    struct sockaddr_storage mapped = address("::ffff:10.0.0.1"), v4 = address("10.0.0.1");

    for (int i = 0; i < LIMIT_AUTH_FAILURES_PER_MINUTE; i++) {
        throttle_failed(t, &a, 5);
        throttle_failed(t, &mapped, 5);
    }
    assert_true(throttle_is_over(t, &b, 6));
    assert_true(throttle_is_over(t, &v4, 6));
    ended(t);
}

static void a_flood_of_addresses_costs_no_memory(void **state)
{
    struct throttle *t = made();

    for (uint32_t i = 0; i < 100000; i++) {
        struct sockaddr_storage a = {.ss_family = AF_INET};

        ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(i);
        throttle_failed(t, &a, 5 + i);
    }
    ended(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_failures_a_minute),
        cmocka_unit_test(an_ipv6_network_counts_as_one),
        cmocka_unit_test(a_flood_of_addresses_costs_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
