/* route_keeping.c: POST /retain and POST, GET, DELETE /fsck: the archive is tended while it is at
 * work, so that nobody has to stop the server for it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "archive/checkup.h"
#include "archive/retention.h"
#include "http/history.h"
#include "http/jsonbody.h"
#include "http/router.h"
#include "http/write.h"

enum { DAY_S = 86400, GRACE_HOURS = 24, FINDINGS = 1000 };

/* ---- retain ------------------------------------------------------------------------------ */

struct wish {
    struct retention policy;
    double grace_s;
    bool delete;
};

/* Kept while the disk is waited for. */
struct retaining {
    struct ticket *ticket;
    struct buf body;
};

static void free_retaining(void *state)
{
    struct retaining *kept = state;

    ticket_drop(kept->ticket);
    buf_done(&kept->body);
    free(kept);
}

static bool read_number(struct request *request, const json_t *body, const char *key, double max,
                        double *ret)
{
    const json_t *value = json_object_get(body, key);
    double number = value ? json_number_value(value) : *ret;

    if ((!value || json_is_number(value)) && number >= 0 && number <= max) {
        *ret = number;
        return true;
    }
    response_problem(request, 400, "bad-parameter", "%s is a number from 0 to %.0f.", key, max);
    return false;
}

static bool read_wish(struct request *request, const json_t *body, struct wish *ret)
{
    static const char *const known[] = {"older_days", "keep_bytes", "keep_runs", "grace_hours",
                                        "delete", NULL};
    const json_t *delete = json_object_get(body, "delete");
    double days = 0, bytes = 0, runs = 0, grace = GRACE_HOURS;

    if (!jsonbody_knows(request, body, known) ||
        !read_number(request, body, "older_days", 1e6, &days) ||
        !read_number(request, body, "keep_bytes", 9e15, &bytes) ||
        !read_number(request, body, "keep_runs", 1e9, &runs) ||
        !read_number(request, body, "grace_hours", 1e6, &grace))
        return false;
    if (delete && !json_is_boolean(delete)) {
        response_problem(request, 400, "bad-parameter", "delete is true or false.");
        return false;
    }
    *ret = (struct wish){
        .policy = {.max_age_s = days * DAY_S, .max_bytes = (uint64_t)bytes,
                   .max_runs = (uint64_t)runs},
        .grace_s = grace * 3600,
        .delete = json_is_true(delete),
    };
    return true;
}

/* What is heard of stays, whatever the age of its bytes. */
static void spare_busy_runs(struct request *request, struct archive_run_row *rows, size_t count,
                            double now_s)
{
    for (size_t i = 0; i < count; i++)
        if (!rows[i].deleted && lives_is_busy(request->shared->lives, rows[i].id))
            rows[i].changed_s = now_s;
}

static int delete_run(struct request *request, const char *id)
{
    struct http_shared *shared = request->shared;
    struct archive_run *run = archive_find_run(shared->options.archive, id);
    int r = run ? archive_delete(run, false, NULL, NULL) : -ENOENT;

    if (r == 0)
        lives_deleted(shared->lives, id, true);
    return r;
}

static void put_run(struct json *j, const struct archive_run_row *row, enum retention_why why)
{
    json_open(j, '{');
    write_text(j, "id", row->id);
    write_text(j, "name", row->name);
    write_text(j, "experiment", row->experiment);
    write_u64(j, "bytes", row->bytes);
    json_key(j, "last_time");
    json_put_time(j, row->changed_s);
    write_text(j, "why", retention_word(why));
    json_close(j, '}');
}

/* Names the runs that go, and with `delete` lets them go. */
static int retain(struct request *request, const struct wish *wish, struct buf *out)
{
    _cleanup_free_ struct archive_run_row *rows = NULL;
    _cleanup_free_ enum retention_why *why = NULL;
    struct json j = JSON_INIT(out);
    double now_s = request_now(request);
    uint64_t bytes = 0;
    size_t n = 0, going = 0, there = 0;
    int r = archive_runs(request->shared->options.archive, &rows, &n);

    why = r == 0 ? calloc(n + 1, sizeof *why) : NULL;
    if (!why)
        return r < 0 ? r : -ENOMEM;
    spare_busy_runs(request, rows, n, now_s);
    retention_choose(&wish->policy, rows, n, now_s, why);
    json_open(&j, '{');
    json_key(&j, "runs");
    json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        there += !rows[i].deleted;
        /* One that came back to life this very moment stays. */
        if (why[i] == RETENTION_STAYS || (wish->delete && delete_run(request, rows[i].id) < 0))
            continue;
        put_run(&j, &rows[i], why[i]);
        bytes += rows[i].bytes;
        going++;
    }
    json_close(&j, ']');
    write_u64(&j, "count", going);
    write_u64(&j, "bytes", bytes);
    write_u64(&j, "of", there);
    write_bool(&j, "deleted", wish->delete);
    write_double(&j, "grace_hours", wish->grace_s / 3600);
    json_close(&j, '}');
    return buf_failed(out);
}

static void begin_retaining(struct request *request, const struct wish *wish)
{
    struct http_shared *shared = request->shared;
    struct retaining *kept = calloc(1, sizeof *kept);
    int r = kept ? 0 : -ENOMEM;

    if (kept) {
        kept->body = (struct buf)BUF_INIT(LIMIT_ANSWER_BYTES);
        request->state = kept;
        request->free_state = free_retaining;
        r = retain(request, wish, &kept->body);
    }
    if (r == 0 && wish->delete) {
        bell_ring(shared->bell);
        kept->ticket = ticket_new(shared->bell);
        r = kept->ticket
                ? archive_purge(shared->options.archive, wish->grace_s, ticket_done, kept->ticket)
                : -ENOMEM;
        if (r < 0 && kept->ticket)
            kept->ticket = ticket_void(kept->ticket);
    }
    if (r < 0)
        history_problem(request, r);
}

void route_retain(struct request *request)
{
    struct retaining *kept = request->state;
    int result = 0;

    if (!kept) {
        json_t *body = history_is_kept(request) ? jsonbody_read(request, false) : NULL;
        struct wish wish;

        if (body && read_wish(request, body, &wish))
            begin_retaining(request, &wish);
        json_decref(body);
        kept = request->state;
    }
    if (request->reply.status ||
        (kept->ticket && history_wait(request, &kept->ticket, &result) != 1))
        return;
    if (result < 0) {
        history_problem(request, result);
        return;
    }
    buf_add(&request->reply.body, kept->body.data, kept->body.length);
    response_json(request);
}

/* ---- fsck -------------------------------------------------------------------------------- */

static void put_finding(void *ctx, const struct checkup_finding *finding)
{
    struct json *j = ctx;

    json_open(j, '{');
    write_text(j, "kind", fsck_word(finding->finding));
    write_text(j, "path", finding->path);
    write_text(j, "cure", fsck_cure_word(finding->cure));
    json_close(j, '}');
}

static const char *state_word(const struct checkup_state *state)
{
    return state->number == 0           ? "none"
           : state->running             ? "running"
           : state->result == -ECANCELED ? "stopped"
           : state->result < 0          ? "failed"
                                        : "done";
}

static void answer_state(struct request *request, int status, uint64_t from)
{
    struct checkup *checkup = request->shared->checkup;
    struct checkup_state state = checkup_look(checkup);
    struct json j = JSON_INIT(&request->reply.body);

    json_open(&j, '{');
    write_u64(&j, "number", state.number);
    write_text(&j, "state", state_word(&state));
    write_text(&j, "message", state.result < 0 ? strerrordesc_np(-state.result) : "");
    write_bool(&j, "repair", state.wish.repair);
    write_bool(&j, "rebuild_catalog", state.wish.renew);
    write_u64(&j, "done", state.done);
    write_u64(&j, "total", state.total);
    write_u64(&j, "runs", state.totals.runs);
    write_u64(&j, "files", state.totals.files);
    write_u64(&j, "bytes", state.totals.bytes);
    write_u64(&j, "found", state.found);
    write_u64(&j, "cured", state.totals.cured);
    json_key(&j, "findings");
    json_open(&j, '[');
    checkup_findings(checkup, from, FINDINGS, put_finding, &j);
    json_close(&j, ']');
    write_u64(&j, "next", MIN(MAX(from, MIN(from + FINDINGS, (uint64_t)state.listed)),
                              (uint64_t)state.listed));
    json_close(&j, '}');
    response_body(request, status, "application/json");
}

static bool has_news(struct request *request)
{
    struct checkup_state state = checkup_look(request->shared->checkup);
    const char *from = request_value(request, "from");

    return !state.running || state.listed > strtoull(from ? from : "0", NULL, 10);
}

static void look(struct request *request)
{
    uint64_t wait, from;

    if (!request_number(request, "wait", 0, LIMIT_WAIT_SECONDS, 0, &wait) ||
        !request_number(request, "from", 0, LIMIT_FSCK_FINDINGS, 0, &from))
        return;
    if (wait > 0 && !request->time_over && !has_news(request))
        request_wait(request, (double)wait, has_news);
    else
        answer_state(request, 200, from);
}

static bool read_flag(struct request *request, const json_t *body, const char *key, bool *ret)
{
    const json_t *value = json_object_get(body, key);

    *ret = json_is_true(value);
    if (!value || json_is_boolean(value))
        return true;
    response_problem(request, 400, "bad-parameter", "%s is true or false.", key);
    return false;
}

static void start(struct request *request)
{
    static const char *const known[] = {"repair", "rebuild_catalog", NULL};
    json_t *body = jsonbody_read(request, false);
    struct checkup_wish wish;

    if (body && jsonbody_knows(request, body, known) &&
        read_flag(request, body, "repair", &wish.repair) &&
        read_flag(request, body, "rebuild_catalog", &wish.renew)) {
        int r = checkup_start(request->shared->checkup, &wish);
        if (r == -EBUSY)
            response_problem(request, 409, "busy", "A check is under way already.");
        else if (r < 0)
            response_error(request, r);
        else
            answer_state(request, 202, 0);
    }
    json_decref(body);
}

void route_fsck(struct request *request)
{
    if (!history_is_kept(request))
        return;
    if (request->method == METHOD_POST) {
        start(request);
    } else if (request->method == METHOD_DELETE) {
        checkup_stop(request->shared->checkup);
        response_empty(request, 204);
    } else {
        look(request);
    }
}
