/* Hub and clients without sockets and with a clock that stands still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "live/hub.h"
#include "live_rig.h"

#define WALL 1700000000.0

struct wire {
    struct client *client;
    unsigned wants, kills;
    bool reading;
};

static struct clock fake;
static struct store *store;
static struct hub hub;
static struct live_writer writer;
static unsigned wakes;

static void wake(void *ctx)
{
    (void)ctx;
    wakes++;
}

static void want(void *ctx, void *connection)
{
    (void)ctx;
    ((struct wire *)connection)->wants++;
}

static void kill_wire(void *ctx, void *connection)
{
    (void)ctx;
    ((struct wire *)connection)->kills++;
}

static void flow(void *ctx, void *connection, bool read)
{
    (void)ctx;
    ((struct wire *)connection)->reading = read;
}

static int setup(void **state)
{
    struct hub_options options = {
        .clock = &fake, .wake = wake, .want = want, .kill = kill_wire, .flow = flow,
    };

    fake = (struct clock){.now_ns = 1000 * NS_PER_S, .wall_base_s = WALL};
    wakes = 0;
    store = store_new(&(struct store_options){.clock = &fake});
    assert_non_null(store);
    options.store = store;
    assert_int_equal(hub_init(&hub, &options), 0);
    live_writer_init(&writer, store, "run", "events.out.tfevents.1");
    for (unsigned tag = 0; tag < 3; tag++)
        live_writer_point(&writer, tag, 0, WALL, 0);
    assert_int_equal(run_commit(writer.run), 0);
    return 0;
}

static int teardown(void **state)
{
    while (hub.clients)
        hub_close(&hub, hub.clients);
    hub_done(&hub);
    store_free(store);
    return 0;
}

static void open_wire(struct wire *wire)
{
    struct output output;

    *wire = (struct wire){.reading = true};
    wire->client = hub_open(&hub, wire);
    assert_non_null(wire->client);
    client_writable(wire->client, &output);
    assert_int_equal(output.kind, OUTPUT_TEXT);
    assert_non_null(memmem(output.data, output.size, "welcome", 7));
    wire->wants = 0;
}

static void say(struct wire *wire, const char *text)
{
    client_receive(wire->client, text, strlen(text), true, false);
}

static void pass(double seconds)
{
    clock_advance(&fake, (int64_t)(seconds * 1e9));
    hub_turn(&hub);
}

static void add(unsigned tag, int64_t step)
{
    live_writer_point(&writer, tag, step, WALL + (double)step, (float)step);
    assert_int_equal(run_commit(writer.run), 0);
}

static bool next_output(struct wire *wire, struct output *output)
{
    client_writable(wire->client, output);
    return output->kind != OUTPUT_NONE;
}

#define WATCH "{\"t\":\"watch\",\"id\":5,\"series\":[\"run\",\"t0\"]}"

/* A client that watches t0 from its end, and has got what there was to say. */
static void watch_t0(struct wire *wire)
{
    struct output output;

    open_wire(wire);
    say(wire, WATCH);
    pass(1);
    next_output(wire, &output);
}

static void the_first_commit_after_quiet_goes_out_at_once(void **state)
{
    struct output output;
    struct wire wire;

    watch_t0(&wire);
    assert_true(!next_output(&wire, &output));
    pass(0.5);
    wire.wants = 0;
    add(0, 1);
    assert_int_equal(wakes, 1);
    hub_turn(&hub);
    assert_int_equal(wire.wants, 1);
    assert_true(next_output(&wire, &output));
    assert_int_equal(output.kind, OUTPUT_BINARY);
    hub_close(&hub, wire.client);
}

static void the_interval_bounds_the_rate(void **state)
{
    struct output output;
    struct wire wire;

    watch_t0(&wire);
    pass(0.5);
    add(0, 1);
    hub_turn(&hub);
    assert_true(next_output(&wire, &output));
    wire.wants = 0;
    add(0, 2);
    int64_t next = hub_turn(&hub);
    assert_int_equal(wire.wants, 0);
    assert_true(next > fake.now_ns && next <= fake.now_ns + NS_PER_MS);
    pass(0.001);
    assert_int_equal(wire.wants, 1);
    hub_close(&hub, wire.client);
}

static void the_interval_follows_the_load(void **state)
{
    struct output output;
    struct wire wire;
    int64_t step = 0;

    open_wire(&wire);
    say(&wire, WATCH);
    for (int i = 0; i < 10; i++) {
        hub_busy(&hub, 20 * NS_PER_MS);
        add(0, ++step);
        pass(0.06);
        next_output(&wire, &output);
    }
    assert_int_equal(hub.interval_ns, LIMIT_LIVE_INTERVAL_MS * NS_PER_MS);
    for (int i = 0; i < 10; i++) {
        add(0, ++step);
        pass(0.06);
        next_output(&wire, &output);
    }
    assert_int_equal(hub.interval_ns, NS_PER_MS);
    hub_close(&hub, wire.client);
}

static void a_slow_client_coalesces_and_then_is_behind(void **state)
{
    struct output output;
    struct wire wire;
    uint32_t count;

    watch_t0(&wire);
    for (int64_t step = 1; step <= 2000; step++)
        add(0, step);
    wire.wants = 0;
    pass(1);
    assert_int_equal(wire.wants, 1);
    assert_true(next_output(&wire, &output));
    assert_int_equal(output.data[0], 2); /* one frame of at most 64 buckets */
    memcpy(&count, output.data + 8, sizeof count);
    assert_true(count > 0 && count <= LIMIT_LIVE_BUCKETS);
    for (int64_t step = 2001; step <= 8000; step++)
        add(0, step);
    pass(1);
    assert_true(next_output(&wire, &output));
    assert_int_equal(output.data[0], 4);
    assert_int_equal(hub.n_watches, 0);
    hub_close(&hub, wire.client);
}

static void a_socket_that_takes_nothing_for_60_s_is_closed(void **state)
{
    struct wire wire;

    watch_t0(&wire);
    add(0, 1);
    pass(1);
    for (int i = 0; i < LIMIT_STALLED_SECONDS - 2; i++)
        pass(1);
    assert_int_equal(wire.kills, 0);
    for (int i = 0; i < 6; i++)
        pass(1);
    assert_true(wire.kills > 0);
    hub_close(&hub, wire.client);
}

static void a_stalled_socket_that_moves_again_in_time_gets_its_bye(void **state)
{
    struct output output;
    struct wire wire;

    watch_t0(&wire);
    add(0, 1);
    pass(1);
    for (int i = 0; i < LIMIT_STALLED_SECONDS; i++)
        pass(1);
    pass(0.5);
    assert_int_equal(wire.kills, 0);
    assert_true(next_output(&wire, &output));
    assert_non_null(memmem(output.data, output.size, "too-slow", 8));
    assert_true(next_output(&wire, &output));
    assert_int_equal(output.kind, OUTPUT_CLOSE);
    assert_int_equal(output.close_code, 1008);
    hub_close(&hub, wire.client);
}

static void pings_go_out_and_silence_ends_it(void **state)
{
    struct output output;
    struct wire wire;
    unsigned pings = 0;

    open_wire(&wire);
    for (int i = 0; i < 44; i++) {
        pass(1);
        while (next_output(&wire, &output))
            pings += output.kind == OUTPUT_PING;
    }
    assert_int_equal(pings, 2);
    assert_int_equal(wire.kills, 0);
    client_heard(wire.client);
    for (int i = 0; i < 44; i++) {
        pass(1);
        while (next_output(&wire, &output))
            pings += output.kind == OUTPUT_PING;
    }
    assert_int_equal(wire.kills, 0);
    pass(1);
    while (next_output(&wire, &output))
        ;
    pass(2);
    assert_true(wire.kills > 0);
    hub_close(&hub, wire.client);
}

static void a_beat_every_5_s_tells_of_watched_runs(void **state)
{
    struct output output;
    struct wire wire;
    unsigned beats = 0;

    open_wire(&wire);
    say(&wire, WATCH);
    for (int i = 0; i < 21; i++) {
        pass(1);
        while (next_output(&wire, &output))
            if (output.kind == OUTPUT_TEXT &&
                memmem(output.data, output.size, "\"t\":\"beat\"", 10)) {
                beats++;
                assert_non_null(memmem(output.data, output.size, "\"run\":\"run\"", 11));
            }
    }
    assert_int_equal(beats, 4);
    hub_close(&hub, wire.client);
}

/* Follows the runs with a cursor; true: told of the run within a second. */
static bool told_behind(struct wire *wire, uint64_t epoch, uint64_t change)
{
    struct output output;
    char text[100];
    bool told = false;

    snprintf(text, sizeof text, "{\"t\":\"runs\",\"on\":true,\"cursor\":\"%016llx-%llu\"}",
             (unsigned long long)epoch, (unsigned long long)change);
    say(wire, text);
    for (int i = 0; i < 4; i++) {
        pass(0.5);
        while (next_output(wire, &output))
            told |= output.kind == OUTPUT_TEXT &&
                    memmem(output.data, output.size, "\"id\":\"run\"", 10);
    }
    return told;
}

static void changes_between_a_list_and_its_socket_are_told(void **state)
{
    uint64_t before = store_changes(store), epoch = store_epoch(store);
    struct wire wire;

    add(0, 1); /* nobody is connected */
    assert_true(store_changes(store) > before);
    open_wire(&wire);
    assert_true(told_behind(&wire, epoch, before));
    assert_false(told_behind(&wire, epoch, store_changes(store)));
    assert_true(told_behind(&wire, epoch + 1, store_changes(store))); /* of another process */
    hub_close(&hub, wire.client);
}

static void a_flood_of_messages_stops_the_reading_for_a_while(void **state)
{
    struct wire wire;

    open_wire(&wire);
    for (int i = 0; i < LIMIT_MESSAGES_PER_SECOND; i++)
        say(&wire, "{\"t\":\"pause\"}");
    say(&wire, "{\"t\":\"pause\"}");
    assert_false(wire.reading);
    pass(0.2);
    assert_true(wire.reading);
    hub_close(&hub, wire.client);
}

static void a_watch_with_an_id_in_use_replaces_it(void **state)
{
    struct output output;
    struct wire wire;

    open_wire(&wire);
    say(&wire, WATCH);
    say(&wire, "{\"t\":\"watch\",\"id\":5,\"series\":[\"run\",\"t1\"]}");
    assert_int_equal(hub.n_watches, 1);
    pass(1);
    next_output(&wire, &output);
    add(0, 1);
    pass(1);
    assert_false(next_output(&wire, &output));
    add(1, 1);
    pass(1);
    assert_true(next_output(&wire, &output));
    hub_close(&hub, wire.client);
    assert_int_equal(hub.n_watches, 0);
    assert_int_equal(hub.feeds.by_id.count, 0);
}

static void too_many_watches_are_refused_as_a_whole(void **state)
{
    struct buf text = BUF_INIT(1u << 20);
    struct output output;
    struct wire wire;

    open_wire(&wire);
    say(&wire, WATCH);
    buf_str(&text, "{\"t\":\"watch\",\"id\":100,\"runs\":[\"a\"");
    for (int i = 1; i < 1000; i++)
        buf_printf(&text, ",\"r%d\"", i);
    buf_str(&text, "],\"tags\":[\"t\"");
    for (int i = 1; i < LIMIT_WATCHES_PER_CLIENT / 1000; i++)
        buf_printf(&text, ",\"t%d\"", i);
    buf_str(&text, "]}");
    say(&wire, buf_text(&text));
    assert_int_equal(hub.n_watches, 1);
    assert_true(next_output(&wire, &output));
    assert_non_null(memmem(output.data, output.size, "too-many-watches", 16));
    say(&wire, "{\"t\":\"unwatch\",\"ids\":[5]}");
    say(&wire, buf_text(&text));
    assert_int_equal(hub.n_watches, LIMIT_WATCHES_PER_CLIENT);
    buf_done(&text);
    hub_close(&hub, wire.client);
    assert_int_equal(hub.n_watches, 0);
}

/* A message takes only so many series: the rest follows without another commit. */
static void a_large_message_is_cut_and_goes_on(void **state)
{
    struct buf text = BUF_INIT(1u << 20);
    struct live_writer many;
    struct output output;
    struct wire wire;
    size_t frames = 0, messages = 0;

    live_writer_init(&many, store, "run2", "events.out.tfevents.2");
    for (unsigned tag = 0; tag < 1000; tag++)
        live_writer_point(&many, tag, 0, WALL, 0);
    assert_int_equal(run_commit(many.run), 0);
    open_wire(&wire);
    for (int block = 0; block < 6; block++) {
        buf_clear(&text);
        buf_printf(&text, "{\"t\":\"watch\",\"id\":%d,\"runs\":[\"run2\"],\"tags\":[\"t0\"",
                   block * 1000);
        for (int i = 1; i < 1000; i++)
            buf_printf(&text, ",\"t%d\"", i);
        buf_str(&text, "]}");
        say(&wire, buf_text(&text));
    }
    pass(1);
    next_output(&wire, &output);
    for (unsigned tag = 0; tag < 1000; tag++)
        live_writer_point(&many, tag, 1, WALL + 1, 1);
    assert_int_equal(run_commit(many.run), 0);
    pass(1);
    do {
        client_writable(wire.client, &output);
        if (output.kind != OUTPUT_BINARY)
            continue;
        messages++;
        for (size_t at = 0; at < output.size; frames++) {
            uint64_t length;
            memcpy(&length, output.data + at + 16, sizeof length);
            at += length;
        }
    } while (output.more);
    assert_int_equal(frames, 6000);
    assert_true(messages > 1);
    buf_done(&text);
    hub_close(&hub, wire.client);
}

static void lost_notices_mean_that_all_may_have_changed(void **state)
{
    struct output output;
    struct wire wire;

    watch_t0(&wire);
    add(0, 1);
    pthread_mutex_lock(&hub.lock);
    hub.notices.n_series = hub.notices.n_runs = 0;
    hub.notices.lost = true;
    pthread_mutex_unlock(&hub.lock);
    pass(1);
    while (next_output(&wire, &output) && output.kind != OUTPUT_BINARY)
        ;
    assert_int_equal(output.kind, OUTPUT_BINARY);
    hub_close(&hub, wire.client);
}

static void damage_is_told_to_those_who_watch_the_run(void **state)
{
    struct damage damage = {.offset = 100, .length = 12, .reason = 3, .found_wall_s = WALL};
    struct output output;
    struct wire wire;
    bool told = false;

    open_wire(&wire);
    say(&wire, WATCH);
    pass(1);
    while (next_output(&wire, &output))
        ;
    assert_int_equal(generation_damage(writer.generation, &damage), 0);
    assert_int_equal(run_commit(writer.run), 0);
    pass(1);
    while (next_output(&wire, &output))
        told |= output.kind == OUTPUT_TEXT &&
                memmem(output.data, output.size, "\"reason\":\"payload\"", 18);
    assert_true(told);
    hub_close(&hub, wire.client);
}

/* Its lane, made by its first point. */
static void add_odd(const char *tag, int64_t step)
{
    struct series_meta meta = {.kind = SERIES_SCALAR};
    struct text name = {tag, strlen(tag)};
    double wall = WALL + (double)step;
    struct lane *lane;

    generation_event(writer.generation, writer.offset, wall, true);
    lane = generation_lane(writer.generation, name, &meta, writer.offset);
    assert_non_null(lane);
    assert_int_equal(lane_add(lane, step, wall, VALUE_F32, 0), 0);
    assert_int_equal(run_commit(writer.run), 0);
}

static void watch_shown(struct wire *wire, unsigned id, const char *tag)
{
    struct buf text = BUF_INIT(1024);

    buf_printf(&text, "{\"t\":\"watch\",\"id\":%u,\"series\":[\"run\",\"", id);
    tagname_escape(&text, (struct text){tag, strlen(tag)});
    buf_str(&text, "\"]}");
    say(wire, buf_text(&text));
    buf_done(&text);
}

static unsigned handle_of_next_frame(struct wire *wire)
{
    struct output output;
    uint32_t handle;

    do
        assert_true(next_output(wire, &output));
    while (output.kind != OUTPUT_BINARY);
    memcpy(&handle, output.data + 4, sizeof handle);
    return handle;
}

static void a_tag_that_is_not_utf8_is_watched_by_what_it_is_shown_as(void **state)
{
    struct wire wire;

    add_odd("\xff" "A", 1);
    open_wire(&wire);
    watch_shown(&wire, 11, "\xff" "A");
    watch_shown(&wire, 12, "\xfe" "A"); /* comes later */
    watch_shown(&wire, 13, "\xfd" "A"); /* never comes */
    pass(1);
    add_odd("\xff" "A", 2);
    pass(1);
    assert_int_equal(handle_of_next_frame(&wire), 11);
    add_odd("\xfe" "A", 1);
    pass(1);
    pass(1);
    assert_int_equal(handle_of_next_frame(&wire), 12);
    hub_close(&hub, wire.client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_commit_after_quiet_goes_out_at_once),
        TEST(the_interval_bounds_the_rate),
        TEST(the_interval_follows_the_load),
        TEST(a_slow_client_coalesces_and_then_is_behind),
        TEST(a_socket_that_takes_nothing_for_60_s_is_closed),
        TEST(a_stalled_socket_that_moves_again_in_time_gets_its_bye),
        TEST(pings_go_out_and_silence_ends_it),
        TEST(a_beat_every_5_s_tells_of_watched_runs),
        TEST(changes_between_a_list_and_its_socket_are_told),
        TEST(a_flood_of_messages_stops_the_reading_for_a_while),
        TEST(a_watch_with_an_id_in_use_replaces_it),
        TEST(too_many_watches_are_refused_as_a_whole),
        TEST(a_large_message_is_cut_and_goes_on),
        TEST(lost_notices_mean_that_all_may_have_changed),
        TEST(damage_is_told_to_those_who_watch_the_run),
        TEST(a_tag_that_is_not_utf8_is_watched_by_what_it_is_shown_as),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
