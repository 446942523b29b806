/* route_root.c: GET /api/v1/, /healthz and /metrics: what the server says of itself. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "http/assets.h"
#include "http/lives.h"
#include "http/router.h"
#include "http/write.h"

static void put_limits(struct json *j)
{
    json_key(j, "limits");
    json_open(j, '{');
    write_u64(j, "body_bytes", LIMIT_BODY_BYTES);
    write_u64(j, "query_series", LIMIT_QUERY_SERIES);
    write_u64(j, "answer_points", LIMIT_ANSWER_POINTS);
    write_u64(j, "width_px", LIMIT_WIDTH_PX);
    write_u64(j, "list_rows", LIMIT_LIST_ROWS);
    write_u64(j, "regex_bytes", LIMIT_REGEX_BYTES);
    write_u64(j, "wait_s", LIMIT_WAIT_SECONDS);
    write_u64(j, "stream_series", LIMIT_STREAM_SERIES);
    json_close(j, '}');
}

static void put_archive(struct json *j, struct archive *archive)
{
    struct archive_status status;

    json_key(j, "archive");
    if (!archive) {
        json_put_null(j);
        return;
    }
    status = archive_status(archive);
    json_open(j, '{');
    write_text(j, "state", archive_state_word(status.state));
    write_text(j, "message", status.message);
    write_u64(j, "bytes_kept", status.bytes_kept);
    write_u64(j, "bytes_behind", status.bytes_behind);
    write_finite(j, "behind_s", status.behind_s);
    write_u64(j, "free_bytes", status.free_bytes);
    write_u64(j, "reserve_bytes", status.reserve_bytes);
    write_u64(j, "runs", status.runs);
    write_u64(j, "files", status.files);
    json_close(j, '}');
}

static void put_features(struct json *j, const struct http_options *options)
{
    json_key(j, "features");
    json_open(j, '[');
    json_put_text(j, "stream");
    json_put_text(j, "long-poll");
    if (options->live.take)
        json_put_text(j, "live");
    if (options->archive)
        json_put_text(j, "uploads");
    json_close(j, ']');
    put_archive(j, options->archive);
}

static void put_progress(struct json *j, const struct http_facts *facts, const struct lives *lives)
{
    uint64_t done_bytes = 0, total = 0;
    bool done = true, waiting = false;

    if (facts->progress)
        facts->progress(facts->ctx, &done_bytes, &total, &done, &waiting);
    done = done && (!lives || lives_loaded(lives));
    json_key(j, "progress");
    json_open(j, '{');
    write_u64(j, "read", done_bytes);
    write_u64(j, "total", total);
    write_bool(j, "done", done);
    write_bool(j, "waiting", waiting);
    json_close(j, '}');
    json_key(j, "logdirs");
    json_open(j, '[');
    for (const char *const *dir = facts->logdirs; dir && *dir; dir++)
        json_put_text(j, *dir);
    json_close(j, ']');
}

void route_root(struct request *request)
{
    const struct http_options *options = &request->shared->options;
    struct json j = JSON_INIT(&request->reply.body);
    double newest, now = request_now(request);
    size_t count = store_pulse(options->store, &newest);

    json_open(&j, '{');
    write_text(&j, "name", "tailboard");
    write_text(&j, "version", TB_VERSION);
    write_text(&j, "epoch", request->shared->epoch);
    write_double(&j, "now", now);
    json_key(&j, "started");
    json_put_time(&j, request->shared->started_wall_s);
    write_u64(&j, "runs", count);
    json_key(&j, "newest_commit_age_s");
    json_put_finite(&j, fmax(now - newest, isnan(newest) ? NAN : 0));
    put_progress(&j, &options->facts, request->shared->lives);
    put_features(&j, options);
    put_limits(&j);
    json_close(&j, '}');
    response_json(request);
}

void route_openapi(struct request *request)
{
    const struct asset *asset = assets_openapi();

    if (!asset) {
        response_problem(request, 404, "not-found", "This build has no API document.");
        return;
    }
    assets_reply(request, asset, "application/json");
}

void route_health(struct request *request)
{
    const struct http_facts *facts = &request->shared->options.facts;
    struct json j = JSON_INIT(&request->reply.body);
    char reason[160] = "";
    bool healthy = !facts->healthy || facts->healthy(facts->ctx, reason, sizeof reason);
    struct auth_verdict verdict;
    struct auth_request ask = {.peer = request->peer, .method = "GET", .header = router_header,
                               .ctx = request};

    auth_check(request->shared->options.auth, &ask, &verdict);
    json_open(&j, '{');
    write_text(&j, "status", healthy ? "ok" : "unavailable");
    if (!verdict.status) {
        json_key(&j, "reasons");
        json_open(&j, '[');
        if (!healthy)
            json_put_text(&j, reason);
        json_close(&j, ']');
    }
    json_close(&j, '}');
    response_body(request, healthy ? 200 : 503, "application/json");
}

void route_metrics(struct request *request)
{
    const struct http_facts *facts = &request->shared->options.facts;
    struct http_counters *counters = &request->shared->counters;
    struct buf *out = &request->reply.body;

    buf_str(out, "# TYPE tailboard_http_requests counter\n"
                 "# HELP tailboard_http_requests Answered requests by class of status.\n");
    for (unsigned i = 1; i < ARRAY_LEN(counters->requests); i++)
        buf_printf(out, "tailboard_http_requests_total{class=\"%uxx\"} %llu\n", i,
                   (unsigned long long)atomic_load(&counters->requests[i]));
    buf_printf(out,
               "# TYPE tailboard_http_connections gauge\n"
               "tailboard_http_connections %llu\n"
               "# TYPE tailboard_http_waiting gauge\n"
               "# HELP tailboard_http_waiting Long polls and streams that wait for points.\n"
               "tailboard_http_waiting %llu\n"
               "# TYPE tailboard_http_held_points gauge\n"
               "# HELP tailboard_http_held_points Points in memory for answers under way.\n"
               "tailboard_http_held_points %llu\n"
               "# TYPE tailboard_http_late_upgrades gauge\n"
               "tailboard_http_late_upgrades %llu\n"
               "# TYPE tailboard_http_streamed_bytes counter\n"
               "tailboard_http_streamed_bytes_total %llu\n",
               (unsigned long long)atomic_load(&counters->clients),
               (unsigned long long)atomic_load(&counters->waiting),
               (unsigned long long)atomic_load(&request->shared->held_points),
               (unsigned long long)atomic_load(&counters->bridges),
               (unsigned long long)atomic_load(&counters->bytes));
    if (facts->metrics)
        facts->metrics(facts->ctx, out);
    buf_str(out, "# EOF\n");
    response_body(request, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8");
}
