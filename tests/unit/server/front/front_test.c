/* The acceptor with doors that only note what they are given. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "front/front.h"

enum { DOORS = 3, TAKEN_MAX = 64 };

/* What came through one door. */
struct noted {
    atomic_int count;
    int fds[TAKEN_MAX];
    struct peer peers[TAKEN_MAX];
};

struct rig {
    struct noted doors[DOORS]; /* http, live, grpc */
    struct front *front;
};

static void note(void *ctx, int fd, const struct peer *peer)
{
    struct noted *noted = ctx;
    int i = atomic_load(&noted->count);

    noted->fds[i] = fd;
    noted->peers[i] = *peer;
    atomic_store(&noted->count, i + 1);
}

static struct rig *begin(unsigned max_clients)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct front_options options = {
        .prefix = "/p",
        .http = {&rig->doors[0], note},
        .live = {&rig->doors[1], note},
        .max_clients = max_clients,
        .max_per_address = 2,
    };

    assert_non_null(rig);
    assert_int_equal(front_start(&options, &rig->front), 0);
    return rig;
}

static void end(struct rig *rig)
{
    front_stop(rig->front);
    for (int d = 0; d < DOORS; d++)
        for (int i = 0; i < rig->doors[d].count; i++)
            close(rig->doors[d].fds[i]);
    free(rig);
}

static int connect_to(struct rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(front_port(rig->front))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void wait_taken(struct rig *rig, int door, int count)
{
    int64_t until = clock_ns(NULL) + 10 * NS_PER_S;

    while (atomic_load(&rig->doors[door].count) < count) {
        assert_true(clock_ns(NULL) < until);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* Reads to the end of the connection. */
static void read_all(int fd, char *out, size_t size)
{
    size_t used = 0;
    ssize_t n;

    while (used + 1 < size && (n = recv(fd, out + used, size - used - 1, 0)) > 0)
        used += (size_t)n;
    out[used] = '\0';
}

static void connections_go_to_their_door_unread(void **state)
{
    struct rig *rig = begin(0);
    int http = connect_to(rig), live = connect_to(rig), grpc = connect_to(rig);
    char text[64];

    say(http, "GET /p/x HTTP/1.1\r\n");
    wait_taken(rig, 0, 1);
    say(live, "GET /p/live HTTP/1.1\r\nHost: a\r\n");
    say(live, "Upgrade: websocket\r\n\r\n");
    wait_taken(rig, 1, 1);
    say(grpc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    read_all(grpc, text, sizeof text); /* no such door: closed */
    assert_string_equal(text, "");
    assert_int_equal(recv(rig->doors[0].fds[0], text, 5, 0), 5);
    assert_memory_equal(text, "GET /", 5);
    assert_true(rig->doors[0].peers[0].loopback);
    assert_true(rig->doors[0].peers[0].own_user || geteuid() == 65534);
    assert_string_equal(rig->doors[0].peers[0].text, "127.0.0.1");
    front_closed(rig->front, &rig->doors[0].peers[0]);
    front_closed(rig->front, &rig->doors[1].peers[0]);
    close(http);
    close(live);
    close(grpc);
    end(rig);
}

static void too_many_clients_get_a_503(void **state)
{
    struct rig *rig = begin(2);
    int first = connect_to(rig), second = connect_to(rig), third, fourth;
    char text[1024];

    say(first, "GET /p/ HTTP/1.1\r\n");
    say(second, "GET /p/ HTTP/1.1\r\n");
    wait_taken(rig, 0, 2);
    third = connect_to(rig);
    say(third, "GET /p/ HTTP/1.1\r\nHost: a\r\n\r\n");
    read_all(third, text, sizeof text);
    assert_memory_equal(text, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(text, "Retry-After"));
    const char *body = strstr(text, "\r\n\r\n") + 4;
    int length = 0;
    assert_int_equal(sscanf(strstr(text, "Content-Length"), "Content-Length: %d", &length), 1);
    assert_int_equal(strlen(body), length);
    front_closed(rig->front, &rig->doors[0].peers[0]);
    fourth = connect_to(rig);
    say(fourth, "GET /p/ HTTP/1.1\r\n");
    wait_taken(rig, 0, 3);
    close(first);
    close(second);
    close(third);
    close(fourth);
    end(rig);
}

/* The limit is one for both doors, and others cannot use up what the own user may have. */
static void an_address_has_a_limit_but_not_the_own_user(void **state)
{
    int others[3], own, again;
    struct rig *rig;
    char text[1024];

    if (geteuid() != 0) {
        print_message("only root can be another user as well\n");
        skip();
    }
    rig = begin(0);
    setfsuid(12345); /* of this thread alone */
    for (int i = 0; i < 3; i++)
        others[i] = connect_to(rig);
    setfsuid(0);
    say(others[0], "GET /p/ HTTP/1.1\r\n");
    say(others[1], "GET /p/live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
    wait_taken(rig, 0, 1);
    wait_taken(rig, 1, 1);
    read_all(others[2], text, sizeof text);
    assert_memory_equal(text, "HTTP/1.1 503 ", 13);
    own = connect_to(rig);
    say(own, "GET /p/ HTTP/1.1\r\n");
    wait_taken(rig, 0, 2);
    assert_true(rig->doors[0].peers[1].own_user);
    front_closed(rig->front, &rig->doors[1].peers[0]);
    setfsuid(12345); /* of this thread alone */
    again = connect_to(rig);
    setfsuid(0);
    say(again, "GET /p/ HTTP/1.1\r\n");
    wait_taken(rig, 0, 3);
    for (int i = 0; i < 3; i++)
        close(others[i]);
    close(own);
    close(again);
    end(rig);
}

static void the_undecided_are_closed_in_time(void **state)
{
    struct rig *rig = begin(0);
    int silent = connect_to(rig), half = connect_to(rig);
    int64_t start = clock_ns(NULL);
    char text[64];

    say(half, "GET /p/live HTTP");
    read_all(silent, text, sizeof text);
    read_all(half, text, sizeof text);
    assert_true(clock_ns(NULL) - start > (LIMIT_UNDECIDED_MS - 500) * NS_PER_MS);
    assert_true(clock_ns(NULL) - start < (LIMIT_UNDECIDED_MS + 5000) * NS_PER_MS);
    close(silent);
    close(half);
    end(rig);
}

static void a_taken_port_is_said_or_passed(void **state)
{
    struct rig *rig = begin(0);
    struct front_options options = {.prefix = "", .port = front_port(rig->front)};
    struct front *other;

    assert_int_equal(front_start(&options, &other), -EADDRINUSE);
    options.port_tries = 10;
    assert_int_equal(front_start(&options, &other), 0);
    assert_int_not_equal(front_port(other), front_port(rig->front));
    assert_null(front_stop(other));
    options = (struct front_options){.prefix = "", .host = "192.0.2.1"};
    assert_int_equal(front_start(&options, &other), -EADDRNOTAVAIL);
    assert_null(front_stop(NULL));
    end(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_go_to_their_door_unread),
        cmocka_unit_test(too_many_clients_get_a_503),
        cmocka_unit_test(an_address_has_a_limit_but_not_the_own_user),
        cmocka_unit_test(the_undecided_are_closed_in_time),
        cmocka_unit_test(a_taken_port_is_said_or_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
