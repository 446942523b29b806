#include "cli/tunnel.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Of libcurl's interface, as in ship/curl.c. */
enum {
    OPT_URL = 10002, OPT_ERRORBUFFER = 10010, OPT_CAINFO = 10065, OPT_CONNECTTIMEOUT = 78,
    OPT_NOSIGNAL = 99, OPT_CONNECT_ONLY = 141, OPT_ENABLE_ALPN = 226,
    INFO_ACTIVESOCKET = 0x50002c,
    CODE_AGAIN = 81, ERROR_BYTES = 256,
};

struct tunnel {
    int fd; /* -1: libcurl's */
    void *easy;
    char error[ERROR_BYTES];
    void *(*init)(void);
    void (*cleanup)(void *easy);
    int (*setopt)(void *easy, int option, ...);
    int (*perform)(void *easy);
    int (*getinfo)(void *easy, int info, ...);
    int (*send)(void *easy, const void *data, size_t size, size_t *ret);
    int (*recv)(void *easy, void *data, size_t size, size_t *ret);
};

static int dial(const struct server_name *server)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int fd = -ECONNREFUSED;

    if (getaddrinfo(server->host, server->port, &hints, &list) != 0)
        return -EHOSTUNREACH;
    for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) < 0) {
            int r = -errno;

            close(fd);
            fd = r;
        } else if (fd < 0) {
            fd = -errno;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static int find_names(struct tunnel *tunnel, void *library)
{
    const struct {
        const char *name;
        void **place;
    } names[] = {
        {"curl_easy_init", (void **)&tunnel->init},
        {"curl_easy_cleanup", (void **)&tunnel->cleanup},
        {"curl_easy_setopt", (void **)&tunnel->setopt},
        {"curl_easy_perform", (void **)&tunnel->perform},
        {"curl_easy_getinfo", (void **)&tunnel->getinfo},
        {"curl_easy_send", (void **)&tunnel->send},
        {"curl_easy_recv", (void **)&tunnel->recv},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!library || !(*names[i].place = dlsym(library, names[i].name)))
            return -ELIBACC;
    return 0;
}

/* The certificate is checked as libcurl does by default. */
static int shake_hands(struct tunnel *tunnel, const struct server_name *server)
{
    const char *ca = getenv("TAILBOARD_CA_FILE");
    bool v6 = strchr(server->host, ':') != NULL;
    char url[300];

    tunnel->easy = tunnel->init();
    if (!tunnel->easy)
        return -ENOMEM;
    snprintf(url, sizeof url, "https://%s%s%s:%s/", v6 ? "[" : "", server->host, v6 ? "]" : "",
             server->port);
    tunnel->setopt(tunnel->easy, OPT_URL, url);
    tunnel->setopt(tunnel->easy, OPT_ERRORBUFFER, tunnel->error);
    tunnel->setopt(tunnel->easy, OPT_NOSIGNAL, 1L);
    tunnel->setopt(tunnel->easy, OPT_CONNECTTIMEOUT, (long)(LIMIT_CONNECT_MS / 1000));
    tunnel->setopt(tunnel->easy, OPT_ENABLE_ALPN, 0L); /* HTTP/1.1 is spoken */
    tunnel->setopt(tunnel->easy, OPT_CONNECT_ONLY, 1L);
    if (ca && *ca)
        tunnel->setopt(tunnel->easy, OPT_CAINFO, ca);
    return tunnel->perform(tunnel->easy) == 0 ? 0 : -ECONNREFUSED;
}

int tunnel_open(const struct server_name *server, struct tunnel **ret)
{
    struct tunnel *tunnel = calloc(1, sizeof *tunnel);
    int r;

    if (!tunnel)
        return -ENOMEM;
    tunnel->fd = -1;
    if (server->tls) {
        r = find_names(tunnel, channel_libcurl());
        if (r == 0)
            r = shake_hands(tunnel, server);
        else
            snprintf(tunnel->error, sizeof tunnel->error,
                     "an https server needs libcurl (Debian: libcurl4), which cannot be loaded");
    } else {
        r = dial(server);
        tunnel->fd = MAX(r, -1);
    }
    *ret = tunnel;
    return MIN(r, 0);
}

struct tunnel *tunnel_close(struct tunnel *tunnel)
{
    if (!tunnel)
        return NULL;
    if (tunnel->fd >= 0)
        close(tunnel->fd);
    if (tunnel->easy)
        tunnel->cleanup(tunnel->easy);
    free(tunnel);
    return NULL;
}

const char *tunnel_error(const struct tunnel *tunnel)
{
    return tunnel ? tunnel->error : "";
}

/* Until the connection can go on. */
static int wait_for(struct tunnel *tunnel, short events)
{
    int fd = -1;

    if (tunnel->getinfo(tunnel->easy, INFO_ACTIVESOCKET, &fd) != 0 || fd < 0)
        return -EPIPE;
    struct pollfd at = {.fd = fd, .events = events};
    return poll(&at, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int tunnel_send(struct tunnel *tunnel, const void *data, size_t size)
{
    while (size > 0) {
        size_t sent = 0;
        int r = 0;

        if (tunnel->fd >= 0) {
            ssize_t n = send(tunnel->fd, data, size, MSG_NOSIGNAL);
            r = n < 0 ? -errno : 0;
            sent = n < 0 ? 0 : (size_t)n;
        } else {
            int code = tunnel->send(tunnel->easy, data, size, &sent);
            r = code == CODE_AGAIN ? wait_for(tunnel, POLLOUT) : code ? -EPIPE : 0;
        }
        if (r < 0)
            return r;
        data = (const char *)data + sent;
        size -= sent;
    }
    return 0;
}

ssize_t tunnel_receive(struct tunnel *tunnel, void *ret, size_t size)
{
    if (tunnel->fd >= 0) {
        ssize_t n = recv(tunnel->fd, ret, size, 0);
        return n < 0 ? -errno : n;
    }
    for (;;) {
        size_t got = 0;
        int code = tunnel->recv(tunnel->easy, ret, size, &got);
        if (code == 0)
            return (ssize_t)got;
        int r = code == CODE_AGAIN ? wait_for(tunnel, POLLIN) : -ECONNRESET;
        if (r < 0)
            return r;
    }
}
