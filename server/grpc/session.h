/* session.h: one connection: HTTP/2 by nghttp2. Private to the module.
 *
 * session.c is the only file that knows nghttp2. What a client can make us hold is limited:
 * streams, headers, one message a call, and the answers that wait to be sent. Thread: the
 * loop's. */
#ifndef TB_GRPC_SESSION_H
#define TB_GRPC_SESSION_H

#include "grpc/call.h"

struct nghttp2_session;

struct session {
    const struct session_home *home;
    struct session *next;
    int fd;
    struct peer peer;
    struct nghttp2_session *ng;
    struct call *open;     /* calls whose stream is open */
    struct buf out;        /* bytes that the socket did not take yet */
    size_t out_sent;
    int64_t moved_ns;      /* when bytes last moved, or a call last ended */
    bool dead, writable_wanted;
};

/* What all sessions share. */
struct session_home {
    struct grpc_options options;
    struct workers *workers;
    uint64_t *held;        /* bytes of answers that wait to be sent */
};

/* Takes over the descriptor. NULL: out of memory; the descriptor is closed. */
struct session *session_new(const struct session_home *home, int fd, const struct peer *peer);
/* Ends all its calls. */
struct session *session_free(struct session *session);
/* Reads what there is. 0 or -errno: the connection has ended. */
_must_check_ int session_read(struct session *session);
/* Sends what there is. 0: all; 1: the socket is full; -errno. */
_must_check_ int session_write(struct session *session);
/* Nothing more will come and nothing is to be sent. */
bool session_is_over(const struct session *session);
/* Ends calls whose time is over; true if the session is to be given up. */
bool session_look_after(struct session *session, int64_t now_ns);
/* Says goodbye. */
void session_end(struct session *session);
/* A worker has answered it: sends, or drops it. */
void session_answered(const struct session_home *home, struct call *call);

#endif
