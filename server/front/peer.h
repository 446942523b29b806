/* peer.h: who is at the other end of an accepted connection. Part of front.
 *
 * Loopback is shared by all users of a machine. A peer counts as ours when the socket at its end
 * has an inode and our uid: asked of the kernel by exact four-tuple (sock_diag), or read from
 * /proc/net/tcp* where that module is missing. An inode of 0 is a closed socket, for which the
 * kernel says uid 0. Thread: the acceptor. */
#ifndef TB_FRONT_PEER_H
#define TB_FRONT_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "front/front.h"

struct peer_finder {
    int netlink;       /* -1: /proc is read */
    uint32_t sequence;
    uid_t uid;
    bool uid_counts;   /* false: ours is the overflow uid, which stands for many */
};

void peer_finder_init(struct peer_finder *finder);
void peer_finder_done(struct peer_finder *finder);

/* Fills all of *ret. `fd` is the accepted socket. */
void peer_find(struct peer_finder *finder, int fd, const struct sockaddr_storage *address,
               struct peer *ret);

/* True for 127.0.0.0/8 and ::1, mapped or not. */
bool peer_is_loopback(const struct sockaddr_storage *address);

/* One open TCP socket as /proc/net/tcp{,6} lists it. */
struct peer_row {
    uint8_t local[16], remote[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t local_port, remote_port;
    uid_t uid;
    uint64_t inode;
};
/* Parses one line of either file; false for the heading and for what is no such line. */
bool peer_row_parse(const char *line, struct peer_row *ret);

#endif
