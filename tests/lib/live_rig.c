#include "live_rig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

static void closed(void *ctx, const struct peer *peer)
{
    struct live_rig *rig = ctx;

    rig->closed++;
}

static void *accept_all(void *arg)
{
    struct live_rig *rig = arg;
    struct peer peer = {.loopback = true, .own_user = true, .text = "127.0.0.1"};
    int fd;

    while ((fd = accept4(rig->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        char byte[4096];

        /* The front hands over only whole requests. */
        for (int i = 0; i < 1000; i++) {
            ssize_t n = recv(fd, byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
            if (n == 0 || (n > 0 && memmem(byte, (size_t)n, "\r\n\r\n", 4)))
                break;
            usleep(1000);
        }
        live_take(rig->live, fd, &peer);
    }
    return NULL;
}

void live_rig_start(struct live_rig *rig, const struct clock *clock)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    *rig = (struct live_rig){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(rig->listener >= 0);
    CHECK(bind(rig->listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(rig->listener, 1024) == 0);
    CHECK(getsockname(rig->listener, (struct sockaddr *)&at, &size) == 0);
    rig->port = ntohs(at.sin_port);
    snprintf(rig->state_dir, sizeof rig->state_dir, "/tmp/live-rig-XXXXXX");
    CHECK(mkdtemp(rig->state_dir));
    rig->store = store_new(&(struct store_options){.clock = clock});
    CHECK(rig->store);
    CHECK(auth_new(&(struct auth_options){.state_dir = rig->state_dir, .prefix = ""},
                   &rig->auth) == 0);
    struct live_options options = {
        .store = rig->store,
        .auth = rig->auth,
        .prefix = "",
        .closed = closed,
        .closed_ctx = rig,
        .clock = clock,
    };
    CHECK(live_start(&options, &rig->live) == 0);
    CHECK(pthread_create(&rig->thread, NULL, accept_all, rig) == 0);
}

void live_rig_stop(struct live_rig *rig)
{
    char command[128];

    shutdown(rig->listener, SHUT_RDWR);
    pthread_join(rig->thread, NULL);
    close(rig->listener);
    live_stop(rig->live);
    auth_free(rig->auth);
    store_free(rig->store);
    snprintf(command, sizeof command, "rm -rf %s", rig->state_dir);
    CHECK(system(command) == 0);
}

void live_writer_init(struct live_writer *w, struct store *store, const char *id,
                      const char *path)
{
    struct run_info info = {.id = id, .name = id, .experiment = "test", .path = "/nowhere"};

    *w = (struct live_writer){.run = store_run(store, &info)};
    CHECK(w->run);
    live_writer_file(w, path);
}

void live_writer_file(struct live_writer *w, const char *path)
{
    memset(w->lanes, 0, sizeof w->lanes);
    w->offset = 0;
    w->generation = run_generation(w->run, "", path, 1);
    CHECK(w->generation);
}

void live_writer_point(struct live_writer *w, unsigned tag, int64_t step, double wall,
                       float value)
{
    char name[16];
    uint32_t bits;

    CHECK(tag < ARRAY_LEN(w->lanes));
    generation_event(w->generation, w->offset, wall, true);
    if (!w->lanes[tag]) {
        int n = snprintf(name, sizeof name, "t%u", tag);
        struct series_meta meta = {.kind = SERIES_SCALAR, .plugin = {"scalars", 7}};
        w->lanes[tag] = generation_lane(w->generation, (struct text){name, (size_t)n}, &meta,
                                        w->offset);
        CHECK(w->lanes[tag]);
    }
    memcpy(&bits, &value, sizeof bits);
    CHECK(lane_add(w->lanes[tag], step, wall, VALUE_F32, bits) == 0);
    w->offset += 48;
}
