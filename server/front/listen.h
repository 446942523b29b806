/* listen.h: the listening sockets. Part of front.
 *
 * "localhost" means 127.0.0.1 and ::1 on the same port, and --bind_all 0.0.0.0 and :: likewise;
 * where the machine has no IPv6, the IPv4 one alone is enough. Thread: the starting one. */
#ifndef TB_FRONT_LISTEN_H
#define TB_FRONT_LISTEN_H

#include "base/cleanup.h"
#include "front/front.h"

enum { LISTEN_SOCKETS = 8 };

/* Opens non-blocking listening sockets for the options' host and port (and further ports when
 * that one is taken). Returns their number, or -EADDRINUSE, -EADDRNOTAVAIL, -errno. */
_must_check_ int listen_open(const struct front_options *options, int ret_fds[LISTEN_SOCKETS],
                             uint16_t *ret_port);

#endif
