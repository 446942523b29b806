/* The whole live side in one process: store, library, sockets and an independent client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "live_rig.h"
#include "wsclient.h"

#define WAIT_MS 10000
#define WALL 1700000000.0

static struct live_rig rig;
static struct live_writer writer;

static int setup(void **state)
{
    live_rig_start(&rig, NULL);
    live_writer_init(&writer, rig.store, "run1", "events.out.tfevents.1");
    return 0;
}

static int teardown(void **state)
{
    live_rig_stop(&rig);
    return 0;
}

static void open_client(struct wsclient *ws)
{
    struct wsmessage m;
    int fd = wsclient_connect(rig.port);

    assert_true(fd >= 0);
    assert_int_equal(wsclient_open(ws, fd, "/live", "Sec-WebSocket-Protocol: tailboard.v1\r\n",
                                   WAIT_MS), 101);
    assert_true(wsclient_expect(ws, "\"t\":\"welcome\"", &m, WAIT_MS));
}

static void say(struct wsclient *ws, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_int_equal(wsclient_text(ws, text), 0);
}

/* An error for an id that nobody uses: all messages before it were obeyed. */
static void settle(struct wsclient *ws)
{
    struct wsmessage m;

    say(ws, "{\"t\":\"watch\",\"id\":4000000000}");
    assert_true(wsclient_expect(ws, "\"id\":4000000000", &m, WAIT_MS));
}

struct frame_head {
    uint8_t kind, step_wall, value, flags;
    uint32_t handle, count, attempt;
    uint64_t length, ordinal;
};

static bool next_binary(struct wsclient *ws, struct wsmessage *m)
{
    while (wsclient_next(ws, m, WAIT_MS) == 1)
        if (m->binary)
            return true;
    return false;
}

static const char *one_frame(struct wsmessage *m, struct frame_head *head)
{
    assert_true(m->size >= sizeof *head);
    memcpy(head, m->data, sizeof *head);
    assert_true(head->length >= 32 && head->length % 8 == 0 && head->length <= m->size);
    m->data += head->length;
    m->size -= head->length;
    return m->data - head->length;
}

static void point(unsigned tag, int64_t step, float value)
{
    live_writer_point(&writer, tag, step, WALL + (double)step, value);
}

static void a_point_reaches_its_watcher(void **state)
{
    struct frame_head head;
    struct wsclient ws;
    struct wsmessage m;

    point(0, 0, 0.5f);
    assert_int_equal(run_commit(writer.run), 0);
    open_client(&ws);
    say(&ws, "{\"t\":\"watch\",\"id\":7,\"series\":[\"run1\",\"t0\"],\"cursor\":null}");
    settle(&ws);
    point(0, 1, 0.25f);
    assert_int_equal(run_commit(writer.run), 0);
    assert_true(next_binary(&ws, &m));
    one_frame(&m, &head);
    assert_int_equal(head.kind, 1);
    assert_int_equal(head.handle, 7);
    assert_int_equal(head.count, 1);
    assert_int_equal(head.ordinal, 2);
    assert_int_equal(m.size, 0);
    wsclient_done(&ws);
}

static void a_cursor_brings_what_came_after_it(void **state)
{
    struct frame_head head;
    struct wsclient ws;
    struct wsmessage m;

    for (int i = 0; i < 10; i++)
        point(0, i, (float)i);
    assert_int_equal(run_commit(writer.run), 0);
    open_client(&ws);
    say(&ws, "{\"t\":\"watch\",\"id\":1,\"series\":[\"run1\",\"t0\"],\"cursor\":\"%llx-4\"}",
        (unsigned long long)store_epoch(rig.store));
    assert_true(next_binary(&ws, &m));
    one_frame(&m, &head);
    assert_int_equal(head.count, 6);
    assert_int_equal(head.ordinal, 10);
    wsclient_done(&ws);
}

static void a_cursor_of_another_epoch_is_behind(void **state)
{
    struct frame_head head;
    struct wsclient ws;
    struct wsmessage m;

    point(0, 0, 1);
    assert_int_equal(run_commit(writer.run), 0);
    open_client(&ws);
    say(&ws, "{\"t\":\"watch\",\"id\":1,\"series\":[\"run1\",\"t0\"],\"cursor\":\"%llx-1\"}",
        (unsigned long long)(store_epoch(rig.store) ^ 1));
    assert_true(next_binary(&ws, &m));
    one_frame(&m, &head);
    assert_int_equal(head.kind, 4);
    assert_int_equal(head.handle, 1);
    settle(&ws);
    point(0, 1, 1); /* the watch is over */
    assert_int_equal(run_commit(writer.run), 0);
    assert_int_equal(wsclient_next(&ws, &m, 200), 0);
    wsclient_done(&ws);
}

static void a_watch_waits_for_its_run_and_series(void **state)
{
    struct frame_head head;
    struct live_writer late;
    struct wsclient ws;
    struct wsmessage m;

    open_client(&ws);
    say(&ws, "{\"t\":\"watch\",\"id\":10,\"runs\":[\"run1\",\"run2\"],\"tags\":[\"t0\",\"t1\"]}");
    settle(&ws);
    live_writer_init(&late, rig.store, "run2", "events.out.tfevents.2");
    live_writer_point(&late, 1, 5, WALL, 3);
    assert_int_equal(run_commit(late.run), 0);
    assert_true(wsclient_expect(&ws, "\"t\":\"series\"", &m, WAIT_MS));
    assert_non_null(memmem(m.data, m.size, "\"handle\":13", 11));
    assert_true(next_binary(&ws, &m));
    one_frame(&m, &head);
    assert_int_equal(head.handle, 13);
    assert_int_equal(head.ordinal, 1);
    point(0, 1, 1);
    assert_int_equal(run_commit(writer.run), 0);
    assert_true(next_binary(&ws, &m));
    one_frame(&m, &head);
    assert_int_equal(head.handle, 10);
    wsclient_done(&ws);
}

static void two_clients_at_one_place_get_their_own_handles(void **state)
{
    struct frame_head head;
    struct wsclient ws[3];
    struct wsmessage m;

    for (unsigned i = 0; i < 3; i++) {
        open_client(&ws[i]);
        say(&ws[i], "{\"t\":\"watch\",\"id\":%u,\"series\":[\"run1\",\"t0\"]}", 100 + i);
        settle(&ws[i]);
    }
    for (int step = 0; step < 50; step++) {
        point(0, step, (float)step);
        assert_int_equal(run_commit(writer.run), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        for (uint64_t ordinal = 0; ordinal < 50;) {
            assert_true(next_binary(&ws[i], &m));
            while (m.size > 0) {
                one_frame(&m, &head);
                assert_int_equal(head.handle, 100 + i);
                assert_int_equal(head.ordinal, ordinal + head.count);
                ordinal = head.ordinal;
            }
        }
    for (unsigned i = 0; i < 3; i++)
        wsclient_done(&ws[i]);
}

static void a_restart_truncates_before_its_points(void **state)
{
    struct frame_head head;
    struct wsclient ws;
    struct wsmessage m;
    int64_t step;

    for (int i = 0; i < 10; i++)
        point(0, i, (float)i);
    assert_int_equal(run_commit(writer.run), 0);
    open_client(&ws);
    say(&ws, "{\"t\":\"watch\",\"id\":1,\"series\":[\"run1\",\"t0\"]}");
    settle(&ws);
    live_writer_file(&writer, "events.out.tfevents.9");
    live_writer_point(&writer, 0, 5, WALL + 100, 50);
    assert_int_equal(run_commit(writer.run), 0);
    assert_true(next_binary(&ws, &m));
    const char *frame = one_frame(&m, &head);
    assert_int_equal(head.kind, 3);
    memcpy(&step, frame + 32, sizeof step);
    assert_int_equal(step, 5);
    one_frame(&m, &head);
    assert_int_equal(head.kind, 1);
    assert_int_equal(head.count, 1);
    assert_int_equal(head.ordinal, 11);
    wsclient_done(&ws);
}

static void unwatch_and_pause_stop_and_resume_goes_on(void **state)
{
    struct frame_head head;
    struct wsclient ws;
    struct wsmessage m;

    open_client(&ws);
    say(&ws, "{\"t\":\"watch\",\"id\":0,\"runs\":[\"run1\"],\"tags\":[\"t0\",\"t1\",\"t2\"]}");
    say(&ws, "{\"t\":\"unwatch\",\"ids\":[1]}");
    say(&ws, "{\"t\":\"pause\"}");
    settle(&ws);
    for (unsigned tag = 0; tag < 3; tag++)
        point(tag, 1, 1);
    assert_int_equal(run_commit(writer.run), 0);
    settle(&ws);
    say(&ws, "{\"t\":\"resume\"}");
    assert_true(next_binary(&ws, &m));
    one_frame(&m, &head);
    assert_int_equal(head.handle, 0);
    one_frame(&m, &head);
    assert_int_equal(head.handle, 2);
    assert_int_equal(m.size, 0);
    wsclient_done(&ws);
}

/* One commit with a point in each of 1,000 series. */
static void commit_wide(int64_t step)
{
    for (unsigned tag = 0; tag < 1000; tag++)
        point(tag, step, (float)step);
    assert_int_equal(run_commit(writer.run), 0);
}

static void without_acknowledgements_points_stop(void **state)
{
    struct buf watch = BUF_INIT(65536);
    struct wsclient ws;
    struct wsmessage m;
    uint64_t got = 0;

    open_client(&ws);
    buf_str(&watch, "{\"t\":\"watch\",\"id\":0,\"runs\":[\"run1\"],\"tags\":[\"t0\"");
    for (unsigned tag = 1; tag < 1000; tag++)
        buf_printf(&watch, ",\"t%u\"", tag);
    buf_str(&watch, "]}");
    assert_int_equal(wsclient_text(&ws, buf_text(&watch)), 0);
    buf_done(&watch);
    settle(&ws);
    for (int step = 0; got <= LIMIT_UNACKED_BYTES; step++) {
        commit_wide(step);
        assert_true(next_binary(&ws, &m));
        got += m.size;
    }
    while (wsclient_next(&ws, &m, 100) == 1) /* of the last commit */
        got += m.binary ? m.size : 0;
    commit_wide(1000000);
    assert_int_equal(wsclient_next(&ws, &m, 200), 0);
    say(&ws, "{\"t\":\"ack\",\"bytes\":%llu}", (unsigned long long)got);
    assert_true(next_binary(&ws, &m));
    wsclient_done(&ws);
}

/* The window is small and nobody reads: messages leave in parts, and nothing is mixed up. */
static void a_full_socket_delays_and_breaks_nothing(void **state)
{
    struct buf watch = BUF_INIT(65536);
    struct frame_head head;
    struct wsclient ws;
    struct wsmessage m;
    int small = 65536, fd = wsclient_connect(rig.port);
    uint64_t ordinals[1000] = {0};
    unsigned at_end = 0;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(wsclient_open(&ws, fd, "/live", "", WAIT_MS), 101);
    assert_true(wsclient_expect(&ws, "\"t\":\"welcome\"", &m, WAIT_MS));
    buf_str(&watch, "{\"t\":\"watch\",\"id\":0,\"runs\":[\"run1\"],\"tags\":[\"t0\"");
    for (unsigned tag = 1; tag < 1000; tag++)
        buf_printf(&watch, ",\"t%u\"", tag);
    buf_str(&watch, "]}");
    assert_int_equal(wsclient_text(&ws, buf_text(&watch)), 0);
    buf_done(&watch);
    settle(&ws);
    for (int step = 0; step < 60; step++) {
        commit_wide(step);
        usleep(2000);
    }
    while (at_end < 1000 && next_binary(&ws, &m))
        while (m.size > 0) {
            one_frame(&m, &head);
            assert_true(head.handle < 1000 && head.ordinal > ordinals[head.handle]);
            ordinals[head.handle] = head.ordinal;
            at_end += head.ordinal == 60;
        }
    assert_int_equal(at_end, 1000);
    wsclient_done(&ws);
}

static void runs_are_told_when_they_change(void **state)
{
    struct live_writer other;
    struct wsclient ws;
    struct wsmessage m;

    open_client(&ws);
    say(&ws, "{\"t\":\"runs\",\"on\":true,\"q\":\"UN7\"}");
    settle(&ws);
    live_writer_init(&other, rig.store, "run7", "events.out.tfevents.7");
    live_writer_point(&other, 0, 1, WALL, 1);
    assert_int_equal(run_commit(other.run), 0);
    point(0, 1, 1);
    assert_int_equal(run_commit(writer.run), 0);
    assert_true(wsclient_expect(&ws, "\"t\":\"runs\"", &m, WAIT_MS));
    assert_non_null(memmem(m.data, m.size, "\"id\":\"run7\"", 11));
    assert_null(memmem(m.data, m.size, "\"id\":\"run1\"", 11));
    wsclient_done(&ws);
}

static void a_flood_is_read_slower_but_wholly(void **state)
{
    struct wsclient ws;
    struct wsmessage m;

    open_client(&ws);
    for (int i = 0; i < 120; i++)
        say(&ws, "{\"t\":\"watch\",\"id\":%d}", i);
    for (int i = 0; i < 16; i++)
        assert_true(wsclient_expect(&ws, "\"code\":\"bad-block\"", &m, WAIT_MS));
    say(&ws, "{\"t\":\"watch\",\"id\":77777}");
    assert_true(wsclient_expect(&ws, "\"id\":77777", &m, WAIT_MS));
    wsclient_done(&ws);
}

static void broken_clients_are_told_bye(void **state)
{
    static char large[LIMIT_MESSAGE_BYTES + 100];
    struct wsclient ws;
    struct wsmessage m;

    open_client(&ws);
    wsclient_frame(&ws, 0x82, "binary", 6);
    assert_true(wsclient_expect(&ws, "\"reason\":\"protocol\"", &m, WAIT_MS));
    assert_int_equal(wsclient_next(&ws, &m, WAIT_MS), -1);
    assert_int_equal(ws.close_code, 1002);
    wsclient_done(&ws);
    open_client(&ws);
    memset(large, ' ', sizeof large);
    wsclient_frame(&ws, 0x81, large, sizeof large);
    assert_true(wsclient_expect(&ws, "\"reason\":\"protocol\"", &m, WAIT_MS));
    wsclient_done(&ws);
    open_client(&ws);
    wsclient_frame(&ws, 0x83, "what", 4);
    assert_int_equal(wsclient_next(&ws, &m, WAIT_MS), -1);
    wsclient_done(&ws);
}

static void a_message_may_come_in_parts(void **state)
{
    struct wsclient ws;
    struct wsmessage m;

    open_client(&ws);
    wsclient_frame(&ws, 0x01, "{\"t\":\"watch\",", 13);
    wsclient_frame(&ws, 0x89, "ping", 4);
    wsclient_frame(&ws, 0x00, "", 0);
    wsclient_frame(&ws, 0x80, "\"id\":9}", 7);
    assert_true(wsclient_expect(&ws, "\"id\":9", &m, WAIT_MS));
    wsclient_done(&ws);
}

static void shutdown_says_bye_to_all(void **state)
{
    struct wsclient ws[20];
    struct wsmessage m;

    for (int i = 0; i < 20; i++)
        open_client(&ws[i]);
    assert_int_equal(live_stats(rig.live).clients > 0, 1);
    rig.live = live_stop(rig.live);
    for (int i = 0; i < 20; i++) {
        assert_true(wsclient_expect(&ws[i], "\"reason\":\"shutdown\"", &m, WAIT_MS));
        assert_int_equal(wsclient_next(&ws[i], &m, WAIT_MS), -1);
        assert_int_equal(ws[i].close_code, 1001);
        wsclient_done(&ws[i]);
    }
    assert_int_equal(rig.closed, 20);
}

static void a_refused_connection_is_counted_as_closed(void **state)
{
    struct wsclient ws;

    int fd = wsclient_connect(rig.port);
    assert_int_equal(wsclient_open(&ws, fd, "/other", "", WAIT_MS), 404);
    wsclient_done(&ws);
    fd = wsclient_connect(rig.port);
    assert_int_equal(wsclient_open(&ws, fd, "/live", "Origin: http://evil.example\r\n",
                                   WAIT_MS), 403);
    wsclient_done(&ws);
    open_client(&ws);
    wsclient_done(&ws);
    for (int i = 0; i < 1000 && rig.closed < 3; i++)
        usleep(10000);
    assert_int_equal(rig.closed, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_point_reaches_its_watcher),
        TEST(a_cursor_brings_what_came_after_it),
        TEST(a_cursor_of_another_epoch_is_behind),
        TEST(a_watch_waits_for_its_run_and_series),
        TEST(two_clients_at_one_place_get_their_own_handles),
        TEST(a_restart_truncates_before_its_points),
        TEST(unwatch_and_pause_stop_and_resume_goes_on),
        TEST(without_acknowledgements_points_stop),
        TEST(a_full_socket_delays_and_breaks_nothing),
        TEST(runs_are_told_when_they_change),
        TEST(a_flood_is_read_slower_but_wholly),
        TEST(broken_clients_are_told_bye),
        TEST(a_message_may_come_in_parts),
        TEST(shutdown_says_bye_to_all),
        TEST(a_refused_connection_is_counted_as_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
