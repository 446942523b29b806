/* wsclient.h: a small WebSocket client for tests and benchmarks, independent of the server's.
 *
 *     struct wsclient ws;
 *     wsclient_open(&ws, fd, "/live", "", 2000);
 *     wsclient_text(&ws, "{\"t\":\"ack\",\"bytes\":0}");
 *     while (wsclient_next(&ws, &message) == 1) ...
 *
 * Pings are answered, everything else is the caller's. One thread a client. */
#ifndef TESTS_LIB_WSCLIENT_H
#define TESTS_LIB_WSCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsclient {
    int fd;
    char *data;
    size_t start, length, capacity;
    bool closed;
    unsigned close_code; /* 0: closed without one */
    bool deaf;           /* does not answer pings */
    unsigned pings;
};

struct wsmessage {
    bool binary;
    const char *data; /* valid until the next call */
    size_t size;
};

/* Connects to a port of 127.0.0.1. -errno. */
int wsclient_connect(uint16_t port);
/* Handshake on a connected descriptor, which becomes the client's. `headers`: further lines, each
 * with CR LF. Returns the HTTP status (101: open), or -errno. */
int wsclient_open(struct wsclient *ws, int fd, const char *path, const char *headers,
                  int timeout_ms);
void wsclient_done(struct wsclient *ws);
int wsclient_text(struct wsclient *ws, const char *text);
int wsclient_frame(struct wsclient *ws, unsigned first_byte, const void *data, size_t size);
/* Reads what is there (non-blocking); -1: the connection ended. */
int wsclient_read(struct wsclient *ws);
/* Takes the next whole message out of what was read: 1, or 0. */
int wsclient_take(struct wsclient *ws, struct wsmessage *ret);
/* Waits for a message: 1; 0: time is over; -1: the connection ended. */
int wsclient_next(struct wsclient *ws, struct wsmessage *ret, int timeout_ms);
/* Waits for a text message that contains `part`; skips others. false: none in time. */
bool wsclient_expect(struct wsclient *ws, const char *part, struct wsmessage *ret,
                     int timeout_ms);

#endif
