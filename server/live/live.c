#include "live/live.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "live/hub.h"
#include "live/socket.h"

struct live {
    struct socket *socket;
    pthread_t thread;
};

static void *run(void *arg)
{
    struct live *live = arg;

    socket_run(live->socket);
    return NULL;
}

/* The thread takes no signals: they are the main thread's. */
static int start_thread(struct live *live)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&live->thread, NULL, run, live);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        pthread_setname_np(live->thread, "live");
    return -r;
}

int live_start(const struct live_options *options, struct live **ret)
{
    struct live *live = calloc(1, sizeof *live);
    int r;

    if (!live)
        return -ENOMEM;
    r = socket_new(options, &live->socket);
    if (r == 0)
        r = start_thread(live);
    if (r < 0) {
        socket_free(live->socket);
        free(live);
        return r;
    }
    *ret = live;
    return 0;
}

void live_take(void *live, int fd, const struct peer *peer)
{
    socket_take(((struct live *)live)->socket, fd, peer);
}

struct live_stats live_stats(struct live *live)
{
    return hub_stats(socket_hub(live->socket));
}

struct live *live_stop(struct live *live)
{
    if (!live)
        return NULL;
    socket_stop(live->socket);
    pthread_join(live->thread, NULL);
    socket_free(live->socket);
    free(live);
    return NULL;
}
