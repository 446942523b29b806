#include "grpc/grpc.h"

#include <errno.h>

#include "grpc/h2.h"

struct grpc {
    struct h2 *h2;
};

int grpc_start(const struct grpc_options *options, struct grpc **ret)
{
    struct grpc *grpc = calloc(1, sizeof *grpc);

    if (!grpc)
        return -ENOMEM;
    int r = h2_start(options, &grpc->h2);
    if (r < 0) {
        free(grpc);
        return r;
    }
    *ret = grpc;
    return 0;
}

void grpc_take(void *grpc, int fd, const struct peer *peer)
{
    h2_take(((struct grpc *)grpc)->h2, fd, peer);
}

struct grpc *grpc_stop(struct grpc *grpc)
{
    if (!grpc)
        return NULL;
    h2_stop(grpc->h2);
    free(grpc);
    return NULL;
}
