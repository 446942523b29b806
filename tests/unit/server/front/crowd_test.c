#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/crowd.h"

enum { LIMIT = 2000 };

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage a = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    void *out = a.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&a)->sin_addr
                                       : (void *)&((struct sockaddr_in6 *)&a)->sin6_addr;

    assert_int_equal(inet_pton(a.ss_family, text, out), 1);
    return a;
}

static void one_address_has_a_limit_and_leaves_room_for_others(void **state)
{
    struct crowd *crowd = malloc(sizeof *crowd);
    struct sockaddr_storage one = address("10.0.0.1"), network = address("2001:db8::1");
    struct sockaddr_storage same = address("2001:db8::2");
    int others = 0;

    crowd_init(crowd);
    for (int i = 0; i < LIMIT; i++) {
        assert_true(crowd_enter(crowd, &one, LIMIT));
        assert_true(crowd_enter(crowd, &network, LIMIT));
    }
    assert_false(crowd_enter(crowd, &one, LIMIT));
    assert_false(crowd_enter(crowd, &same, LIMIT));
    for (uint32_t i = 0; i < 1000; i++) {
        struct sockaddr_storage other = one;

        ((struct sockaddr_in *)&other)->sin_addr.s_addr = htonl(0x0b000000 + i);
        others += crowd_enter(crowd, &other, LIMIT);
    }
    assert_true(others > 990); /* a few share a counter with the two */
    crowd_leave(crowd, &one);
    assert_true(crowd_enter(crowd, &one, LIMIT));
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_has_a_limit_and_leaves_room_for_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
