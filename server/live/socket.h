/* socket.h: the live thread's loop and its WebSockets; all of libwebsockets is behind it.
 *
 *   fds (queued, any thread) ─► upgrade ─► library ─► hub's clients
 *   hub wants to write ─► writable ─► client_writable ─► one message
 *
 * The library runs on a libuv loop of our own, so that it touches no signals. It sees no request
 * that a client wrote (upgrade.h), has no extensions, and gets one write a writable socket.
 * Thread: socket_run() is the live thread; socket_take(), socket_wake() and socket_stop() may be
 * called from any. */
#ifndef TB_LIVE_SOCKET_H
#define TB_LIVE_SOCKET_H

#include "live/live.h"

struct hub;
struct socket;

/* Makes loop and library; `hub` is initialised with socket_hub_options(). 0; -ENOMEM; -ENOTSUP:
 * the library's libuv plug-in is not installed (logged). */
_must_check_ int socket_new(const struct live_options *options, struct socket **ret);
struct socket *socket_free(struct socket *socket);
struct hub *socket_hub(struct socket *socket);
void socket_run(struct socket *socket); /* until socket_stop() */
void socket_take(struct socket *socket, int fd, const struct peer *peer);
void socket_stop(struct socket *socket);

#endif
