#include "ship/control.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define EVENTS_AT_ONCE 100

static bool answered_well(const struct channel_reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

static json_t *parse(const struct channel_reply *reply)
{
    json_error_t where;

    return reply->body.length ? json_loadb(reply->body.data, reply->body.length, 0, &where) : NULL;
}

/* Sends one request and waits for its answer. 0 or -errno; the caller releases reply->body. */
static int exchange(struct channel *channel, const struct channel_request *request,
                    struct channel_reply *reply)
{
    int r = channel_send(channel, request);

    while (r == 0) {
        r = channel_receive(channel, reply, 1000);
        if (r > 0)
            return 0;
    }
    channel_close(channel);
    return r;
}

/* One line, then quiet until it works again. */
static void failed(struct shiprun *run, const char *what, int64_t now_ns, int retry_after_s)
{
    char text[700];

    run->try_ns =
        now_ns + (retry_after_s ? retry_after_s * NS_PER_S : shiprun_backoff_ns(run->tries));
    run->tries++;
    pthread_mutex_lock(&run->lock);
    run->failed_once = true;
    bool deleted = run->deleted;
    pthread_mutex_unlock(&run->lock);
    control_news(run->ship);
    if (deleted)
        snprintf(text, sizeof text, "run %s was deleted at the server; nothing more is sent",
                 run->id);
    else
        snprintf(text, sizeof text, "the server does not take run %s now (%s)%s%s%s", run->id, what,
                 run->has_spool ? "; it is recorded in " : "", run->has_spool ? run->spool.dir : "",
                 run->has_spool ? " and will be sent" : "");
    control_trouble(run->ship, text);
}

/* The answer is a refusal. */
static void refused(struct shiprun *run, const struct channel_reply *reply, int64_t now_ns)
{
    char code[64], text[120];

    channel_problem(reply, code, sizeof code);
    if (reply->status == 410) {
        pthread_mutex_lock(&run->lock);
        run->deleted = true;
        pthread_mutex_unlock(&run->lock);
    }
    snprintf(text, sizeof text, "%d%s%s", reply->status, *code ? " " : "", code);
    if (reply->status == 401)
        snprintf(text, sizeof text, "401: it wants a token; set TAILBOARD_TOKEN");
    failed(run, text, now_ns, reply->retry_after_s);
}

/* ---- PUT ---------------------------------------------------------------------------------- */

static void take_identity(struct shiprun *run, const struct channel_reply *reply)
{
    json_t *root = parse(reply);
    const char *id = json_string_value(json_object_get(root, "id"));
    const char *token = json_string_value(json_object_get(root, "token"));
    json_int_t attempt = json_integer_value(json_object_get(root, "attempt"));
    bool other = false;

    pthread_mutex_lock(&run->lock);
    if (id && *id && strlen(id) <= LIMIT_RUN_ID_BYTES &&
        strspn(id, "0123456789abcdefghijklmnopqrs"
                   "tuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == strlen(id)) {
        other = strcmp(id, run->id) != 0;
        snprintf(run->id, sizeof run->id, "%s", id);
    }
    if (token && strlen(token) < sizeof run->token)
        snprintf(run->token, sizeof run->token, "%s", token);
    run->server_attempt = attempt > 0 && attempt < 1000000 ? (int)attempt : 0;
    run->registered = run->failed_once = true;
    run->tries = 0;
    if (run->has_spool) {
        (void)spool_write(&run->spool, "token", run->token, strlen(run->token));
        if (other)
            (void)shiprun_save(run);
    }
    pthread_mutex_unlock(&run->lock);
    json_decref(root);
    control_news(run->ship);
}

static void put_run(struct shiprun *run, struct channel *channel, int64_t now_ns)
{
    char target[LIMIT_RUN_ID_BYTES + 32];
    struct channel_request request = {
        .method = "PUT",
        .target = target,
        .headers = "Content-Type: application/json\r\n",
        .data = run->given.document,
        .size = strlen(run->given.document),
    };
    struct channel_reply reply = {0};
    const char *token = control_token(run->ship);

    snprintf(target, sizeof target, "/api/v1/runs/%s", run->given.join ? run->given.id : run->id);
    channel_set_token(channel, token ? token : run->token);
    int r = exchange(channel, &request, &reply);
    if (r < 0)
        failed(run, channel_error(channel), now_ns, 0);
    else if (answered_well(&reply))
        take_identity(run, &reply);
    else
        refused(run, &reply, now_ns);
    buf_done(&reply.body);
}

/* ---- events ------------------------------------------------------------------------------- */

/* The unsent ones, as far as they go at once. Returns the index behind the last one. */
static size_t collect(struct shiprun *run, struct buf *ret)
{
    size_t count = 0, i;

    buf_char(ret, '[');
    for (i = 0; i < run->n_events && count < EVENTS_AT_ONCE; i++) {
        if (run->events[i].sent)
            continue;
        if (ret->length + strlen(run->events[i].json) > LIMIT_BODY_BYTES / 2 && count > 0)
            break;
        buf_printf(ret, "%s%s", count ? "," : "", run->events[i].json);
        count++;
    }
    buf_char(ret, ']');
    return i;
}

static void take_order(struct shiprun *run, const json_t *order)
{
    const char *kind = json_string_value(json_object_get(order, "kind"));
    const char *reason = json_string_value(json_object_get(order, "reason"));
    const json_t *grace = json_object_get(order, "grace");

    if (!kind)
        return;
    const struct ship_stop stop = {
        .kind = kind,
        .reason = reason ? reason : "",
        .grace_s = json_is_number(grace) ? json_number_value(grace) : -1,
        .now = json_is_true(json_object_get(order, "now")),
    };
    control_stop_order(run, &stop);
}

/* "durable": {path: offset}; with the lock held. */
static void take_durable(struct shiprun *run, json_t *durable)
{
    const char *name;
    json_t *offset;
    size_t count = json_object_size(durable);

    if (count == 0 || run->n_durable > 0)
        return; /* the last ones were not looked at yet: the next answer has them again */
    free(run->durable);
    run->durable = calloc(count, sizeof *run->durable);
    if (!run->durable)
        return;
    json_object_foreach(durable, name, offset)
    {
        char *text = json_is_integer(offset) ? strdup(name) : NULL;
        if (text)
            run->durable[run->n_durable++] =
                (struct ship_durable){text, (uint64_t)json_integer_value(offset)};
    }
}

static void take_answer(struct shiprun *run, const struct channel_reply *reply, size_t sent_to,
                        int64_t now_ns)
{
    json_t *root = parse(reply);
    json_int_t beat = json_integer_value(json_object_get(root, "heartbeat"));

    if (beat >= 1 && beat <= 3600)
        run->beat_s = (int)beat;
    run->beat_ns = now_ns + run->beat_s * NS_PER_S;
    run->tries = 0;
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; i < sent_to; i++)
        run->events[i].sent = true;
    run->n_unsent = 0;
    for (size_t i = sent_to; i < run->n_events; i++)
        run->n_unsent += !run->events[i].sent;
    take_durable(run, json_object_get(root, "durable"));
    if (run->files_over && run->n_unsent == 0)
        run->flushed = true;
    pthread_mutex_unlock(&run->lock);
    take_order(run, json_object_get(root, "stop"));
    json_decref(root);
    control_news(run->ship);
}

static void post_events(struct shiprun *run, struct channel *channel, int64_t now_ns)
{
    _cleanup_(buf_done) struct buf body = BUF_INIT(2 * LIMIT_BODY_BYTES);
    char target[LIMIT_RUN_ID_BYTES + 32], token[LIMIT_PROTOCOL_TOKEN_BYTES];
    struct channel_request request = {
        .method = "POST", .target = target, .headers = "Content-Type: application/json\r\n"};
    struct channel_reply reply = {0};

    pthread_mutex_lock(&run->lock);
    size_t to = collect(run, &body);
    snprintf(target, sizeof target, "/api/v1/runs/%s/events", run->id);
    snprintf(token, sizeof token, "%s", run->token);
    pthread_mutex_unlock(&run->lock);
    request.data = body.data;
    request.size = body.length;
    channel_set_token(channel, token);
    int r = buf_failed(&body) ? buf_failed(&body) : exchange(channel, &request, &reply);
    if (r < 0) {
        failed(run, channel_error(channel), now_ns, 0);
    } else if (answered_well(&reply)) {
        take_answer(run, &reply, to, now_ns);
    } else {
        if (reply.status == 401 || reply.status == 403 || reply.status == 404) {
            pthread_mutex_lock(&run->lock);
            run->registered = false;
            pthread_mutex_unlock(&run->lock);
        }
        refused(run, &reply, now_ns);
    }
    buf_done(&reply.body);
}

int64_t shiprun_control(struct shiprun *run, struct channel *channel, int64_t now_ns)
{
    pthread_mutex_lock(&run->lock);
    bool registered = run->registered, over = run->deleted || run->flushed;
    bool events = run->n_unsent > 0;
    pthread_mutex_unlock(&run->lock);
    if (over || !channel)
        return INT64_MAX;
    if (now_ns < run->try_ns)
        return run->try_ns;
    if (!registered) {
        put_run(run, channel, now_ns);
        return MAX(run->try_ns, now_ns);
    }
    if (events || now_ns >= run->beat_ns) {
        post_events(run, channel, now_ns);
        return MAX(run->try_ns, now_ns);
    }
    return run->beat_ns;
}
