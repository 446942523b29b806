#include "ship/http1.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "ship/httpreply.h"

enum { SLOTS = LIMIT_PIECES_UNDER_WAY, IN_BYTES = 16384, OUT_BYTES = 256 << 10, SLICE_MS = 100 };

struct http1 {
    const struct channel_options *options;
    int fd;                      /* -1: not connected */
    bool closing;                /* nothing more may be sent on this connection */
    bool ended;                  /* nothing more comes */
    unsigned first, ready, sent; /* oldest slot; answers that are whole; requests under way */
    struct channel_reply replies[SLOTS];
    bool heads[SLOTS];
    struct httpreply parser; /* of the answer in slot first + ready, if `parsing` */
    bool parsing;
    int64_t moved_ns; /* when bytes last went either way */
    char error[600];
    char out[OUT_BYTES];
};

struct http1 *http1_new(const struct channel_options *options)
{
    struct http1 *http = calloc(1, sizeof *http);

    if (http) {
        http->options = options;
        http->fd = -1;
    }
    return http;
}

void http1_close(struct http1 *http)
{
    if (http->fd >= 0)
        close(TAKE_FD(http->fd));
    http->first = http->ready = http->sent = 0;
    http->parsing = http->closing = http->ended = false;
}

struct http1 *http1_free(struct http1 *http)
{
    if (!http)
        return NULL;
    http1_close(http);
    for (size_t i = 0; i < SLOTS; i++)
        buf_done(&http->replies[i].body);
    free(http);
    return NULL;
}

unsigned http1_under_way(const struct http1 *http)
{
    return http->sent;
}

bool http1_room(const struct http1 *http)
{
    return http->sent == 0 || (http->sent < SLOTS && !http->closing);
}

int http1_fd(const struct http1 *http)
{
    return http->fd;
}

const char *http1_error(const struct http1 *http)
{
    return http->error;
}

static int fail(struct http1 *http, int error)
{
    const char *why = error == -ECONNRESET                     ? "the connection was closed"
                      : error == -EPROTO || error == -EMSGSIZE ? "the answer is not HTTP"
                                                               : strerror(-error);

    if (error != -ECANCELED)
        snprintf(http->error, sizeof http->error, "%s port %s: %s", http->options->server->host,
                 http->options->server->port, why);
    http1_close(http);
    return error;
}

static bool stopped(const struct http1 *http)
{
    return http->options->stop && atomic_load(http->options->stop);
}

/* Waits for `events` on a descriptor. The events; 0: not within timeout_ms; -ECANCELED. */
static int wait_for(const struct http1 *http, int fd, short events, int64_t timeout_ms)
{
    int64_t until = clock_ns(NULL) + timeout_ms * NS_PER_MS;

    for (;;) {
        if (stopped(http))
            return -ECANCELED;
        int64_t left = (until - clock_ns(NULL) + NS_PER_MS - 1) / NS_PER_MS;
        struct pollfd poll_fd = {fd, events, 0};
        int n = poll(&poll_fd, 1, left < 0 ? 0 : left > SLICE_MS ? SLICE_MS : (int)left);
        if (n > 0)
            return poll_fd.revents;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (left <= 0)
            return 0;
    }
}

/* ---- connecting --------------------------------------------------------------------------- */

static int connect_to(struct http1 *http, const struct addrinfo *address)
{
    _cleanup_close_ int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                    address->ai_protocol);
    int one = 1, error = 0;
    socklen_t size = sizeof error;

    if (fd < 0)
        return -errno;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
        if (errno != EINPROGRESS)
            return -errno;
        int r = wait_for(http, fd, POLLOUT, LIMIT_CONNECT_MS);
        if (r <= 0)
            return r < 0 ? r : -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            return -errno;
        if (error)
            return -error;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    http->fd = TAKE_FD(fd);
    return 0;
}

static int connect_now(struct http1 *http)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    const struct server_name *server = http->options->server;
    struct addrinfo *list;
    int r = getaddrinfo(server->host, server->port, &hints, &list);

    if (r != 0) {
        snprintf(http->error, sizeof http->error, "%s: %s", server->host, gai_strerror(r));
        return -EHOSTUNREACH;
    }
    r = -EHOSTUNREACH;
    for (const struct addrinfo *a = list; a && r < 0 && r != -ECANCELED; a = a->ai_next)
        r = connect_to(http, a);
    freeaddrinfo(list);
    http->moved_ns = clock_ns(NULL);
    return r < 0 ? fail(http, r) : 0;
}

/* A kept connection that the server has closed meanwhile is not used. */
static bool is_stale(const struct http1 *http)
{
    char byte;

    if (http->closing || http->ended)
        return true;
    ssize_t n = recv(http->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 ||
           (errno != EAGAIN && errno != EINTR); /* no answer is expected: bytes are wrong */
}

/* ---- answers ------------------------------------------------------------------------------ */

/* Gives bytes to the answers that are expected. 0 or -errno. */
static int parse(struct http1 *http, const char *data, size_t size)
{
    while (size > 0) {
        if (http->ready == http->sent)
            return -EPROTO;
        unsigned slot = (http->first + http->ready) % SLOTS;
        if (!http->parsing)
            httpreply_begin(&http->parser, &http->replies[slot], http->heads[slot]);
        http->parsing = true;
        ssize_t n = httpreply_feed(&http->parser, data, size);
        if (n < 0)
            return (int)n;
        data += n;
        size -= (size_t)n;
        if (http->parser.state != HTTPREPLY_DONE)
            continue;
        http->parsing = false;
        http->ready++;
        if (http->parser.close) { /* what follows belongs to no answer */
            http->closing = http->ended = true;
            return 0;
        }
    }
    return 0;
}

/* Takes in what has come. 0 or -errno. */
static int take_in(struct http1 *http)
{
    char in[IN_BYTES];

    while (!http->ended) {
        ssize_t n = recv(http->fd, in, sizeof in, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (n == 0) {
            http->closing = http->ended = true;
            if (!http->parsing)
                return http->ready == http->sent ? 0 : -ECONNRESET;
            int r = httpreply_end(&http->parser);
            http->parsing = false;
            http->ready += r == 0;
            return r < 0 ? -ECONNRESET : 0;
        }
        http->moved_ns = clock_ns(NULL);
        int r = parse(http, in, (size_t)n);
        if (r < 0)
            return r;
    }
    return 0;
}

int http1_receive(struct http1 *http, struct channel_reply *ret, int timeout_ms)
{
    httpreply_clear(ret);
    if (http->sent == 0)
        return 0;
    if (http->ready == 0 && http->ended)
        return fail(http, -ECONNRESET); /* it closed before it answered all */
    if (http->ready == 0) {
        int r = wait_for(http, http->fd, POLLIN, timeout_ms);
        if (r == 0 && clock_ns(NULL) - http->moved_ns > 2 * LIMIT_EXCHANGE_MS * NS_PER_MS)
            r = -ETIMEDOUT;
        if (r > 0)
            r = take_in(http);
        if (r < 0 && http->ready == 0)
            return fail(http, r);
    }
    if (http->ready == 0)
        return 0;
    struct channel_reply swap = *ret;
    *ret = http->replies[http->first];
    http->replies[http->first] = swap;
    http->first = (http->first + 1) % SLOTS;
    http->ready--;
    http->sent--;
    return 1;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* Was the request that is being sent answered already? Then the rest of it is of no use. */
static bool answered_early(struct http1 *http)
{
    if (http->ready < http->sent)
        return false;
    http->closing = true;
    return true;
}

/* Keeps to the rate; answers are taken in meanwhile. 1: answered early. */
static int wait_for_rate(struct http1 *http, size_t size)
{
    if (!http->options->rate)
        return 0;
    int64_t until = clock_ns(NULL), wait = rate_spend(http->options->rate, size, until);
    until += wait;
    while (wait > 0) {
        int r = wait_for(http, http->fd, POLLIN, (wait + NS_PER_MS - 1) / NS_PER_MS);
        if (r > 0)
            r = take_in(http);
        if (r < 0)
            return r;
        if (answered_early(http))
            return 1;
        wait = until - clock_ns(NULL);
    }
    return 0;
}

/* Sends bytes. 0; 1: the request was answered before; -errno. */
static int send_bytes(struct http1 *http, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(http->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            data += n;
            size -= (size_t)n;
            http->moved_ns = clock_ns(NULL);
            continue;
        }
        int error = errno;
        if (error == EINTR)
            continue;
        if (error != EAGAIN) {
            /* A refusal may have come with the end of the connection. */
            return take_in(http) == 0 && answered_early(http) ? 1 : -error;
        }
        int r = wait_for(http, http->fd, POLLOUT | POLLIN, LIMIT_EXCHANGE_MS);
        if (r == 0)
            return -ETIMEDOUT;
        if (r < 0)
            return r;
        if (r & POLLIN) {
            r = take_in(http);
            if (r < 0)
                return r;
            if (answered_early(http))
                return 1;
        }
    }
    return 0;
}

static int send_body(struct http1 *http, const struct channel_request *request)
{
    for (uint64_t done = 0; done < request->size;) {
        size_t n = (size_t)MIN(request->size - done, (uint64_t)OUT_BYTES);
        if (http->options->rate)
            n = rate_piece(http->options->rate, n);
        const char *data = http->out;
        if (request->data) {
            data = (const char *)request->data + done;
        } else {
            ssize_t got = request->read(request->ctx, http->out, n);
            if (got <= 0)
                return got < 0 ? (int)got : -EIO;
            n = (size_t)got;
        }
        int r = send_bytes(http, data, n);
        if (r == 0)
            r = wait_for_rate(http, n);
        if (r != 0)
            return r;
        done += n;
    }
    return 0;
}

static int make_head(struct http1 *http, const struct channel_request *request, const char *auth,
                     struct buf *ret)
{
    const struct server_name *server = http->options->server;
    bool v6 = strchr(server->host, ':') != NULL;

    buf_printf(ret, "%s %s%s HTTP/1.1\r\nHost: %s%s%s", request->method, server->prefix,
               request->target, v6 ? "[" : "", server->host, v6 ? "]" : "");
    if (strcmp(server->port, "80") != 0)
        buf_printf(ret, ":%s", server->port);
    buf_printf(ret, "\r\nUser-Agent: tailboard/%s\r\n%s%s", TB_VERSION, auth,
               request->headers ? request->headers : "");
    if (strcmp(request->method, "HEAD") != 0)
        buf_printf(ret, "Content-Length: %llu\r\n", (unsigned long long)request->size);
    buf_str(ret, "\r\n");
    return buf_failed(ret);
}

int http1_send(struct http1 *http, const struct channel_request *request, const char *auth)
{
    _cleanup_(buf_done) struct buf head = BUF_INIT(4 * LIMIT_PATH_BYTES + 4096);

    if (http->fd >= 0 && http->sent == 0 && is_stale(http))
        http1_close(http);
    if (http->fd < 0) {
        int r = connect_now(http);
        if (r < 0)
            return r;
    }
    int r = make_head(http, request, auth, &head);
    if (r < 0)
        return fail(http, r);
    http->moved_ns = clock_ns(NULL);
    http->heads[(http->first + http->sent) % SLOTS] = strcmp(request->method, "HEAD") == 0;
    http->sent++;
    r = send_bytes(http, head.data, head.length);
    if (r == 0)
        r = send_body(http, request);
    return r < 0 ? fail(http, r) : 0;
}
