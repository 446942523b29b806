/* fuzz_live.c: messages of a hostile client, against a hub with two runs and two clients.
 *
 * The input is a list of steps, one a line: a line that begins with "!" is an action (a commit, a
 * restart, time, a writable socket), any other line is a text message of the first client. What
 * the server sends is walked frame by frame. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "live/hub.h"

static struct clock fake;

static void nothing(void *ctx)
{
    (void)ctx;
}

static void nothing_of(void *ctx, void *connection)
{
    (void)ctx;
    (void)connection;
}

static void no_flow(void *ctx, void *connection, bool read)
{
    (void)ctx;
    (void)connection;
    (void)read;
}

struct world {
    struct store *store;
    struct run *run;
    struct generation *generation;
    uint64_t offset;
    int64_t step;
    double wall;
    unsigned files;
    struct hub hub;
    struct client *clients[2];
};

static void add_file(struct world *w)
{
    char path[] = "events.out.tfevents.0";

    path[sizeof path - 2] = (char)('a' + w->files++ % 26);
    w->generation = run_generation(w->run, "", path, 1 + w->files / 26);
    w->wall += 100;
    w->offset = 0;
}

static void add_points(struct world *w, unsigned n)
{
    static const struct series_meta meta = {.kind = SERIES_SCALAR};

    for (unsigned i = 0; w->generation && i < n; i++) {
        char tag[3] = {'t', (char)('0' + i % 3), 0};

        generation_event(w->generation, w->offset, w->wall, true);
        struct lane *lane = generation_lane(w->generation, (struct text){tag, 2}, &meta,
                                            w->offset);
        if (lane && lane_add(lane, w->step, w->wall, VALUE_F32, i) == 0)
            w->offset += 40;
        w->step++;
        w->wall += 0.5;
    }
    CHECK(run_commit(w->run) == 0);
}

static void walk(const struct output *output)
{
    uint64_t length;

    for (size_t at = 0; output->kind == OUTPUT_BINARY && at < output->size; at += length) {
        CHECK(output->size - at >= 32);
        memcpy(&length, output->data + at + 16, sizeof length);
        CHECK(length >= 32 && length % 8 == 0 && length <= output->size - at);
        CHECK(output->data[at] >= 1 && output->data[at] <= 4);
    }
}

static void take_output(struct client *client)
{
    struct output output;

    for (int i = 0; i < 100; i++) {
        client_writable(client, &output);
        walk(&output);
        if (!output.more)
            break;
    }
}

static void act(struct world *w, char what)
{
    switch (what) {
    case 'p':
        add_points(w, 5);
        break;
    case 'P':
        add_points(w, 1000);
        break;
    case 'r':
        add_file(w);
        w->step = w->step / 2;
        add_points(w, 1);
        break;
    case 't':
        clock_advance(&fake, 300 * NS_PER_MS);
        break;
    case 'T':
        clock_advance(&fake, 10 * NS_PER_S);
        break;
    case 'w':
        take_output(w->clients[0]);
        break;
    default:
        take_output(w->clients[1]);
    }
    hub_turn(&w->hub);
}

static void start(struct world *w)
{
    static const char other[] =
        "{\"t\":\"watch\",\"id\":0,\"runs\":[\"run\",\"later\"],\"tags\":[\"t0\",\"t1\"]}";
    struct run_info info = {.id = "run", .name = "run", .experiment = "e", .path = "/"};
    struct hub_options options = {
        .clock = &fake, .wake = nothing, .want = nothing_of, .kill = nothing_of,
        .flow = no_flow,
    };

    *w = (struct world){.wall = 1.7e9};
    w->store = store_new(&(struct store_options){.clock = &fake, .epoch = 0x7f3a});
    CHECK(w->store);
    options.store = w->store;
    w->run = store_run(w->store, &info);
    CHECK(w->run && hub_init(&w->hub, &options) == 0);
    for (int i = 0; i < 2; i++) {
        w->clients[i] = hub_open(&w->hub, w);
        CHECK(w->clients[i]);
    }
    client_receive(w->clients[1], other, sizeof other - 1, true, false);
    add_file(w);
    add_points(w, 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    struct world w;

    fake = (struct clock){.now_ns = NS_PER_S, .wall_base_s = 1.7e9};
    start(&w);
    for (int steps = 0; at < end && steps < 200; steps++) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((line ? line : end) - at);

        if (n >= 2 && at[0] == '!')
            act(&w, at[1]);
        else
            client_receive(w.clients[0], at, n, true, false);
        at += n + 1;
        if (!line)
            break;
    }
    hub_turn(&w.hub);
    for (int i = 0; i < 2; i++) {
        take_output(w.clients[i]);
        hub_close(&w.hub, w.clients[i]);
    }
    CHECK(w.hub.n_watches == 0 && w.hub.feeds.by_id.count == 0);
    hub_done(&w.hub);
    store_free(w.store);
    return 0;
}
