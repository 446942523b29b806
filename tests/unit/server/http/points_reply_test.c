/* Answers under way: what they hold is counted and limited, what is too much is said before the
 * first byte, and an answer that cannot be ended truthfully is broken off. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/points_reply.h"

enum { MILLION = 1000000 };

struct rig {
    struct http_shared *shared;
    struct peer peer;
    struct run *run;
    struct generation *generation;
    struct lane *lane;
    struct request request;
};

static struct lane *lane_of(struct rig *rig)
{
    struct series_meta meta = {.kind = SERIES_SCALAR};

    return generation_lane(rig->generation, (struct text){"x", 1}, &meta, 0);
}

static void add(struct rig *rig, int64_t from, int64_t count)
{
    for (int64_t i = from; i < from + count; i++) {
        generation_event(rig->generation, (uint64_t)i, (double)i, true);
        assert_int_equal(lane_add(rig->lane, i, (double)i, VALUE_I32, (uint64_t)i), 0);
    }
    assert_int_equal(run_commit(rig->run), 0);
}

static void open_rig(struct rig *rig, int64_t points)
{
    struct run_info info = {.id = "r", .name = "r"};

    memset(rig, 0, sizeof *rig);
    rig->shared = calloc(1, sizeof *rig->shared);
    rig->shared->options.store = store_new(&(struct store_options){.epoch = 1});
    rig->run = store_run(rig->shared->options.store, &info);
    rig->generation = run_generation(rig->run, "", "a", 0);
    rig->lane = lane_of(rig);
    add(rig, 0, points);
    request_init(&rig->request, rig->shared, &rig->peer);
}

static void close_rig(struct rig *rig)
{
    request_done(&rig->request);
    assert_int_equal(rig->shared->held_points, 0);
    store_free(rig->shared->options.store);
    free(rig->shared);
}

/* `count` times the same series. */
static struct ask *make_ask(struct rig *rig, size_t count, enum ask_format format)
{
    struct ask *ask = calloc(1, sizeof *ask);

    ask->series = calloc(count, sizeof *ask->series);
    ask->count = count;
    ask->query.view = VIEW_ALL;
    ask->cols = COL_ALL;
    ask->format = format;
    for (size_t i = 0; i < count; i++) {
        ask->series[i].run = "r";
        ask->series[i].tag = (struct text){"x", 1};
        ask->series[i].series = run_find_series(rig->run, (struct text){"", 0},
                                                ask->series[i].tag);
        assert_non_null(ask->series[i].series);
    }
    return ask;
}

static const char *header_of(const struct request *request, const char *name)
{
    const char *at = request->reply.headers.data, *end = at + request->reply.headers.length;

    while (at && at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

static void a_busy_server_says_when_to_come_again(void **state)
{
    struct rig rig;

    open_rig(&rig, 200000);
    rig.shared->held_points = LIMIT_HELD_POINTS;
    points_reply(&rig.request, make_ask(&rig, 1, ASK_JSON), true);
    assert_int_equal(rig.request.reply.status, 503);
    assert_non_null(strstr(buf_text(&rig.request.reply.body), "\"code\":\"busy\""));
    assert_string_equal(header_of(&rig.request, "Retry-After"), "5");
    rig.shared->held_points -= LIMIT_HELD_POINTS;
    close_rig(&rig);
}

static void too_many_points_are_refused_before_the_first_byte(void **state)
{
    const struct {
        size_t series;
        uint32_t width;
        bool limited;
        int64_t to;
        int status;
    } cases[] = {
        {20, 0, false, 0, 200},           {21, 0, false, 0, 400},
        {21, 0, true, MILLION - 1, 400},  {21, 0, true, MILLION / 2, 200},
        {2000, 0, true, 20000, 400},      {2000, 100, false, 0, 200},
        {2000, LIMIT_WIDTH_PX, false, 0, 400}, {2000, 1000, true, 3999, 200},
    };
    struct rig rig;

    open_rig(&rig, MILLION);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ask *ask = make_ask(&rig, cases[i].series, ASK_JSON);

        ask->query.width = cases[i].width;
        ask->query.limited = cases[i].limited;
        ask->query.to_step = cases[i].to;
        points_reply(&rig.request, ask, false);
        assert_int_equal(rig.request.reply.status, cases[i].status);
        assert_int_equal(rig.request.reply.producer != NULL, cases[i].status == 200);
        request_done(&rig.request);
        request_init(&rig.request, rig.shared, &rig.peer);
    }
    close_rig(&rig);
}

static void a_long_answer_holds_little_in_every_form(void **state)
{
    struct rig rig;

    open_rig(&rig, MILLION);
    for (int form = ASK_BINARY; form <= ASK_CSV; form++) {
        struct buf out = BUF_INIT(16 << 20);
        struct producer *producer;
        uint64_t bytes = 0;
        int r;

        points_reply(&rig.request, make_ask(&rig, 1, (enum ask_format)form), true);
        producer = rig.request.reply.producer;
        assert_non_null(producer);
        do {
            r = producer->produce(producer, &out);
            assert_in_range(r, 0, 1);
            assert_true(out.length < 1 << 20);
            assert_true(rig.shared->held_points < MILLION / 5);
            bytes += out.length;
            buf_clear(&out);
        } while (r == 1);
        assert_true(bytes > MILLION);
        buf_done(&out);
        request_done(&rig.request);
        request_init(&rig.request, rig.shared, &rig.peer);
    }
    close_rig(&rig);
}

static void an_answer_under_way_waits_for_room(void **state)
{
    struct buf out = BUF_INIT(16 << 20);
    struct producer *producer;
    struct rig rig;
    int r = 1, waits = 0;

    open_rig(&rig, 200000);
    points_reply(&rig.request, make_ask(&rig, 3, ASK_BINARY), false);
    producer = rig.request.reply.producer;
    rig.shared->held_points += LIMIT_HELD_POINTS;
    while (r != 0) {
        r = producer->produce(producer, &out);
        if (r != -EAGAIN)
            continue;
        assert_false(producer->ready(producer));
        rig.shared->held_points -= LIMIT_HELD_POINTS;
        assert_true(producer->ready(producer));
        waits++;
    }
    assert_int_equal(waits, 1);
    assert_true(out.length > 3 * 200000 * sizeof(float));
    buf_done(&out);
    close_rig(&rig);
}

static void an_answer_whose_points_are_gone_is_broken_off(void **state)
{
    struct buf out = BUF_INIT(64 << 20);
    struct producer *producer;
    struct rig rig;
    int r = 1;

    open_rig(&rig, MILLION);
    points_reply(&rig.request, make_ask(&rig, 1, ASK_JSON), true);
    producer = rig.request.reply.producer;
    assert_int_equal(producer->produce(producer, &out), 1);
    assert_int_equal(generation_replay_begin(rig.generation), 0);
    rig.lane = lane_of(&rig);
    add(&rig, 0, 10);
    assert_int_equal(generation_replay_end(rig.generation), 0);
    assert_int_equal(run_commit(rig.run), 0);
    while (r == 1)
        r = producer->produce(producer, &out);
    assert_int_equal(r, -ESTALE);
    buf_done(&out);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_server_says_when_to_come_again),
        cmocka_unit_test(too_many_points_are_refused_before_the_first_byte),
        cmocka_unit_test(a_long_answer_holds_little_in_every_form),
        cmocka_unit_test(an_answer_under_way_waits_for_room),
        cmocka_unit_test(an_answer_whose_points_are_gone_is_broken_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
