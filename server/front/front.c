/* front.c: the acceptor. listen.c opens the sockets, peer.c says who connected, classify.c says
 * what for; this file waits, keeps the deadlines and hands over.
 *
 * Thread: everything below front_start() runs on the acceptor's thread, but for `clients` and the
 * wake-up. Peeking needs edge-triggered epoll: with level triggering, bytes that are only looked
 * at would report for ever. */
#include "front/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "front/classify.h"
#include "front/crowd.h"
#include "front/listen.h"
#include "front/peer.h"

enum {
    EVENTS = 64,
    ACCEPTS_A_TURN = 64,
    PAUSE_MS = 100,       /* after an accept that failed for lack of descriptors */
    LINGER_MS = 1000,     /* for a refused client to take its 503 */
    LINGERING = 256,      /* refused clients kept at once; more are closed at once */
};

/* A connection that is not handed over yet; in a list ordered by deadline. */
struct pending {
    struct pending *previous, *next;
    int fd;
    bool refused; /* has its 503; waits to be closed by the other end */
    int64_t deadline_ns;
    struct peer peer;
};

/* Two first-in first-out lists, for each has one length of patience. */
struct pending_list {
    struct pending *first, *last;
    unsigned count;
};

struct front {
    struct front_options options;
    char *prefix;
    uint16_t port;
    int listeners[LISTEN_SOCKETS], n_listeners;
    int epoll, wake;
    pthread_t thread;
    atomic_bool stopping;
    _Atomic unsigned clients; /* undecided and handed over */
    unsigned max_clients, max_per_address;
    struct crowd crowd;
    bool paused;
    int64_t paused_until_ns;
    struct pending_list undecided, lingering;
    struct peer_finder finder;
};

static struct pending_list *list_of(struct front *front, const struct pending *pending)
{
    return pending->refused ? &front->lingering : &front->undecided;
}

static void list_add(struct pending_list *list, struct pending *pending)
{
    pending->previous = list->last;
    pending->next = NULL;
    *(list->last ? &list->last->next : &list->first) = pending;
    list->last = pending;
    list->count++;
}

static void list_remove(struct pending_list *list, struct pending *pending)
{
    *(pending->previous ? &pending->previous->next : &list->first) = pending->next;
    *(pending->next ? &pending->next->previous : &list->last) = pending->previous;
    list->count--;
}

void front_closed(struct front *front, const struct peer *peer)
{
    unsigned before = atomic_fetch_sub_explicit(&front->clients, 1, memory_order_relaxed);

    CHECK(before > 0);
    if (!peer->own_user)
        crowd_leave(&front->crowd, &peer->address);
}

static void drop(struct front *front, struct pending *pending)
{
    list_remove(list_of(front, pending), pending);
    if (!pending->refused)
        front_closed(front, &pending->peer);
    close(pending->fd);
    free(pending);
}

static void hand_over(struct front *front, struct pending *pending, const struct door *door)
{
    if (!door->take) {
        drop(front, pending);
        return;
    }
    epoll_ctl(front->epoll, EPOLL_CTL_DEL, pending->fd, NULL);
    list_remove(&front->undecided, pending);
    door->take(door->ctx, pending->fd, &pending->peer);
    free(pending);
}

static void decide(struct front *front, struct pending *pending, bool hung_up)
{
    char bytes[LIMIT_HEADER_BYTES];
    ssize_t n = recv(pending->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !hung_up)
        return;
    if (n <= 0) {
        drop(front, pending);
        return;
    }
    switch (classify(bytes, (size_t)n, hung_up || (size_t)n == sizeof bytes,
                     front->options.prefix)) {
    case CLASSIFY_WAIT:
        break;
    case CLASSIFY_HTTP:
        hand_over(front, pending, &front->options.http);
        break;
    case CLASSIFY_LIVE:
        hand_over(front, pending, &front->options.live);
        break;
    case CLASSIFY_GRPC:
        hand_over(front, pending, &front->options.grpc);
        break;
    }
}

/* Reads what a refused client still sends, so that closing does not reset its answer away. */
static void drain(struct front *front, struct pending *pending)
{
    char bytes[4096];
    ssize_t n;

    do
        n = recv(pending->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    while (n > 0);
    if (n == 0 || errno != EAGAIN)
        drop(front, pending);
}

static void send_busy(int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: application/problem+json\r\n"
                                 "Content-Length: 86\r\n"
                                 "Retry-After: 5\r\n"
                                 "Connection: close\r\n\r\n"
                                 "{\"title\":\"Too many clients\",\"status\":503,"
                                 "\"code\":\"too-many-clients\",\"retry_after_s\":5}\n";

    if (send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        shutdown(fd, SHUT_WR);
}

/* Counts a new connection. False: there are too many, of all or of this address. */
static bool admit_one(struct front *front, int fd, const struct sockaddr_storage *address,
                      struct peer *ret_peer)
{
    if (atomic_load_explicit(&front->clients, memory_order_relaxed) >= front->max_clients)
        return false;
    peer_find(&front->finder, fd, address, ret_peer);
    if (!ret_peer->own_user &&
        !crowd_enter(&front->crowd, &ret_peer->address, front->max_per_address))
        return false;
    atomic_fetch_add_explicit(&front->clients, 1, memory_order_relaxed);
    return true;
}

static void take_in(struct front *front, int fd, const struct sockaddr_storage *address)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
    struct peer peer = {0};
    bool full = !admit_one(front, fd, address, &peer);
    struct pending *pending = NULL;
    int on = 1;

    if (full)
        send_busy(fd);
    if (!full || front->lingering.count < LINGERING)
        pending = calloc(1, sizeof *pending);
    event.data.ptr = pending;
    if (!pending || epoll_ctl(front->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        if (!full)
            front_closed(front, &peer);
        free(pending);
        close(fd);
        return;
    }
    pending->fd = fd;
    pending->refused = full;
    pending->deadline_ns = clock_ns(NULL) + (full ? LINGER_MS : LIMIT_UNDECIDED_MS) * NS_PER_MS;
    list_add(list_of(front, pending), pending);
    if (full)
        return;
    pending->peer = peer;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void listen_events(struct front *front, uint32_t events, int op)
{
    for (int i = 0; i < front->n_listeners; i++) {
        struct epoll_event event = {.events = events, .data.ptr = &front->listeners[i]};
        epoll_ctl(front->epoll, op, front->listeners[i], &event);
    }
}

static void pause_listening(struct front *front)
{
    log_warn("cannot accept connections: %s", strerror(errno));
    listen_events(front, 0, EPOLL_CTL_MOD);
    front->paused = true;
    front->paused_until_ns = clock_ns(NULL) + PAUSE_MS * NS_PER_MS;
}

static void accept_some(struct front *front, int listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(listener, (struct sockaddr *)&address, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            take_in(front, fd, &address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_listening(front);
            return;
        }
        if (errno == EAGAIN)
            return;
    }
}

static void drop_late(struct front *front, struct pending_list *list, int64_t now)
{
    while (list->first && list->first->deadline_ns <= now)
        drop(front, list->first);
}

static int next_wait_ms(struct front *front, int64_t now)
{
    int64_t next = INT64_MAX;

    if (front->undecided.first)
        next = MIN(next, front->undecided.first->deadline_ns);
    if (front->lingering.first)
        next = MIN(next, front->lingering.first->deadline_ns);
    if (front->paused)
        next = MIN(next, front->paused_until_ns);
    if (next == INT64_MAX)
        return -1;
    return next <= now ? 0 : (int)((next - now) / NS_PER_MS) + 1;
}

static bool is_listener(const struct front *front, const void *p)
{
    return (const char *)p >= (const char *)front->listeners &&
           (const char *)p < (const char *)(front->listeners + LISTEN_SOCKETS);
}

static void serve_event(struct front *front, const struct epoll_event *event)
{
    bool hung_up = event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    void *p = event->data.ptr;

    if (p == front)
        return; /* the wake-up: only front_stop() uses it */
    if (is_listener(front, p))
        accept_some(front, *(int *)p);
    else if (((struct pending *)p)->refused)
        drain(front, p);
    else
        decide(front, p, hung_up);
}

static void *run(void *arg)
{
    struct front *front = arg;
    struct epoll_event events[EVENTS];

    while (!atomic_load(&front->stopping)) {
        int n = epoll_wait(front->epoll, events, EVENTS, next_wait_ms(front, clock_ns(NULL)));
        int64_t now;

        /* An event's connection is only ever dropped by its own event within a batch. */
        for (int i = 0; i < n; i++)
            serve_event(front, &events[i]);
        now = clock_ns(NULL);
        drop_late(front, &front->undecided, now);
        drop_late(front, &front->lingering, now);
        if (front->paused && now >= front->paused_until_ns) {
            front->paused = false;
            listen_events(front, EPOLLIN, EPOLL_CTL_MOD);
        }
    }
    return NULL;
}

static unsigned default_clients(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return 1u << 20;
    return (unsigned)MIN(MAX(limit.rlim_cur / 2, (rlim_t)16), (rlim_t)1 << 20);
}

static void tear_down(struct front *front)
{
    for (int i = 0; i < front->n_listeners; i++)
        close(front->listeners[i]);
    while (front->undecided.first)
        drop(front, front->undecided.first);
    while (front->lingering.first)
        drop(front, front->lingering.first);
    if (front->epoll >= 0)
        close(front->epoll);
    if (front->wake >= 0)
        close(front->wake);
    peer_finder_done(&front->finder);
    free(front->prefix);
    free(front);
}

static int open_loop(struct front *front)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = front};

    front->epoll = epoll_create1(EPOLL_CLOEXEC);
    front->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (front->epoll < 0 || front->wake < 0 ||
        epoll_ctl(front->epoll, EPOLL_CTL_ADD, front->wake, &event) < 0)
        return -errno;
    return 0;
}

/* The thread takes no signals: they belong to the thread that waits for them. */
static int start_thread(struct front *front)
{
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&front->thread, NULL, run, front);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r == 0)
        pthread_setname_np(front->thread, "front");
    return -r;
}

int front_start(const struct front_options *options, struct front **ret)
{
    struct front *front = calloc(1, sizeof *front);
    int r;

    if (!front)
        return -ENOMEM;
    front->options = *options;
    front->epoll = front->wake = -1;
    front->max_clients = options->max_clients ? options->max_clients : default_clients();
    front->max_per_address = options->max_per_address ? options->max_per_address
                                                      : LIMIT_CONNECTIONS_PER_ADDRESS;
    crowd_init(&front->crowd);
    peer_finder_init(&front->finder);
    front->prefix = strdup(options->prefix ? options->prefix : "");
    front->options.prefix = front->prefix;
    r = front->prefix ? open_loop(front) : -ENOMEM;
    if (r == 0)
        r = listen_open(options, front->listeners, &front->port);
    if (r > 0) {
        front->n_listeners = r;
        listen_events(front, EPOLLIN, EPOLL_CTL_ADD);
        r = start_thread(front);
    }
    if (r < 0) {
        tear_down(front);
        return r;
    }
    *ret = front;
    return 0;
}

uint16_t front_port(const struct front *front)
{
    return front->port;
}

struct front *front_stop(struct front *front)
{
    uint64_t one = 1;

    if (!front)
        return NULL;
    atomic_store(&front->stopping, true);
    if (write(front->wake, &one, sizeof one) < 0)
        log_error("cannot wake the acceptor: %s", strerror(errno));
    pthread_join(front->thread, NULL);
    tear_down(front);
    return NULL;
}
