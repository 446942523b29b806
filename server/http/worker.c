#include "http/worker.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "http/bridge.h"
#include "http/lives.h"
#include "http/talk.h"

enum { EVENTS = 64, STOP_MS = 2000, SWEEP_MS = 1000, INBOX_START = 64 };

/* ---- waking ------------------------------------------------------------------------------ */

static void wake(struct worker *worker)
{
    uint64_t one = 1;

    if (atomic_exchange(&worker->woken, true))
        return;
    if (write(worker->wake, &one, sizeof one) < 0 && errno != EAGAIN)
        log_error("cannot wake an HTTP worker: %s", strerror(errno));
}

void worker_news(struct worker *worker)
{
    /* Sequentially consistent with worker_suspend(): either this sees the waiting one, or that
     * one sees the commit when it looks once more. */
    if (atomic_load(&worker->waiting_count) > 0)
        wake(worker);
}

void worker_take(struct worker *worker, int fd, const struct peer *peer)
{
    bool taken = true;

    pthread_mutex_lock(&worker->lock);
    if (worker->inbox_count == worker->inbox_capacity) {
        size_t want = MAX(2 * worker->inbox_capacity, (size_t)INBOX_START);
        void *more = realloc(worker->inbox, want * sizeof *worker->inbox);

        taken = more;
        if (more) {
            worker->inbox = more;
            worker->inbox_capacity = want;
        }
    }
    if (taken)
        worker->inbox[worker->inbox_count++] = (struct inbox_item){fd, *peer};
    pthread_mutex_unlock(&worker->lock);
    if (taken) {
        wake(worker);
        return;
    }
    close(fd);
    worker_left(worker, peer, false);
}

void worker_left(struct worker *worker, const struct peer *peer, bool bridged)
{
    const struct http_options *options = &worker->shared->options;

    if (!bridged && options->closed)
        options->closed(options->closed_ctx, peer);
}

/* ---- waiting requests -------------------------------------------------------------------- */

void worker_suspend(struct worker *worker, struct conn *client)
{
    CHECK(!client->waiting);
    MHD_suspend_connection(client->connection);
    client->waiting = true;
    client->previous_waiting = NULL;
    client->next_waiting = worker->waiting;
    if (client->next_waiting)
        client->next_waiting->previous_waiting = client;
    worker->waiting = client;
    atomic_fetch_add(&worker->waiting_count, 1);
    atomic_fetch_add_explicit(&worker->shared->counters.waiting, 1, memory_order_relaxed);
    /* A commit between the route's look and now is seen by the loop's next look. */
    wake(worker);
}

static void resume(struct worker *worker, struct conn *client, bool time_over)
{
    struct conn **link = client->previous_waiting ? &client->previous_waiting->next_waiting
                                                    : &worker->waiting;

    *link = client->next_waiting;
    if (client->next_waiting)
        client->next_waiting->previous_waiting = client->previous_waiting;
    client->waiting = false;
    client->request.time_over = time_over;
    if (client->stream && atomic_load(&worker->stopping))
        client->stream->stopping = true;
    client->stream = NULL;
    client->since_ns = clock_ns(NULL);
    atomic_fetch_sub(&worker->waiting_count, 1);
    atomic_fetch_sub_explicit(&worker->shared->counters.waiting, 1, memory_order_relaxed);
    MHD_resume_connection(client->connection);
}

/* Resumes all that are ready or due (`all`: everyone). Returns when to look again. */
static int64_t look_at_waiting(struct worker *worker, int64_t now, bool all)
{
    struct conn *next;
    int64_t due = INT64_MAX;

    for (struct conn *client = worker->waiting; client; client = next) {
        bool over = all || conn_due_ns(client) <= now;

        next = client->next_waiting;
        if (over || conn_ready(client))
            resume(worker, client, over);
        else
            due = MIN(due, conn_due_ns(client));
    }
    return due;
}

/* ---- arriving and leaving ---------------------------------------------------------------- */

static void take_in(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->arriving = worker->inbox;
    worker->arriving_count = worker->inbox_count;
    worker->inbox = NULL;
    worker->inbox_count = worker->inbox_capacity = 0;
    pthread_mutex_unlock(&worker->lock);
    for (size_t i = 0; i < worker->arriving_count; i++) {
        const struct inbox_item *item = &worker->arriving[i];
        const struct sockaddr *address = (const struct sockaddr *)&item->peer.address;
        socklen_t size = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                        : sizeof(struct sockaddr_in);

        if (MHD_add_connection(worker->daemon, item->fd, address, size) != MHD_YES)
            log_debug("a connection was not taken: %s", strerror(errno));
    }
}

/* After MHD_run(): a connection that has not begun was refused and closed by the library; one
 * that began (talk_connection() sets its descriptor to -1) tells its end by itself. */
static void settle(struct worker *worker)
{
    for (size_t i = 0; i < worker->arriving_count; i++)
        if (worker->arriving[i].fd >= 0)
            worker_left(worker, &worker->arriving[i].peer, false);
    free(worker->arriving);
    worker->arriving = NULL;
    worker->arriving_count = 0;
}

/* The library misses an end that came together with a part of a request. */
static bool has_ended(const struct conn *client)
{
    char byte;

    return !client->waiting && !client->cut && !client->bridged &&
           client->state != CONN_SERVING &&
           recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep(struct worker *worker, int64_t now)
{
    for (struct conn *client = worker->clients; client; client = client->next) {
        const char *why = has_ended(client) ? "the client left" : conn_late(client, now);

        if (!why)
            continue;
        log_debug("connection of %s ended: %s", client->peer.text, why);
        client->cut = true;
        shutdown(client->fd, SHUT_RDWR);
    }
    bridge_sweep(worker, now);
    if (worker->first && worker->shared->lives)
        lives_tick(worker->shared->lives);
    worker->next_sweep_ns = now + SWEEP_MS * NS_PER_MS;
}

/* ---- the loop ---------------------------------------------------------------------------- */

static int wait_ms(struct worker *worker, int64_t due_ns)
{
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    int64_t now = clock_ns(NULL), until = MIN(due_ns, worker->next_sweep_ns);
    int ms = until <= now ? 0 : (int)((until - now) / NS_PER_MS) + 1;

    if (MHD_get_timeout(worker->daemon, &daemon_ms) == MHD_YES && daemon_ms < (unsigned)ms)
        ms = (int)daemon_ms;
    return ms;
}

static void turn(struct worker *worker, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(worker->epoll, events, EVENTS, timeout_ms);
    uint64_t count;

    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == worker) {
            if (read(worker->wake, &count, sizeof count) < 0)
                continue;
        } else if (events[i].data.ptr != worker->daemon) {
            bridge_event(worker, events[i].data.ptr, events[i].events);
        }
    }
    bridge_reap(worker);
}

static bool is_busy(const struct worker *worker)
{
    for (const struct conn *client = worker->clients; client; client = client->next)
        if (client->state != CONN_IDLE && !client->bridged)
            return true;
    return false;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    int64_t due = INT64_MAX, give_up = INT64_MAX;

    for (;;) {
        int64_t now;
        bool stopping;

        turn(worker, wait_ms(worker, due));
        /* Cleared before looking: who comes later wakes again. */
        atomic_store(&worker->woken, false);
        stopping = atomic_load(&worker->stopping);
        now = clock_ns(NULL);
        take_in(worker);
        due = look_at_waiting(worker, now, stopping);
        MHD_run(worker->daemon);
        settle(worker);
        if (now >= worker->next_sweep_ns)
            sweep(worker, now);
        if (stopping && give_up == INT64_MAX)
            give_up = now + STOP_MS * NS_PER_MS;
        if (stopping && (now >= give_up || !is_busy(worker)))
            break;
        if (stopping)
            due = MIN(due, now + 10 * NS_PER_MS);
    }
    bridge_close_all(worker);
    do {
        look_at_waiting(worker, clock_ns(NULL), true);
        MHD_run(worker->daemon);
    } while (worker->waiting);
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

static void log_library(void *cls, const char *format, va_list args)
{
    char text[512];

    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("libmicrohttpd: %s", text);
}

static struct MHD_Daemon *start_daemon(struct worker *worker)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_UPGRADE |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, talk_handle, worker,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, worker,
        MHD_OPTION_URI_LOG_CALLBACK, talk_address, worker,
        MHD_OPTION_NOTIFY_COMPLETED, talk_completed, worker,
        MHD_OPTION_NOTIFY_CONNECTION, talk_connection, worker,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_HEADER_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, 1u << 20,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_IDLE_SECONDS,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
#if MHD_VERSION >= 0x00097701
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#endif
        MHD_OPTION_END);
}

static int open_loop(struct worker *worker)
{
    const union MHD_DaemonInfo *info;
    struct epoll_event own = {.events = EPOLLIN, .data.ptr = worker};
    struct epoll_event event = {.events = EPOLLIN};

    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->epoll < 0 || worker->wake < 0 ||
        epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &own) < 0)
        return -errno;
    worker->daemon = start_daemon(worker);
    if (!worker->daemon)
        return -EIO;
    event.data.ptr = worker->daemon;
    info = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, info->epoll_fd, &event) < 0)
        return -EIO;
    return 0;
}

static struct worker *worker_free(struct worker *worker)
{
    if (worker->daemon)
        MHD_stop_daemon(worker->daemon);
    for (size_t i = 0; i < worker->inbox_count; i++) {
        close(worker->inbox[i].fd);
        worker_left(worker, &worker->inbox[i].peer, false);
    }
    if (worker->epoll >= 0)
        close(worker->epoll);
    if (worker->wake >= 0)
        close(worker->wake);
    pthread_mutex_destroy(&worker->lock);
    free(worker->inbox);
    free(worker);
    return NULL;
}

/* No signals here; SIGPIPE least of all, which a closed connection would send. */
static int start_thread(struct worker *worker, unsigned number)
{
    char name[16];
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    snprintf(name, sizeof name, "http-%u", number);
    if (r == 0)
        pthread_setname_np(worker->thread, name);
    return -r;
}

int worker_start(struct http_shared *shared, unsigned number, struct worker **ret)
{
    struct worker *worker = calloc(1, sizeof *worker);
    int r;

    if (!worker)
        return -ENOMEM;
    worker->shared = shared;
    worker->first = number == 0;
    worker->epoll = worker->wake = -1;
    pthread_mutex_init(&worker->lock, NULL);
    r = open_loop(worker);
    if (r == 0)
        r = start_thread(worker, number);
    if (r < 0) {
        worker_free(worker);
        return r;
    }
    *ret = worker;
    return 0;
}

void worker_stop_begin(struct worker *worker)
{
    atomic_store(&worker->stopping, true);
    atomic_store(&worker->woken, false);
    wake(worker);
}

struct worker *worker_stop(struct worker *worker)
{
    if (!worker)
        return NULL;
    worker_stop_begin(worker);
    pthread_join(worker->thread, NULL);
    return worker_free(worker);
}
