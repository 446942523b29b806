#include "http/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "http/talk.h"

enum { CLIENT_END, LIVE_END };

/* One end, and the bytes read from it that the other end has not taken yet. */
struct bridge_end {
    struct bridge *bridge;
    int fd;
    uint32_t interest;
    bool at_end;    /* it sends nothing more */
    bool shut;      /* we send it nothing more */
    size_t from, to; /* of `bytes` */
    char bytes[LIMIT_HEADER_BYTES];
};

struct bridge {
    struct bridge *next;
    struct worker *worker;
    struct conn *client;
    void *handle;
    int64_t opened_ns;
    bool swallowed; /* the live door's 101 is through */
    bool dead;
    struct bridge_end ends[2];
};

static struct bridge_end *other(struct bridge_end *end)
{
    struct bridge *bridge = end->bridge;

    return end == &bridge->ends[CLIENT_END] ? &bridge->ends[LIVE_END] : &bridge->ends[CLIENT_END];
}

static void kill_bridge(struct bridge *bridge)
{
    if (bridge->dead)
        return;
    bridge->dead = true;
    for (int i = 0; i < 2; i++)
        epoll_ctl(bridge->worker->epoll, EPOLL_CTL_DEL, bridge->ends[i].fd, NULL);
}

/* Waits for what each end can do next. */
static void set_interest(struct bridge_end *end)
{
    struct bridge_end *peer = other(end);
    struct epoll_event event = {.data.ptr = end};

    if (!end->at_end && end->to < sizeof end->bytes)
        event.events |= EPOLLIN;
    if (peer->from < peer->to && !end->shut && (peer != &end->bridge->ends[LIVE_END] ||
                                                end->bridge->swallowed))
        event.events |= EPOLLOUT;
    if (event.events == end->interest)
        return;
    end->interest = event.events;
    if (epoll_ctl(end->bridge->worker->epoll, EPOLL_CTL_MOD, end->fd, &event) < 0)
        kill_bridge(end->bridge);
}

static bool failed(ssize_t n)
{
    return n < 0 && errno != EAGAIN && errno != EINTR;
}

static void read_some(struct bridge_end *end)
{
    ssize_t n;

    if (end->from == end->to)
        end->from = end->to = 0;
    if (end->at_end || end->to == sizeof end->bytes)
        return;
    n = recv(end->fd, end->bytes + end->to, sizeof end->bytes - end->to, MSG_DONTWAIT);
    if (n > 0)
        end->to += (size_t)n;
    else if (n == 0)
        end->at_end = true;
    else if (failed(n))
        kill_bridge(end->bridge);
}

/* The live door's answer up to its empty line is not for the client. */
static void swallow(struct bridge *bridge)
{
    struct bridge_end *end = &bridge->ends[LIVE_END];
    const char *stop = memmem(end->bytes, end->to, "\r\n\r\n", 4);

    if (bridge->swallowed)
        return;
    if (stop && end->to > 12 && memcmp(end->bytes, "HTTP/1.1 101", 12) == 0) {
        bridge->swallowed = true;
        end->from = (size_t)(stop - end->bytes) + 4;
    } else if (stop || end->at_end || end->to == sizeof end->bytes) {
        log_debug("a late upgrade was not answered with 101");
        kill_bridge(bridge);
    }
}

/* Writes what was read from `end` to the other one. */
static void write_some(struct bridge_end *end)
{
    struct bridge_end *to = other(end);
    ssize_t n;

    if (end == &end->bridge->ends[LIVE_END] && !end->bridge->swallowed)
        return;
    if (end->from < end->to) {
        n = send(to->fd, end->bytes + end->from, end->to - end->from, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            end->from += (size_t)n;
        else if (failed(n))
            kill_bridge(end->bridge);
    }
    if (end->from == end->to && end->at_end && !to->shut) {
        shutdown(to->fd, SHUT_WR);
        to->shut = true;
    }
}

static void pump(struct bridge *bridge)
{
    struct bridge_end *client = &bridge->ends[CLIENT_END], *live = &bridge->ends[LIVE_END];

    if (!bridge->dead)
        swallow(bridge);
    if (!bridge->dead)
        write_some(client);
    if (!bridge->dead)
        write_some(live);
    if (client->shut && live->shut)
        kill_bridge(bridge);
    for (int i = 0; i < 2 && !bridge->dead; i++)
        set_interest(&bridge->ends[i]);
}

void bridge_event(struct worker *worker, void *pointer, uint32_t events)
{
    struct bridge_end *end = pointer;

    if (end->bridge->dead)
        return;
    if (events & EPOLLERR)
        kill_bridge(end->bridge);
    else if (events & (EPOLLIN | EPOLLHUP))
        read_some(end);
    pump(end->bridge);
}

static int connect_ends(struct bridge *bridge, int socket, int pair)
{
    int fds[2] = {socket, pair};

    for (int i = 0; i < 2; i++) {
        struct bridge_end *end = &bridge->ends[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};

        end->bridge = bridge;
        end->fd = fds[i];
        end->interest = EPOLLIN;
        if (epoll_ctl(bridge->worker->epoll, EPOLL_CTL_ADD, end->fd, &event) < 0)
            return -errno;
    }
    return 0;
}

/* Puts the request, and what the client sent behind it, where it will go to the live door. */
static int prime(struct bridge *bridge, const struct buf *text, const char *extra, size_t size)
{
    struct bridge_end *end = &bridge->ends[CLIENT_END];

    if (buf_failed(text) || text->length + size > sizeof end->bytes)
        return -EMSGSIZE;
    memcpy(end->bytes, text->data, text->length);
    if (size > 0)
        memcpy(end->bytes + text->length, extra, size);
    end->to = text->length + size;
    return 0;
}

static struct bridge *bridge_new(struct conn *client, int socket, int pair, void *handle)
{
    struct worker *worker = client->worker;
    struct bridge *bridge = worker->n_bridges < LIMIT_BRIDGES ? calloc(1, sizeof *bridge) : NULL;

    if (!bridge)
        return NULL;
    bridge->worker = worker;
    bridge->client = client;
    bridge->handle = handle;
    bridge->opened_ns = clock_ns(NULL);
    if (connect_ends(bridge, socket, pair) < 0) {
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, socket, NULL);
        free(bridge);
        return NULL;
    }
    return bridge;
}

void bridge_open(struct conn *client, int socket, const char *extra, size_t extra_size,
                 void *handle)
{
    struct worker *worker = client->worker;
    const struct door *live = &worker->shared->options.live;
    struct bridge *bridge = NULL;
    int pair[2] = {-1, -1};

    if (live->take && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0)
        bridge = bridge_new(client, socket, pair[0], handle);
    if (!bridge) {
        if (pair[0] >= 0) {
            close(pair[0]);
            close(pair[1]);
        }
        talk_upgrade_end(handle);
        return;
    }
    bridge->next = worker->bridges;
    worker->bridges = bridge;
    worker->n_bridges++;
    atomic_fetch_add_explicit(&worker->shared->counters.bridges, 1, memory_order_relaxed);
    /* The request is there to be read before the door sees its end. */
    if (prime(bridge, &client->request.body, extra, extra_size) < 0)
        kill_bridge(bridge);
    pump(bridge);
    if (bridge->dead) {
        close(pair[1]);
        return;
    }
    client->bridged = true;
    live->take(live->ctx, pair[1], &client->peer);
}

void bridge_reap(struct worker *worker)
{
    for (struct bridge **link = &worker->bridges; *link;) {
        struct bridge *bridge = *link;

        if (!bridge->dead) {
            link = &bridge->next;
            continue;
        }
        *link = bridge->next;
        worker->n_bridges--;
        atomic_fetch_sub_explicit(&worker->shared->counters.bridges, 1, memory_order_relaxed);
        close(bridge->ends[LIVE_END].fd);
        talk_upgrade_end(bridge->handle);
        free(bridge);
    }
}

void bridge_sweep(struct worker *worker, int64_t now)
{
    for (struct bridge *bridge = worker->bridges; bridge; bridge = bridge->next)
        if (!bridge->swallowed && now - bridge->opened_ns > LIMIT_UNDECIDED_MS * NS_PER_MS)
            kill_bridge(bridge);
}

void bridge_close_all(struct worker *worker)
{
    for (struct bridge *bridge = worker->bridges; bridge; bridge = bridge->next)
        kill_bridge(bridge);
    bridge_reap(worker);
}
