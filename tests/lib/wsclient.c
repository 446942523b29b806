#include "wsclient.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int wsclient_connect(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int wait_readable(int fd, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until_ms - now_ms();

    return poll(&p, 1, left < 0 ? 0 : (int)left);
}

static int send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            if (poll(&p, 1, 5000) <= 0)
                return -EAGAIN;
            continue;
        }
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static void keep(struct wsclient *ws, const char *data, size_t size)
{
    if (ws->data && ws->start + ws->length + size > ws->capacity) {
        memmove(ws->data, ws->data + ws->start, ws->length);
        ws->start = 0;
    }
    if (ws->length + size > ws->capacity) {
        ws->capacity = (ws->length + size) * 2;
        ws->data = realloc(ws->data, ws->capacity);
        if (!ws->data)
            abort();
    }
    memcpy(ws->data + ws->start + ws->length, data, size);
    ws->length += size;
}

int wsclient_read(struct wsclient *ws)
{
    char data[65536];
    ssize_t n;

    while ((n = recv(ws->fd, data, sizeof data, MSG_DONTWAIT)) > 0) {
        keep(ws, data, (size_t)n);
        if ((size_t)n < sizeof data)
            return 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    ws->closed = true;
    return -1;
}

int wsclient_open(struct wsclient *ws, int fd, const char *path, const char *headers,
                  int timeout_ms)
{
    char request[16384];
    int64_t until = now_ms() + timeout_ms;
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n%s\r\n",
                     path, headers);

    *ws = (struct wsclient){.fd = fd};
    if (n < 0 || (size_t)n >= sizeof request)
        return -E2BIG;
    int r = send_all(fd, request, (size_t)n);
    if (r < 0)
        return r;
    for (;;) {
        char *end = ws->length ? memmem(ws->data + ws->start, ws->length, "\r\n\r\n", 4) : NULL;

        if (end) {
            int status = atoi(ws->data + ws->start + 9);
            if (status != 101)
                return status;
            size_t header = (size_t)(end + 4 - (ws->data + ws->start));
            ws->start += header;
            ws->length -= header;
            return status;
        }
        if (wait_readable(fd, until) <= 0)
            return -ETIMEDOUT;
        if (wsclient_read(ws) < 0)
            return -ECONNRESET;
    }
}

void wsclient_done(struct wsclient *ws)
{
    if (ws->fd >= 0)
        close(ws->fd);
    free(ws->data);
    *ws = (struct wsclient){.fd = -1};
}

int wsclient_frame(struct wsclient *ws, unsigned first_byte, const void *data, size_t size)
{
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    size_t header = 2;
    char *frame = malloc(size + 14);

    if (!frame)
        return -ENOMEM;
    frame[0] = (char)first_byte;
    if (size < 126)
        frame[1] = (char)(0x80 | size);
    else if (size < 65536) {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
        header = 4;
    } else {
        frame[1] = (char)(0x80 | 127);
        for (int i = 0; i < 8; i++)
            frame[2 + i] = (char)(size >> (56 - 8 * i));
        header = 10;
    }
    memcpy(frame + header, mask, 4);
    for (size_t i = 0; i < size; i++)
        frame[header + 4 + i] = (char)(((const unsigned char *)data)[i] ^ mask[i % 4]);
    int r = send_all(ws->fd, frame, header + 4 + size);
    free(frame);
    return r;
}

int wsclient_text(struct wsclient *ws, const char *text)
{
    return wsclient_frame(ws, 0x81, text, strlen(text));
}

/* The next frame in the buffer: its opcode, or -1. The payload stays in place. */
static int take_frame(struct wsclient *ws, struct wsmessage *ret)
{
    const unsigned char *p = (const unsigned char *)ws->data + ws->start;
    size_t header = 2, size;

    if (ws->length < 2)
        return -1;
    size = p[1] & 0x7f;
    if (size == 126) {
        header = 4;
        if (ws->length < header)
            return -1;
        size = (size_t)p[2] << 8 | p[3];
    } else if (size == 127) {
        header = 10;
        if (ws->length < header)
            return -1;
        size = 0;
        for (int i = 0; i < 8; i++)
            size = size << 8 | p[2 + i];
    }
    if (ws->length < header || ws->length - header < size)
        return -1;
    *ret = (struct wsmessage){.data = (const char *)p + header, .size = size};
    ws->start += header + size;
    ws->length -= header + size;
    return p[0] & 0x0f;
}

int wsclient_take(struct wsclient *ws, struct wsmessage *ret)
{
    int opcode;

    while ((opcode = take_frame(ws, ret)) >= 0) {
        if (opcode == 1 || opcode == 2) {
            ret->binary = opcode == 2;
            return 1;
        }
        if (opcode == 9) {
            ws->pings++;
            if (!ws->deaf)
                wsclient_frame(ws, 0x8a, ret->data, ret->size);
        } else if (opcode == 8) {
            const unsigned char *code = (const unsigned char *)ret->data;
            ws->close_code = ret->size >= 2 ? (unsigned)code[0] << 8 | code[1] : 0;
            wsclient_frame(ws, 0x88, ret->data, ret->size < 2 ? 0 : 2);
            ws->closed = true;
        }
    }
    return 0;
}

int wsclient_next(struct wsclient *ws, struct wsmessage *ret, int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;

    for (;;) {
        if (wsclient_take(ws, ret) == 1)
            return 1;
        if (ws->closed)
            return -1;
        if (wait_readable(ws->fd, until) <= 0)
            return 0;
        wsclient_read(ws);
    }
}

bool wsclient_expect(struct wsclient *ws, const char *part, struct wsmessage *ret,
                     int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;

    while (now_ms() <= until && wsclient_next(ws, ret, (int)(until - now_ms())) == 1)
        if (!ret->binary && memmem(ret->data, ret->size, part, strlen(part)))
            return true;
    return false;
}
