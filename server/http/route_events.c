/* route_events.c: GET and POST /runs/{id}/events, POST /runs/{id}/cancel.
 *
 *   events ─► archive (kept) ─► lives: folded ─► status      answer: once they are durable
 *
 * An empty POST is a heartbeat: it tells that an agent lives, and its answer tells the agent what
 * is durable and whether the run should stop. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "http/history.h"
#include "http/jsonbody.h"
#include "http/router.h"
#include "http/write.h"

static const char id_characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz._:-";
enum { EVENT_ID_BYTES = 64, ATTEMPTS_MAX = 1000000 };

/* ---- the answer -------------------------------------------------------------------------- */

static void write_stop(struct json *j, const struct lifecycle_stop *stop)
{
    json_key(j, "stop");
    if (!stop->kind) {
        json_put_null(j);
        return;
    }
    json_open(j, '{');
    write_text(j, "kind", stop->kind);
    write_text(j, "reason", stop->reason);
    write_finite(j, "grace", stop->grace_s);
    write_bool(j, "now", stop->now);
    json_close(j, '}');
}

static int write_durable(struct json *j, struct archive_run *run)
{
    _cleanup_free_ struct archive_file **files = NULL;
    size_t count, written = 0;
    int r = archive_files(run, &files, &count);

    if (r < 0)
        return r;
    json_key(j, "durable");
    json_open(j, '{');
    for (size_t i = 0; i < count && written < LIMIT_HELD_BACK_FILES; i++) {
        struct archive_file_facts facts = archive_file_facts(files[i]);

        if (!facts.newest || facts.complete)
            continue;
        json_put_bytes(j, facts.path, strlen(facts.path));
        buf_char(j->out, ':');
        j->comma = false;
        json_put_u64(j, facts.durable);
        written++;
    }
    json_close(j, '}');
    return 0;
}

static void answer(struct request *request, struct archive_run *run)
{
    struct json j = JSON_INIT(&request->reply.body);
    struct life life;
    int r;

    if (!lives_take(request->shared->lives, request->id, &life)) {
        response_error(request, -ENOMEM);
        return;
    }
    lives_give_back(request->shared->lives);
    json_open(&j, '{');
    write_u64(&j, "heartbeat", LIFECYCLE_HEARTBEAT_S);
    write_text(&j, "status", lifecycle_word(life.cycle.status));
    write_u64(&j, "attempt", life.cycle.attempt);
    r = write_durable(&j, run);
    write_stop(&j, &life.cycle.stop);
    json_close(&j, '}');
    if (r < 0)
        response_error(request, r);
    else
        response_json(request);
}

/* ---- what comes in ----------------------------------------------------------------------- */

static bool bad(struct request *request, size_t place, const char *what)
{
    response_problem(request, 400, "bad-event", "Event %zu: %s", place, what);
    return false;
}

static bool is_id(const char *text)
{
    return text && *text && strlen(text) <= EVENT_ID_BYTES &&
           strspn(text, id_characters) == strlen(text);
}

static bool is_source(const char *word)
{
    static const char *const words[] = {"client", "agent", "engine", "server"};

    for (size_t i = 0; word && i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static bool whole(const json_t *value, int64_t min, int64_t max, int64_t usual, int64_t *ret)
{
    *ret = usual;
    if (!value || json_is_null(value))
        return true;
    *ret = json_integer_value(value);
    return json_is_integer(value) && *ret >= min && *ret <= max;
}

/* Texts of the event point into `item`, but for ret_data. */
static bool read_event(struct request *request, size_t place, const json_t *item,
                       struct archive_event *ret, char **ret_data)
{
    static const char *const known[] = {"id", "run", "kind", "source", "attempt", "rank", "time",
                                        "data", NULL};
    const json_t *time = json_object_get(item, "time"), *data = json_object_get(item, "data");
    const json_t *of = json_object_get(item, "run");
    const char *run = json_string_value(of);
    int64_t attempt, rank;
    struct archive_event event = {
        .id = json_string_value(json_object_get(item, "id")),
        .kind = json_string_value(json_object_get(item, "kind")),
        .source = json_string_value(json_object_get(item, "source")),
        .time_s = json_is_number(time) ? json_number_value(time) : request_now(request),
    };

    if (!json_is_object(item) || !jsonbody_knows(request, item, known))
        return request->reply.status ? false : bad(request, place, "an event is an object.");
    if (!is_id(event.id))
        return bad(request, place, "id is 1 to 64 letters, digits or . _ : -.");
    if (!event.kind || !lifecycle_kind_is_known(event.kind) ||
        strcmp(event.kind, "created") == 0)
        return bad(request, place, "this kind is not known, or not sent.");
    if (!is_source(event.source))
        return bad(request, place, "source is client, agent, engine or server.");
    if (of && (!run || strcmp(run, request->id) != 0))
        return bad(request, place, "it is of another run.");
    if (!whole(json_object_get(item, "attempt"), 1, ATTEMPTS_MAX, 1, &attempt) ||
        !whole(json_object_get(item, "rank"), 0, LIMIT_RANKS - 1, -1, &rank))
        return bad(request, place, "attempt and rank are whole numbers.");
    if (time && !json_is_number(time))
        return bad(request, place, "time is a number of seconds.");
    if (data && !json_is_object(data))
        return bad(request, place, "data is an object.");
    event.attempt = (uint32_t)attempt;
    event.rank = (int32_t)rank;
    *ret_data = data ? jsonbody_line(request, data, LIMIT_EVENT_DATA_BYTES) : strdup("{}");
    if (!*ret_data)
        return false;
    event.data = *ret_data;
    *ret = event;
    return true;
}

static bool has_room(struct request *request, struct archive_run *run, size_t more)
{
    _cleanup_free_ struct archive_event *events = NULL;
    size_t count;
    int r = archive_events(run, &events, &count);

    if (r < 0)
        response_error(request, r);
    else if (count + more > LIMIT_EVENTS_PER_RUN)
        response_problem(request, 413, "quota", "A run has at most %d events.",
                         LIMIT_EVENTS_PER_RUN);
    return !request->reply.status;
}

/* All or none: everything is checked before the first is kept. */
static bool add_events(struct request *request, struct archive_run *run, const json_t *list)
{
    size_t count = json_array_size(list);
    struct archive_event *events = calloc(count + 1, sizeof *events);
    char **datas = calloc(count + 1, sizeof *datas);
    int r = events && datas ? 0 : -ENOMEM;
    size_t n = 0;

    if (r == 0 && count > LIMIT_EVENTS_PER_REQUEST)
        response_problem(request, 413, "too-large", "At most %d events a request.",
                         LIMIT_EVENTS_PER_REQUEST);
    else if (r == 0 && has_room(request, run, count))
        while (n < count && read_event(request, n, json_array_get(list, n), &events[n], &datas[n]))
            n++;
    for (size_t i = 0; r == 0 && !request->reply.status && n == count && i < count; i++)
        r = archive_add_event(run, &events[i], NULL, NULL);
    if (r < 0)
        history_problem(request, r);
    else if (n < count && !request->reply.status)
        response_error(request, -ENOMEM);
    for (size_t i = 0; datas && i < count; i++)
        free(datas[i]);
    free(datas);
    free(events);
    return !request->reply.status;
}

/* ---- POST -------------------------------------------------------------------------------- */

static bool stop_came(struct request *request)
{
    struct life life;
    bool stop;

    if (!lives_take(request->shared->lives, request->id, &life))
        return true;
    stop = life.cycle.stop.kind || life.deleted;
    lives_give_back(request->shared->lives);
    return stop;
}

static void heartbeat(struct request *request, struct archive_run *run)
{
    uint64_t wait;

    if (!request_number(request, "wait", 0, LIMIT_WAIT_SECONDS, 0, &wait))
        return;
    lives_heard(request->shared->lives, request->id);
    if (wait > 0 && !request->time_over && !stop_came(request))
        request_wait(request, (double)wait, stop_came);
    else
        answer(request, run);
}

static void post_events(struct request *request, struct archive_run *run)
{
    json_t *list;
    bool fine;

    if (request->state) { /* called again: they were added */
        if (history_sync(request, run))
            answer(request, run);
        return;
    }
    list = jsonbody_read(request, true);
    if (!list)
        return;
    if (json_array_size(list) == 0) {
        json_decref(list);
        heartbeat(request, run);
        return;
    }
    fine = add_events(request, run, list);
    json_decref(list);
    if (!fine)
        return;
    lives_heard(request->shared->lives, request->id);
    lives_changed(request->shared->lives, request->id);
    if (history_sync(request, run))
        answer(request, run);
}

/* ---- GET --------------------------------------------------------------------------------- */

static void write_event(struct json *j, const char *run, const struct archive_event *event)
{
    json_open(j, '{');
    write_text(j, "id", event->id);
    write_text(j, "run", run);
    write_text(j, "kind", event->kind);
    write_text(j, "source", event->source);
    write_u64(j, "attempt", event->attempt);
    json_key(j, "rank");
    if (event->rank >= 0)
        json_put_i64(j, event->rank);
    else
        json_put_null(j);
    write_finite(j, "time", event->time_s);
    json_key(j, "data");
    json_put_raw(j, event->data, strlen(event->data));
    json_close(j, '}');
}

static void get_events(struct request *request, struct archive_run *run)
{
    struct json j = JSON_INIT(&request->reply.body);
    _cleanup_free_ struct archive_event *events = NULL;
    size_t count;
    int r = archive_events(run, &events, &count);

    if (r < 0) {
        response_error(request, r);
        return;
    }
    json_open(&j, '{');
    write_text(&j, "run", request->id);
    json_key(&j, "events");
    json_open(&j, '[');
    for (size_t i = 0; i < count; i++)
        write_event(&j, request->id, &events[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    response_json(request);
}

void route_events(struct request *request)
{
    struct archive_run *run = history_run(request);

    if (!run)
        return;
    if (request->method != METHOD_POST)
        get_events(request, run);
    else if (history_is_open(request))
        post_events(request, run);
}

/* ---- cancel ------------------------------------------------------------------------------ */

static bool may_cancel(struct request *request, uint32_t *ret_attempt)
{
    struct life life;

    if (!lives_take(request->shared->lives, request->id, &life))
        return false;
    lives_give_back(request->shared->lives);
    *ret_attempt = MAX(life.cycle.attempt, 1u);
    if (life.cycle.status == STATUS_NONE)
        response_problem(request, 409, "no-job", "Nobody reports for this run: there is nothing "
                                                 "to cancel.");
    else if (lifecycle_is_over(life.cycle.status))
        response_problem(request, 409, "run-is-over", "The run has ended: %s.",
                         lifecycle_word(life.cycle.status));
    return !request->reply.status;
}

static void add_cancel(struct request *request, struct archive_run *run, const json_t *body)
{
    static const char *const known[] = {"reason", "grace", "now", NULL};
    const json_t *grace = json_object_get(body, "grace"), *now = json_object_get(body, "now");
    const char *reason = "";
    _cleanup_free_ char *data = NULL;
    struct archive_event event = {.kind = "cancel", .source = "client", .rank = -1,
                                  .time_s = request_now(request)};
    uint64_t random;
    char id[32];
    int r;

    if (!jsonbody_knows(request, body, known) ||
        !jsonbody_text(request, body, "reason", 1000, &reason) ||
        !may_cancel(request, &event.attempt))
        return;
    if ((grace && !json_is_null(grace) &&
         !(json_is_number(grace) && json_number_value(grace) >= 0)) ||
        (now && !json_is_boolean(now))) {
        response_problem(request, 400, "bad-parameter",
                         "grace is a number of seconds, now is true or false.");
        return;
    }
    data = jsonbody_line(request, body, LIMIT_EVENT_DATA_BYTES);
    if (!data)
        return;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint64_t)clock_ns(NULL);
    snprintf(id, sizeof id, "cancel-%016" PRIx64, random);
    event.id = id;
    event.data = data;
    r = archive_add_event(run, &event, NULL, NULL);
    if (r < 0) {
        history_problem(request, r);
        return;
    }
    lives_changed(request->shared->lives, request->id);
    bell_ring(request->shared->bell); /* agents that wait for a stop */
}

void route_cancel(struct request *request)
{
    struct archive_run *run = history_run(request);
    json_t *body;

    if (!run)
        return;
    if (!request->state) {
        body = jsonbody_read(request, false);
        if (!body)
            return;
        add_cancel(request, run, body);
        json_decref(body);
        if (request->reply.status)
            return;
    }
    if (!history_sync(request, run))
        return;
    answer(request, run);
    if (request->reply.status == 200)
        request->reply.status = 202;
}
