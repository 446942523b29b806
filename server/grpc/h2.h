/* h2.h: connections: HTTP/2 by nghttp2, on one loop of its own. Private to the module.
 *
 * The only file that knows nghttp2 is h2.c. What a client can make us hold is limited: streams,
 * headers, one message a call, and the answers that wait to be sent; a client that takes nothing is
 * cut off. Thread: the loop's, but for h2_take() and h2_stop(). */
#ifndef TB_GRPC_H2_H
#define TB_GRPC_H2_H

#include "grpc/call.h"

struct h2;
_must_check_ int h2_start(const struct grpc_options *options, struct h2 **ret);
void h2_take(struct h2 *h2, int fd, const struct peer *peer);
struct h2 *h2_stop(struct h2 *h2);

#endif
