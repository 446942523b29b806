#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "front/peer.h"

/* A connection over loopback within this process. */
struct pair {
    int listener, client, accepted;
    struct sockaddr_storage address;
};

static struct pair connected(int family)
{
    struct pair p = {0};
    struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
    socklen_t size = sizeof a;

    if (family == AF_INET)
        ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&a)->sin6_addr = in6addr_loopback;
    p.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(p.listener, (struct sockaddr *)&a, size) < 0) {
        print_message("this machine has no such address\n");
        skip();
    }
    assert_int_equal(listen(p.listener, 1), 0);
    getsockname(p.listener, (struct sockaddr *)&a, &size);
    p.client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(p.client, (struct sockaddr *)&a, size), 0);
    size = sizeof p.address;
    p.accepted = accept(p.listener, (struct sockaddr *)&p.address, &size);
    assert_true(p.accepted >= 0);
    return p;
}

static void close_pair(struct pair *p)
{
    close(p->listener);
    close(p->accepted);
    if (p->client >= 0)
        close(p->client);
}

static void check_own(int family, bool by_netlink)
{
    struct peer_finder finder;
    struct pair p = connected(family);
    struct peer peer;

    peer_finder_init(&finder);
    if (!by_netlink)
        peer_finder_done(&finder); /* as where the kernel has no sock_diag */
    peer_find(&finder, p.accepted, &p.address, &peer);
    assert_true(peer.loopback);
    assert_int_equal(peer.own_user, finder.uid_counts);
    finder.uid++;
    peer_find(&finder, p.accepted, &p.address, &peer);
    assert_false(peer.own_user);
    finder.uid--;
    /* Closed at once: the kernel now says inode 0. */
    close(p.client);
    p.client = -1;
    peer_find(&finder, p.accepted, &p.address, &peer);
    assert_false(peer.own_user);
    close_pair(&p);
    peer_finder_done(&finder);
}

static void our_own_socket_is_found_by_the_kernel(void **state)
{
    check_own(AF_INET, true);
    check_own(AF_INET6, true);
}

static void our_own_socket_is_found_in_proc(void **state)
{
    check_own(AF_INET, false);
    check_own(AF_INET6, false);
}

static void rows_of_proc_are_read(void **state)
{
    struct peer_row row;

    assert_true(peer_row_parse("   0: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 "
                               "00000000  1000        0 12345 1 0000000000000000 20 4 30 10 -1",
                               &row));
    assert_int_equal(row.uid, 1000);
    assert_int_equal(row.inode, 12345);
    assert_int_equal(ntohs(row.local_port), 8080);
    assert_int_equal(ntohs(row.remote_port), 50000);
    assert_false(peer_row_parse("  sl  local_address rem_address   st tx_queue", &row));
    assert_false(peer_row_parse("", &row));
    assert_false(peer_row_parse("0: zz:1 yy:2 01 0 0 0 1 0 1", &row));
}

static void loopback_is_known_in_every_form(void **state)
{
    struct sockaddr_storage a = {.ss_family = AF_INET6};
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"::1", true}, {"::ffff:127.0.0.1", true}, {"::ffff:127.9.9.9", true},
                 {"::ffff:10.0.0.1", false}, {"::2", false}, {"fe80::1", false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(inet_pton(AF_INET6, cases[i].text, &v6->sin6_addr), 1);
        assert_int_equal(peer_is_loopback(&a), cases[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_socket_is_found_by_the_kernel),
        cmocka_unit_test(our_own_socket_is_found_in_proc),
        cmocka_unit_test(rows_of_proc_are_read),
        cmocka_unit_test(loopback_is_known_in_every_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
