#include "front/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { BACKLOG = 1024, ANY_PORT_TRIES = 32 };

struct place {
    struct sockaddr_storage address;
    socklen_t size;
};

static void close_all(int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static int add_place(struct place *places, int count, const struct sockaddr *address,
                     socklen_t size)
{
    if (count >= LISTEN_SOCKETS || size > sizeof places->address)
        return count;
    memcpy(&places[count].address, address, size);
    places[count].size = size;
    return count + 1;
}

static int fixed_places(struct place *places, bool all)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int count;

    v4.sin_addr.s_addr = htonl(all ? INADDR_ANY : INADDR_LOOPBACK);
    v6.sin6_addr = all ? in6addr_any : in6addr_loopback;
    count = add_place(places, 0, (struct sockaddr *)&v4, sizeof v4);
    return add_place(places, count, (struct sockaddr *)&v6, sizeof v6);
}

/* Number of places that the options name, or a negative error. */
static int find_places(const struct front_options *options, struct place *places)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
    int count = 0;

    if (options->bind_all)
        return fixed_places(places, true);
    if (!options->host || strcmp(options->host, "localhost") == 0)
        return fixed_places(places, false);
    if (getaddrinfo(options->host, NULL, &hints, &list) != 0)
        return -EADDRNOTAVAIL;
    for (struct addrinfo *a = list; a; a = a->ai_next)
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            count = add_place(places, count, a->ai_addr, a->ai_addrlen);
    freeaddrinfo(list);
    return count > 0 ? count : -EADDRNOTAVAIL;
}

static void set_port(struct place *place, uint16_t port)
{
    if (place->address.ss_family == AF_INET)
        ((struct sockaddr_in *)&place->address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)&place->address)->sin6_port = htons(port);
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } address = {.room = {0}};
    socklen_t size = sizeof address;

    if (getsockname(fd, &address.any, &size) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static int open_one(struct place *place, uint16_t port)
{
    _cleanup_close_ int fd = socket(place->address.ss_family,
                                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -errno;
    set_port(place, port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    if (place->address.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&place->address, place->size) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static bool no_such_family(int error)
{
    return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

/* All places on one port; with port 0 the first socket chooses. */
static int open_all(struct place *places, int count, uint16_t port, int *fds)
{
    int opened = 0, missing = 0;

    for (int i = 0; i < count; i++) {
        int fd = open_one(&places[i], port);

        if (fd < 0 && no_such_family(fd)) {
            missing = fd;
            continue;
        }
        if (fd < 0) {
            close_all(fds, opened);
            return fd;
        }
        fds[opened++] = fd;
        if (port == 0)
            port = bound_port(fd);
    }
    return opened > 0 ? opened : missing;
}

int listen_open(const struct front_options *options, int ret_fds[LISTEN_SOCKETS],
                uint16_t *ret_port)
{
    struct place places[LISTEN_SOCKETS];
    int fds[LISTEN_SOCKETS] = {-1}, count = find_places(options, places), r = -EADDRINUSE;
    unsigned tries = options->port == 0 ? ANY_PORT_TRIES : options->port_tries + 1u;

    if (count < 0)
        return count;
    for (unsigned i = 0; i < tries && r == -EADDRINUSE; i++) {
        unsigned port = options->port == 0 ? 0 : options->port + i;

        if (port > UINT16_MAX)
            break;
        r = open_all(places, count, (uint16_t)port, fds);
    }
    if (r < 0)
        return r;
    memcpy(ret_fds, fds, (size_t)r * sizeof *fds);
    *ret_port = bound_port(fds[0]);
    return r;
}
