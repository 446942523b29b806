/* channel.h: requests to a server and its answers, over one connection at a time.
 *
 * Two kinds behind one face: http1.c (own small client over a socket, several requests under way)
 * and curl.c (libcurl, loaded when an https server is named; one request at a time).
 *
 *   upload, shiprun ──► channel_send() ──► http1 | curl ──► server
 *                   ◄── channel_receive() ◄── httpreply
 *
 * Answers come in the order of the requests. After a negative result nothing is under way any
 * more; what was sent may or may not have arrived. The next send connects anew.
 * Thread: one owner. Each wait has a deadline, and ends soon after `*stop` becomes true. */
#ifndef TB_SHIP_CHANNEL_H
#define TB_SHIP_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/limits.h"
#include "ship/rate.h"

struct server_name { /* from an URL; see channel_parse() */
    bool tls;
    char host[256], port[8];
    char prefix[512]; /* path in front of /api/v1, without the last slash */
};

struct channel_request {
    const char *method;  /* "HEAD", … */
    const char *target;  /* from "/api/v1" on */
    const char *headers; /* "Name: value\r\n" lines; NULL: none */
    const void *data;    /* the body; NULL: read() gives it */
    uint64_t size;
    /* At most `size` bytes of the body; -errno ends the request (and the connection). */
    ssize_t (*read)(void *ctx, void *data, size_t size);
    void *ctx;
};

/* Proof that a file is the same: CRC-32C of the first and last min(4096, offset) bytes before
 * `offset`. */
struct channel_check {
    bool has;
    uint64_t offset;
    uint32_t head, tail;
};

struct channel_reply {
    int status;
    bool has_offset, has_generation, complete;
    uint64_t offset;            /* Upload-Offset */
    uint64_t received;          /* Tailboard-Received; 0: not said */
    uint32_t generation;        /* Tailboard-Generation */
    struct channel_check check; /* Tailboard-Check */
    int retry_after_s;          /* 0: not said */
    struct buf body;            /* at most LIMIT_REPLY_BODY_BYTES */
};

struct channel_options {
    const struct server_name *server; /* these live as long as the channel */
    struct rate *rate;                /* of bodies; NULL: no limit */
    const atomic_bool *stop;
};

struct channel;

/* "http://host[:port][/prefix]", "https://…". 0 or -EINVAL. */
_must_check_ int channel_parse(const char *url, struct server_name *ret);

/* Connects to nothing yet. -ENOMEM; -ELIBACC: https, and libcurl cannot be loaded (*ret_why, a
 * constant text, says what was tried). */
_must_check_ int channel_new(const struct channel_options *options, struct channel **ret,
                             const char **ret_why);
/* Accepts NULL; returns NULL. */
struct channel *channel_free(struct channel *channel);
/* libcurl, loaded: for whoever speaks to an https server in another way. NULL: it cannot be. */
void *channel_libcurl(void);
/* For requests from now on; NULL: none. */
void channel_set_token(struct channel *channel, const char *token);

/* 0: sent as a whole, or answered before all was sent. -errno. */
_must_check_ int channel_send(struct channel *channel, const struct channel_request *request);
/* The answer to the oldest request under way. 1; 0: none came within timeout_ms; -errno.
 * *ret is cleared first; its body's memory is used again. */
_must_check_ int channel_receive(struct channel *channel, struct channel_reply *ret,
                                 int timeout_ms);
/* How many requests wait for their answer, and how many more may be sent now. */
unsigned channel_under_way(const struct channel *channel);
bool channel_room(const struct channel *channel);
/* To poll for an answer; -1: there is none to wait for by descriptor. */
int channel_fd(const struct channel *channel);
/* Drops the connection. */
void channel_close(struct channel *channel);
/* What went wrong last, for people; "" if nothing did. */
const char *channel_error(const struct channel *channel);

/* A reply's `code` member, or "". */
void channel_problem(const struct channel_reply *reply, char *ret, size_t size);

#endif
