/* grpc.h: TensorBoard's data provider service on gRPC, on nghttp2: a codec on provider/.
 *
 *   front ─ fd ─► h2 (connections, one thread) ─ call ─► workers ─ rpc_*.c ─► provider
 *                  ▲                                        │
 *                  └──────────────── answer ◄───────────────┘
 *
 * Service tensorboard.data.TensorBoardDataProvider, all ten methods, and grpc.health.v1.Health.
 * Messages of clients are read field by field where they lie; nothing recurses.
 *
 * Threads: one owns all connections; a few workers answer calls, and touch nothing else. */
#ifndef TB_GRPC_GRPC_H
#define TB_GRPC_GRPC_H

#include "front/front.h"
#include "provider/provider.h"

struct grpc_options {
    struct provider *provider;
    struct auth *auth; /* NULL: everybody who can connect is admitted */
    void (*closed)(void *ctx, const struct peer *peer); /* a connection ended: front_closed() */
    void *closed_ctx;
};

struct grpc;
_must_check_ int grpc_start(const struct grpc_options *options, struct grpc **ret);
/* front's door. */
void grpc_take(void *grpc, int fd, const struct peer *peer);
/* Closes connections, waits for calls under way, joins. Accepts NULL; returns NULL. */
struct grpc *grpc_stop(struct grpc *grpc);

#endif
