#include "grpc/h2.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "grpc/session.h"

enum { EVENTS = 64, TICK_MS = 250, WORKERS = 2 };

struct arrival {
    struct arrival *next;
    int fd;
    struct peer peer;
};

struct h2 {
    struct session_home home;
    pthread_t thread;
    int epoll, wake;
    struct session *sessions;
    uint64_t held;
    pthread_mutex_t lock;
    struct arrival *arrivals; /* lock */
    bool stopping;         /* lock */
};

static void want(struct h2 *h2, struct session *s, bool writable)
{
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = s};

    if (writable == s->writable_wanted)
        return;
    s->writable_wanted = writable;
    epoll_ctl(h2->epoll, EPOLL_CTL_MOD, s->fd, &event);
}

static void push(struct h2 *h2, struct session *s)
{
    int r = session_write(s);

    if (r < 0 || session_is_over(s))
        s->dead = true;
    else
        want(h2, s, r == 1);
}

static void take_in(struct h2 *h2, struct arrival *arrival)
{
    struct session *s = session_new(&h2->home, arrival->fd, &arrival->peer);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

    if (!s)
        return;
    s->dead = epoll_ctl(h2->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0;
    s->next = h2->sessions;
    h2->sessions = s;
    if (!s->dead)
        push(h2, s);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void wake(void *ctx)
{
    struct h2 *h2 = ctx;
    uint64_t one = 1;

    if (write(h2->wake, &one, sizeof one) < 0 && errno != EAGAIN)
        log_error("cannot wake the gRPC thread: %s", strerror(errno));
}

static bool take_arrivals(struct h2 *h2)
{
    pthread_mutex_lock(&h2->lock);
    struct arrival *arrival = TAKE_PTR(h2->arrivals);
    bool stopping = h2->stopping;
    pthread_mutex_unlock(&h2->lock);
    while (arrival) {
        struct arrival *next = arrival->next;
        take_in(h2, arrival);
        free(arrival);
        arrival = next;
    }
    return !stopping;
}

static void turn(struct h2 *h2)
{
    struct epoll_event events[EVENTS];
    uint64_t count;
    int n = epoll_wait(h2->epoll, events, EVENTS, h2->sessions ? TICK_MS : -1);

    for (int i = 0; i < n; i++) {
        struct session *s = events[i].data.ptr;
        if (!s) {
            if (read(h2->wake, &count, sizeof count) < 0)
                continue;
        } else if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && session_read(s) < 0) {
            push(h2, s); /* the last words, such as GOAWAY */
            s->dead = true;
        }
    }
    for (struct call *call = workers_taken(h2->home.workers), *next; call; call = next) {
        next = call->next;
        session_answered(&h2->home, call);
    }
    int64_t now = clock_ns(NULL);
    for (struct session **at = &h2->sessions; *at;) {
        struct session *s = *at;
        if (!s->dead)
            s->dead = session_look_after(s, now);
        if (!s->dead)
            push(h2, s);
        if (!s->dead) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        session_free(s);
    }
}

static void *run(void *arg)
{
    struct h2 *h2 = arg;

    while (take_arrivals(h2))
        turn(h2);
    for (struct session *s = h2->sessions; s; s = s->next)
        session_end(s);
    while (h2->sessions) {
        struct session *s = h2->sessions;
        h2->sessions = s->next;
        session_free(s);
    }
    return NULL;
}

/* ---- life --------------------------------------------------------------------------------- */

static struct h2 *h2_free(struct h2 *h2)
{
    workers_stop(h2->home.workers);
    if (h2->epoll >= 0)
        close(h2->epoll);
    if (h2->wake >= 0)
        close(h2->wake);
    pthread_mutex_destroy(&h2->lock);
    free(h2);
    return NULL;
}

int h2_start(const struct grpc_options *options, struct h2 **ret)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    struct h2 *h2 = calloc(1, sizeof *h2);
    sigset_t all, old;

    if (!h2)
        return -ENOMEM;
    h2->home.options = *options;
    h2->home.held = &h2->held;
    pthread_mutex_init(&h2->lock, NULL);
    h2->epoll = epoll_create1(EPOLL_CLOEXEC);
    h2->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = 0;
    if (h2->epoll < 0 || h2->wake < 0 ||
        epoll_ctl(h2->epoll, EPOLL_CTL_ADD, h2->wake, &event) < 0)
        r = -errno;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (r == 0)
        r = workers_start(WORKERS, wake, h2, &h2->home.workers);
    if (r == 0)
        r = -pthread_create(&h2->thread, NULL, run, h2);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r < 0) {
        h2_free(h2);
        return r;
    }
    pthread_setname_np(h2->thread, "grpc");
    *ret = h2;
    return 0;
}

void h2_take(struct h2 *h2, int fd, const struct peer *peer)
{
    struct arrival *arrival = malloc(sizeof *arrival);

    if (!arrival) {
        close(fd);
        if (h2->home.options.closed)
            h2->home.options.closed(h2->home.options.closed_ctx, peer);
        return;
    }
    arrival->fd = fd;
    arrival->peer = *peer;
    pthread_mutex_lock(&h2->lock);
    arrival->next = h2->arrivals;
    h2->arrivals = arrival;
    pthread_mutex_unlock(&h2->lock);
    wake(h2);
}

struct h2 *h2_stop(struct h2 *h2)
{
    if (!h2)
        return NULL;
    pthread_mutex_lock(&h2->lock);
    h2->stopping = true;
    pthread_mutex_unlock(&h2->lock);
    wake(h2);
    pthread_join(h2->thread, NULL);
    return h2_free(h2);
}
