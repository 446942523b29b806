#include "live/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "live/hub.h"
#include "live/reply.h"

struct client *client_new(struct hub *hub, void *connection, int64_t now_ns)
{
    struct client *client = calloc(1, sizeof *client);

    if (!client)
        return NULL;
    client->hub = hub;
    client->connection = connection;
    client->in.max = LIMIT_MESSAGE_BYTES + 1;
    client->tokens = LIMIT_MESSAGES_PER_SECOND;
    client->tokens_ns = client->heard_ns = client->ping_ns = client->beat_ns = now_ns;
    client->progress_ns = now_ns;
    client->welcome_due = true;
    return client;
}

static void forget_filters(struct client *client)
{
    free(client->experiment);
    free(client->query);
    client->experiment = client->query = NULL;
}

struct client *client_free(struct client *client)
{
    if (!client)
        return NULL;
    client_unwatch_all(client);
    if (client->runs_on)
        client->hub->n_run_watchers--;
    forget_filters(client);
    buf_done(&client->in);
    free(client);
    return NULL;
}

void client_ask(struct client *client)
{
    if (client->asked)
        return;
    client->asked = true;
    client->asked_ns = hub_now(client->hub);
    client->hub->o.want(client->hub->o.ctx, client->connection);
}

void client_say_bye(struct client *client, enum bye why)
{
    if (client->bye)
        return;
    client->bye = why;
    client_ask(client);
}

/* ---- what comes in ---------------------------------------------------------------------- */

static void take_ack(struct client *client, uint64_t bytes)
{
    bool blocked = client->sent - client->acked > LIMIT_UNACKED_BYTES;

    if (bytes > client->sent || bytes <= client->acked)
        return;
    client->acked = bytes;
    client->progress_ns = hub_now(client->hub);
    if (blocked && client->due)
        client_ask(client);
}

static void follow_runs(struct client *client, const struct message *m)
{
    struct hub *hub = client->hub;

    if (m->on != client->runs_on)
        hub->n_run_watchers += m->on ? 1 : (size_t)-1;
    client->runs_on = m->on;
    forget_filters(client);
    if (!m->on)
        return;
    client->experiment = m->experiment ? strdup(m->experiment) : NULL;
    client->query = m->query ? strdup(m->query) : NULL;
    if (hub->n_run_watchers == 1)
        runlist_look(&hub->runlist, hub->o.store);
    client->runs_seen = hub->runlist.version;
    if (m->has_epoch)
        runlist_since(&hub->runlist, hub->o.store, m->epoch == hub->epoch ? m->since : 0);
}

static void obey(struct client *client, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_WATCH:
        client_watch(client, m);
        break;
    case MESSAGE_UNWATCH:
        client_unwatch(client, m);
        break;
    case MESSAGE_ACK:
        take_ack(client, m->bytes);
        break;
    case MESSAGE_RUNS:
        follow_runs(client, m);
        break;
    case MESSAGE_PAUSE:
        client->paused = true;
        break;
    case MESSAGE_RESUME:
        client->paused = false;
        client->progress_ns = hub_now(client->hub);
        hub_mark(client->hub, client);
        break;
    case MESSAGE_UNKNOWN:
        break;
    }
}

/* Counts a message; with none left the socket is read no further until some are. */
static void pay(struct client *client, size_t size)
{
    client->tokens -= 1.0 + (double)size / LIMIT_MESSAGE_COST_BYTES;
    if (client->tokens >= 0 || client->throttled)
        return;
    client->throttled = true;
    client->hub->o.flow(client->hub->o.ctx, client->connection, false);
}

static void whole_message(struct client *client)
{
    struct message_error error = {.code = "bad-message"};
    struct message message;

    pay(client, client->in.length);
    int r = message_parse(client->in.data ? client->in.data : "", client->in.length, &message,
                          &error);
    if (r == 0)
        obey(client, &message);
    else if (r == -ENOMEM)
        client_fail(client, message.has_id, message.id, "no-memory", "out of memory");
    else
        client_fail(client, message.has_id, message.id, error.code, error.text);
    if (r == 0)
        message_done(&message);
    if (client->in.capacity > 65536)
        buf_done(&client->in);
    buf_clear(&client->in);
}

void client_receive(struct client *client, const char *data, size_t size, bool final,
                    bool binary)
{
    client->heard_ns = hub_now(client->hub);
    if (client->bye)
        return;
    if (binary) {
        client_say_bye(client, BYE_PROTOCOL);
        return;
    }
    int r = client->in.length + size > LIMIT_MESSAGE_BYTES ? -EMSGSIZE
                                                           : buf_add(&client->in, data, size);
    if (r < 0)
        client_say_bye(client, BYE_PROTOCOL);
    else if (final)
        whole_message(client);
}

void client_heard(struct client *client)
{
    client->heard_ns = hub_now(client->hub);
}

/* ---- what goes out ---------------------------------------------------------------------- */

static bool owed(const struct client *client)
{
    if (client->closed_said)
        return false;
    return client->bye || client->ping_due || client->welcome_due || client->n_errors > 0 ||
           client->beat_due || client->subs_due || client->runs_due;
}

/* New series and damage, one message a call. */
static void say_subs(struct client *client, struct buf *out)
{
    for (uint32_t i = 0; i < client->n_subs; i++)
        if (client->subs[i] && reply_sub(out, client->subs[i]))
            return;
    client->subs_due = false;
}

static void say_runs(struct client *client, struct buf *out)
{
    client->runs_due = reply_runs(out, client);
    client->runs_ns = hub_now(client->hub) + LIMIT_LIVE_RUNS_MS * NS_PER_MS;
}

/* The next text message that is owed; false: none. */
static bool say_text(struct client *client, struct buf *out)
{
    if (client->bye) {
        reply_bye(out, client->bye);
        client->bye_said = true;
    } else if (client->welcome_due) {
        reply_welcome(out, client->hub);
        client->welcome_due = false;
    } else if (client->n_errors > 0) {
        reply_error(out, &client->errors[0]);
        client->n_errors--;
        memmove(client->errors, client->errors + 1,
                client->n_errors * sizeof client->errors[0]);
    } else if (client->beat_due) {
        reply_beat(out, client);
        client->beat_due = false;
    } else if (client->subs_due)
        say_subs(client, out);
    else if (client->runs_due)
        say_runs(client, out);
    else
        return false;
    return true;
}

/* The same, passing over flags behind which there was nothing to say. */
static bool say_texts(struct client *client, struct buf *out)
{
    while (say_text(client, out))
        if (out->length > HUB_HEADROOM || buf_failed(out))
            return true;
    return false;
}

static int close_code(enum bye why)
{
    return why == BYE_SLOW ? 1008 : why == BYE_PROTOCOL ? 1002 : 1001;
}

static void say_points(struct client *client, struct buf *out)
{
    if (!client_may_send_points(client))
        return;
    client->due = client_points(client, out);
    client->sent += out->length - HUB_HEADROOM;
    if (client->sent - client->acked <= LIMIT_UNACKED_BYTES)
        client->progress_ns = hub_now(client->hub);
}

void client_writable(struct client *client, struct output *ret)
{
    struct buf *out = &client->hub->out;

    client->asked = false;
    *ret = (struct output){.kind = OUTPUT_NONE};
    buf_clear(out);
    if (buf_reserve(out, HUB_HEADROOM) < 0)
        return;
    out->length = HUB_HEADROOM;
    if (client->bye_said) {
        if (!client->closed_said)
            *ret = (struct output){.kind = OUTPUT_CLOSE, .close_code = close_code(client->bye)};
        client->closed_said = true;
        return;
    }
    if (client->ping_due && !client->bye) {
        client->ping_due = false;
        ret->kind = OUTPUT_PING;
    } else if (say_texts(client, out))
        ret->kind = OUTPUT_TEXT;
    else {
        say_points(client, out);
        ret->kind = OUTPUT_BINARY;
    }
    /* A text that did not fit is left out: the flags are down, the next one will be said. */
    bool empty = buf_failed(out) || out->length == HUB_HEADROOM;
    if (empty && ret->kind != OUTPUT_PING)
        ret->kind = OUTPUT_NONE;
    ret->data = out->data + HUB_HEADROOM;
    ret->size = empty ? 0 : out->length - HUB_HEADROOM;
    ret->more = owed(client) || client_may_send_points(client);
    if (ret->more) {
        client->asked = true;
        client->asked_ns = hub_now(client->hub);
    }
}

/* ---- time ------------------------------------------------------------------------------- */

static void refill(struct client *client, int64_t now_ns)
{
    client->tokens += (double)(now_ns - client->tokens_ns) / 1e9 * LIMIT_MESSAGES_PER_SECOND;
    client->tokens = MIN(client->tokens, (double)LIMIT_MESSAGES_PER_SECOND);
    client->tokens_ns = now_ns;
    if (!client->throttled || client->tokens < 1)
        return;
    client->throttled = false;
    client->hub->o.flow(client->hub->o.ctx, client->connection, true);
}

/* Points wait, and neither socket nor acknowledgements have moved for too long. */
static bool stalled(const struct client *client, int64_t now_ns)
{
    int64_t limit = LIMIT_STALLED_SECONDS * NS_PER_S;

    if (client->asked && now_ns - client->asked_ns > limit)
        return true;
    return client->due && !client->paused && !client_may_send_points(client) &&
           now_ns - client->progress_ns > limit;
}

bool client_pass_time(struct client *client, int64_t now_ns)
{
    struct hub *hub = client->hub;

    refill(client, now_ns);
    if (stalled(client, now_ns)) {
        int64_t grace = LIMIT_STALLED_SECONDS * NS_PER_S + LIMIT_LIVE_BYE_MS * NS_PER_MS;

        client_say_bye(client, BYE_SLOW);
        /* It is told if its socket takes something again very soon. */
        if (client->asked && now_ns - client->asked_ns > grace)
            return false;
    }
    /* Pings cannot leave while the socket is full: that is the stall's business. */
    if (!client->asked && now_ns - client->heard_ns > LIMIT_SILENT_SECONDS * NS_PER_S)
        return false;
    if (now_ns - client->ping_ns >= LIMIT_PING_SECONDS * NS_PER_S) {
        client->ping_ns = now_ns;
        client->ping_due = true;
    }
    if (now_ns - client->beat_ns >= LIMIT_BEAT_SECONDS * NS_PER_S) {
        client->beat_ns = now_ns;
        client->beat_due = true;
    }
    if (client->runs_on && client->runs_seen != hub->runlist.version &&
        now_ns >= client->runs_ns)
        client->runs_due = true;
    if (owed(client))
        client_ask(client);
    return true;
}
