/* The rows of the fold, and that it is one: order and repetition of events do not matter. */
#include "archive/lifecycle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "archive/lifecycle_engine.h"

enum { MOST = 32 };

/* A row of a table: events, and what becomes of them. Times count from 0; ids are the places. */
struct said {
    const char *kind;
    double time_s;
    int32_t rank;
    uint32_t attempt;
    const char *data;
};

struct expected {
    const char *name;
    struct said said[MOST];
    double now_s;
    const char *status, *reason, *message; /* message NULL: any */
};

static size_t events_of(const struct said *said, struct archive_event out[MOST])
{
    static char ids[MOST][8];
    size_t n = 0;

    for (; n < MOST && said[n].kind; n++) {
        snprintf(ids[n], sizeof ids[n], "e%zu", n);
        out[n] = (struct archive_event){
            .id = ids[n], .kind = said[n].kind, .source = "agent", .attempt = said[n].attempt,
            .rank = said[n].rank, .time_s = said[n].time_s,
            .data = said[n].data ? said[n].data : "{}",
        };
    }
    return n;
}

static struct lifecycle fold(const struct said *said, double now_s, double heard_s)
{
    struct archive_event events[MOST];
    struct lifecycle life;

    assert_int_equal(lifecycle_fold(events, events_of(said, events), now_s, heard_s, &life), 0);
    return life;
}

#define TWO "{\"world_size\":2,\"host\":\"n1\"}"
#define ON_N2 "{\"world_size\":2,\"host\":\"n2\"}"
#define ENDS(text) "{" text "}"
#define RETRY "{\"job\":{\"retry\":{\"max\":1,\"on\":[\"exit\",\"node-fail\"]}}}"

static const struct expected rows[] = {
    {"nothing", {{0}}, 0, NULL, "", ""},
    {"created", {{"created", 0, -1, 0, NULL}}, 1, "NotStarted", "", ""},
    {"submitted", {{"created", 0, -1, 0, NULL}, {"submitted", 1, -1, 1, NULL}},
     2, "Queued", "", ""},
    {"the engine lets it wait",
     {{"submitted", 0, -1, 1, NULL},
      {"engine", 1, -1, 1, ENDS("\"state\":\"PENDING\",\"reason\":\"Resources\"")}},
     2, "Queued", "", "Resources"},
    {"the engine will never start it",
     {{"engine", 1, -1, 1, ENDS("\"state\":\"PENDING\",\"reason\":\"PartitionConfig\"")}},
     2, "Queued", "", "PartitionConfig: will not start as it is"},
    {"the engine configures", {{"engine", 1, -1, 1, ENDS("\"state\":\"CONFIGURING\"")}},
     2, "Preparing", "", NULL},
    {"the engine runs it, and no rank has reported",
     {{"engine", 1, -1, 1, ENDS("\"state\":\"RUNNING\"")}}, 2, "Preparing", "", NULL},
    {"preparing", {{"preparing", 1, 0, 1, NULL}}, 2, "Preparing", "", NULL},
    {"started", {{"preparing", 1, 0, 1, NULL}, {"started", 2, 0, 1, NULL}}, 3, "Running", "", NULL},
    {"one of two has ended",
     {{"started", 1, 0, 1, TWO}, {"started", 1, 1, 1, ON_N2},
      {"exited", 2, 0, 1, ENDS("\"exit\":0")}}, 3, "Running", "", NULL},
    {"all ended, files are on their way",
     {{"started", 1, 0, 1, NULL}, {"exited", 2, 0, 1, ENDS("\"exit\":0")}},
     3, "Finalizing", "", NULL},
    {"all ended and flushed",
     {{"started", 1, 0, 1, NULL}, {"exited", 2, 0, 1, ENDS("\"exit\":0")},
      {"flushed", 3, 0, 1, NULL}}, 4, "Completed", "", ""},
    {"an hour without the files",
     {{"started", 1, 0, 1, NULL}, {"exited", 2, 0, 1, ENDS("\"exit\":0")}},
     3602, "Completed", "", NULL},
    {"row 1: canceled",
     {{"started", 1, 0, 1, NULL}, {"cancel", 2, -1, 1, ENDS("\"reason\":\"enough\"")},
      {"exited", 3, 0, 1, ENDS("\"signal\":15,\"cause\":\"user\"")}},
     4, "Canceled", "user", "enough"},
    {"row 1: stopped early",
     {{"started", 1, 0, 1, NULL}, {"stop", 2, -1, 1, ENDS("\"reason\":\"worse\"")},
      {"exited", 3, 0, 1, ENDS("\"signal\":15,\"cause\":\"early-stopped\"")}},
     4, "Canceled", "early-stopped", "worse"},
    {"row 1: its own timer", {{"exited", 3, 0, 1, ENDS("\"signal\":9,\"cause\":\"time-limit\"")}},
     4, "Failed", "time-limit", NULL},
    {"row 1 comes before row 2",
     {{"started", 1, 0, 1, TWO}, {"exited", 2, 0, 1, ENDS("\"exit\":5")},
      {"exited", 3, 1, 1, ENDS("\"signal\":15,\"cause\":\"user\"")}}, 4, "Canceled", "user", NULL},
    {"row 2: exit, and the other was stopped",
     {{"started", 1, 0, 1, TWO}, {"started", 1, 1, 1, ON_N2},
      {"exited", 4, 1, 1, ENDS("\"exit\":5")},
      {"exited", 5, 0, 1, ENDS("\"signal\":15,\"cause\":\"outside\"")}},
     6, "Failed", "exit", "rank 1 on n2: exit 5 (rank 0 was stopped from outside)"},
    {"row 2: the first by time",
     {{"started", 1, 0, 1, TWO}, {"exited", 5, 0, 1, ENDS("\"exit\":1")},
      {"exited", 4, 1, 1, ENDS("\"signal\":11")}}, 6, "Failed", "signal", "rank 1: signal 11"},
    {"row 2: alone", {{"exited", 4, -1, 1, ENDS("\"exit\":3")}}, 6, "Failed", "exit", "exit 3"},
    {"row 2: could not be started",
     {{"exited", 4, 0, 1, ENDS("\"exit\":127,\"reason\":\"launch-failed\"")}},
     6, "Failed", "launch-failed", "exit 127"},
    {"row 2: could not be prepared",
     {{"preparing", 1, 0, 1, NULL},
      {"exited", 4, 0, 1, ENDS("\"exit\":1,\"reason\":\"prepare-failed\",\"message\":\"no pip\"")}},
     6, "Failed", "prepare-failed", "exit 1, no pip"},
    {"row 3: nobody to ask", {{"exited", 4, 0, 1, ENDS("\"signal\":15,\"cause\":\"outside\"")}},
     5, "Canceled", "interrupted", NULL},
    {"row 3: the engine is waited for",
     {{"submitted", 0, -1, 1, NULL},
      {"exited", 4, 0, 1, ENDS("\"signal\":15,\"cause\":\"outside\"")}},
     63, "Finalizing", "", NULL},
    {"row 3: in vain",
     {{"submitted", 0, -1, 1, NULL},
      {"exited", 4, 0, 1, ENDS("\"signal\":15,\"cause\":\"outside\"")}},
     64, "Canceled", "interrupted", NULL},
    {"row 3: it was the time limit",
     {{"exited", 4, 0, 1, ENDS("\"signal\":15,\"cause\":\"outside\"")},
      {"engine", 5, -1, 1, ENDS("\"state\":\"TIMEOUT\"")}},
     6, "Failed", "time-limit", "the engine says TIMEOUT"},
    {"row 3 comes before row 4",
     {{"exited", 4, 0, 1, ENDS("\"exit\":0,\"cause\":\"outside\"")}, {"flushed", 5, 0, 1, NULL}},
     6, "Canceled", "interrupted", NULL},
    {"row 4: whatever the engine says",
     {{"exited", 4, 0, 1, ENDS("\"exit\":0")}, {"flushed", 5, 0, 1, NULL},
      {"engine", 6, -1, 1, ENDS("\"state\":\"FAILED\",\"exit\":\"1:0\"")}},
     99, "Completed", "", "the engine says FAILED"},
    {"row 4: a cancel that comes too late",
     {{"exited", 4, 0, 1, ENDS("\"exit\":0")}, {"flushed", 5, 0, 1, NULL},
      {"cancel", 6, -1, 1, NULL}}, 7, "Completed", "", NULL},
    {"row 5: silent for less than a minute",
     {{"started", 1, 0, 1, TWO}, {"engine", 6, -1, 1, ENDS("\"state\":\"OUT_OF_MEMORY\"")}},
     65, "Running", "", NULL},
    {"row 5: silent",
     {{"started", 1, 0, 1, TWO}, {"engine", 6, -1, 1, ENDS("\"state\":\"OUT_OF_MEMORY\"")}},
     66, "Failed", "out-of-memory", "the engine says OUT_OF_MEMORY; no report from rank 0, 1"},
    {"row 5: completed, but nobody reported",
     {{"engine", 6, -1, 1, ENDS("\"state\":\"COMPLETED\"")}},
     66, "Failed", "no-report", "the engine says COMPLETED; no report from the process"},
    {"row 5: requeued",
     {{"started", 1, 0, 1, NULL},
      {"engine", 6, -1, 1, ENDS("\"state\":\"PREEMPTED\",\"requeued\":true")}},
     7, "Queued", "preempted", NULL},
    {"the last attempt decides",
     {{"exited", 2, 0, 1, ENDS("\"exit\":1")}, {"started", 3, 0, 2, NULL}}, 4, "Running", "", NULL},
    {"a retry is left",
     {{"created", 0, -1, 0, RETRY}, {"exited", 2, 0, 1, ENDS("\"exit\":1")}},
     3, "Queued", "exit", "exit 1; attempt 2 follows"},
    {"no retry is left",
     {{"created", 0, -1, 0, RETRY}, {"exited", 2, 0, 2, ENDS("\"exit\":1")}},
     3, "Failed", "exit", "exit 1"},
    {"not what is tried again",
     {{"created", 0, -1, 0, RETRY}, {"exited", 2, 0, 1, ENDS("\"signal\":9")}},
     3, "Failed", "signal", "signal 9"},
    {"canceled before anybody had it",
     {{"created", 0, -1, 0, NULL}, {"cancel", 2, -1, 1, ENDS("\"reason\":\"no\"")}},
     3, "Canceled", "user", "no"},
    {"data that is no object", {{"exited", 2, 0, 1, "[1"}, {"flushed", 3, 0, 1, "7"}},
     4, "Completed", "", NULL},
};

static void each_row_of_the_table_holds(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct expected *row = &rows[i];
        struct lifecycle life = fold(row->said, row->now_s, NAN);
        const char *word = lifecycle_word(life.status);

        print_message("%s: %s %s %s\n", row->name, word ? word : "null", life.reason, life.message);
        if (row->status)
            assert_string_equal(word, row->status);
        else
            assert_null(word);
        assert_string_equal(life.reason, row->reason);
        if (row->message)
            assert_string_equal(life.message, row->message);
    }
}

static bool same(const struct lifecycle *a, const struct lifecycle *b)
{
    return a->status == b->status && strcmp(a->reason, b->reason) == 0 &&
           strcmp(a->message, b->message) == 0 && a->attempt == b->attempt &&
           a->ranks == b->ranks && a->started == b->started && a->ended == b->ended &&
           a->cancel_requested == b->cancel_requested && a->exit_code == b->exit_code &&
           a->signal == b->signal && a->files_complete == b->files_complete &&
           a->stop.kind == b->stop.kind && a->next_change_s == b->next_change_s;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* A random set of events, in whatever order, with some of them twice. */
static void order_and_repetition_change_nothing(void **state)
{
    static const char *const kinds[] = {"created", "submitted", "engine", "preparing", "started",
                                        "exited", "flushed", "cancel", "stop", "other"};
    static const char *const datas[] = {
        "{}", TWO, "{\"exit\":1}", "{\"signal\":9}", "{\"cause\":\"outside\"}",
        "{\"cause\":\"user\"}", "{\"state\":\"TIMEOUT\"}", "{\"state\":\"COMPLETED\"}",
        "{\"state\":\"PREEMPTED\",\"requeued\":true}", "{\"now\":true,\"reason\":\"x\"}",
    };
    uint64_t seed = 7;

    for (int round = 0; round < 3000; round++) {
        struct said said[MOST] = {{0}};
        struct archive_event events[MOST], mixed[2 * MOST];
        size_t n = 1 + next_random(&seed) % (MOST - 1), m;
        struct lifecycle one, other;

        for (size_t i = 0; i < n; i++)
            said[i] = (struct said){kinds[next_random(&seed) % ARRAY_LEN(kinds)],
                                    (double)(next_random(&seed) % 100),
                                    (int32_t)(next_random(&seed) % 4) - 1,
                                    (uint32_t)(next_random(&seed) % 3),
                                    datas[next_random(&seed) % ARRAY_LEN(datas)]};
        n = MIN(n, (size_t)MOST);
        events_of(said, events);
        memcpy(mixed, events, n * sizeof *events);
        for (m = n; m < n + n / 2; m++)
            mixed[m] = events[next_random(&seed) % n];
        for (size_t i = m - 1; i > 0; i--) {
            size_t j = next_random(&seed) % (i + 1);
            struct archive_event held = mixed[i];

            mixed[i] = mixed[j];
            mixed[j] = held;
        }
        assert_int_equal(lifecycle_fold(events, n, 50, 40, &one), 0);
        assert_int_equal(lifecycle_fold(mixed, m, 50, 40, &other), 0);
        assert_true(same(&one, &other));
    }
}

static void three_missed_heartbeats_are_shown_and_go_away(void **state)
{
    static const struct said said[MOST] = {{"started", 0, 0, 1, NULL}};
    struct lifecycle life = fold(said, 29, 0);

    assert_false(life.not_responding);
    assert_float_equal(life.next_change_s, 30, 0);
    life = fold(said, 30, 0);
    assert_true(life.not_responding);
    assert_int_equal(life.status, STATUS_RUNNING);
    assert_false(fold(said, 40, 35).not_responding);
    assert_false(fold(said, 40, NAN).not_responding);
}

static void nobody_is_missed_where_the_engine_says_it_is_over(void **state)
{
    static const struct said over[MOST] = {{"started", 0, 0, 1, NULL},
                                           {"engine", 1, -1, 1, "{\"state\":\"NODE_FAIL\"}"}};
    static const struct said waits[MOST] = {{"submitted", 0, -1, 1, NULL}};

    assert_false(fold(over, 40, 0).not_responding);
    assert_false(fold(waits, 4000, 0).not_responding);
}

static void a_cancel_is_passed_on_until_the_end(void **state)
{
    struct said said[MOST] = {
        {"started", 0, 0, 1, NULL},
        {"cancel", 1, -1, 1, "{\"reason\":\"why\",\"grace\":5}"},
    };
    struct lifecycle life = fold(said, 2, 2);

    assert_true(life.cancel_requested);
    assert_string_equal(life.stop.kind, "cancel");
    assert_string_equal(life.stop.reason, "why");
    assert_float_equal(life.stop.grace_s, 5, 0);
    assert_false(life.stop.now);
    said[2] = (struct said){"cancel", 2, -1, 1, "{\"now\":true}"};
    life = fold(said, 3, 3);
    assert_true(life.stop.now);
    assert_true(isnan(life.stop.grace_s));
    said[3] = (struct said){"exited", 4, 0, 1, "{\"signal\":9,\"cause\":\"user\"}"};
    life = fold(said, 5, 5);
    assert_false(life.cancel_requested);
    assert_null(life.stop.kind);
}

static void a_cancel_of_an_earlier_attempt_does_not_stop_the_next(void **state)
{
    static const struct said said[MOST] = {{"started", 0, 0, 1, NULL},
                                           {"cancel", 1, -1, 1, NULL},
                                           {"started", 2, 0, 2, NULL}};

    assert_null(fold(said, 3, 3).stop.kind);
    assert_int_equal(fold(said, 3, 3).attempt, 2);
}

static void late_evidence_corrects_an_end(void **state)
{
    struct said said[MOST] = {{"started", 1, 0, 1, NULL}, {"exited", 2, 0, 1, "{\"exit\":0}"}};
    struct lifecycle life = fold(said, 4000, NAN);

    assert_int_equal(life.status, STATUS_COMPLETED);
    assert_false(life.files_complete);
    said[2] = (struct said){"flushed", 90000, 0, 1, NULL};
    life = fold(said, 90001, NAN);
    assert_int_equal(life.status, STATUS_COMPLETED);
    assert_true(life.files_complete);
}

static void numbers_and_times_are_told(void **state)
{
    static const struct said said[MOST] = {
        {"created", 1, -1, 0, NULL}, {"started", 5, 1, 1, ON_N2}, {"started", 4, 0, 1, TWO},
        {"exited", 9, 0, 1, "{\"exit\":0}"}, {"exited", 8, 1, 1, "{\"exit\":0}"},
        {"flushed", 9, 0, 1, NULL}, {"flushed", 10, 1, 1, NULL}};
    struct lifecycle life = fold(said, 11, 11);

    assert_float_equal(life.created_s, 1, 0);
    assert_float_equal(life.started_s, 4, 0);
    assert_float_equal(life.ended_s, 9, 0);
    assert_int_equal(life.ranks, 2);
    assert_int_equal(life.ended, 2);
    assert_true(life.has_exit);
    assert_int_equal(life.exit_code, 0);
    assert_true(life.files_complete);
    assert_false(life.alive);
}

static void absurd_numbers_are_cut(void **state)
{
    static const struct said said[MOST] = {
        {"started", NAN, INT32_MAX, UINT32_MAX, "{\"world_size\":9223372036854775807}"},
        {"exited", INFINITY, INT32_MIN, UINT32_MAX, "{\"exit\":-1}"}};
    struct lifecycle life = fold(said, 1, 1);

    assert_int_equal(life.ranks, LIMIT_RANKS);
    assert_int_equal(life.status, STATUS_FAILED);
}

static void each_word_of_the_engine_is_read(void **state)
{
    static const struct {
        const char *state, *exit;
        bool requeued;
        enum lifecycle_status status;
        const char *reason;
    } words[] = {
        {"SUSPENDED", "", false, STATUS_RUNNING, ""},
        {"STAGE_OUT", "", false, STATUS_FINALIZING, ""},
        {"CANCELLED by 1000", "", false, STATUS_CANCELED, "user"},
        {"CANCELLED+", "", false, STATUS_CANCELED, "user"},
        {"DEADLINE", "", false, STATUS_FAILED, "time-limit"},
        {"FAILED", "5:0", false, STATUS_FAILED, "exit"},
        {"FAILED", "0:9", false, STATUS_FAILED, "signal"},
        {"FAILED", "137:0", false, STATUS_FAILED, "signal"},
        {"FAILED", "127:0", false, STATUS_FAILED, "launch-failed"},
        {"NODE_FAIL", "", false, STATUS_FAILED, "node-fail"},
        {"NODE_FAIL", "", true, STATUS_QUEUED, "node-fail"},
        {"REVOKED", "", false, STATUS_FAILED, "preempted"},
        {"SPECIAL_EXIT", "", false, STATUS_QUEUED, ""},
        {"WHATEVER", "", false, STATUS_NONE, ""},
        {"", "", false, STATUS_NONE, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct engine_answer answer = engine_read(words[i].state, "", words[i].exit,
                                                  words[i].requeued);

        assert_int_equal(answer.status, words[i].status);
        assert_string_equal(answer.reason, words[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_holds),
        cmocka_unit_test(order_and_repetition_change_nothing),
        cmocka_unit_test(three_missed_heartbeats_are_shown_and_go_away),
        cmocka_unit_test(nobody_is_missed_where_the_engine_says_it_is_over),
        cmocka_unit_test(a_cancel_is_passed_on_until_the_end),
        cmocka_unit_test(a_cancel_of_an_earlier_attempt_does_not_stop_the_next),
        cmocka_unit_test(late_evidence_corrects_an_end),
        cmocka_unit_test(numbers_and_times_are_told),
        cmocka_unit_test(absurd_numbers_are_cut),
        cmocka_unit_test(each_word_of_the_engine_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
