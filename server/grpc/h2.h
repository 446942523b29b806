/* h2.h: all connections, on one loop of its own. Private to the module.
 *
 * A client that takes nothing, or asks nothing for long, is cut off. Thread: h2_take() any, the
 * others the wiring's. */
#ifndef TB_GRPC_H2_H
#define TB_GRPC_H2_H

#include "grpc/call.h"

struct h2;
_must_check_ int h2_start(const struct grpc_options *options, struct h2 **ret);
void h2_take(struct h2 *h2, int fd, const struct peer *peer);
struct h2 *h2_stop(struct h2 *h2);

#endif
