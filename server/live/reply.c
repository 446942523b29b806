#include "live/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/json.h"

#define RETRY_MS 500 /* and as much again, by chance */

static void put_text(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    json_put_text(j, value);
}

static void put_bytes(struct json *j, const char *key, struct text value)
{
    json_key(j, key);
    json_put_bytes(j, value.data, value.size);
}

static void put_u64(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_put_u64(j, value);
}

static void put_finite(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_put_finite(j, value);
}

static void put_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_put_bool(j, value);
}

void reply_welcome(struct buf *out, const struct hub *hub)
{
    struct json j = JSON_INIT(out);

    json_open(&j, '{');
    put_text(&j, "t", "welcome");
    json_key(&j, "epoch");
    buf_printf(out, "\"%016llx\"", (unsigned long long)hub->epoch);
    j.comma = true;
    put_text(&j, "version", "1.0");
    put_text(&j, "server", TB_VERSION);
    put_finite(&j, "now", clock_wall_s(hub->o.clock));
    put_finite(&j, "interval_ms", (double)hub->interval_ns / 1e6);
    json_key(&j, "limits");
    json_open(&j, '{');
    put_u64(&j, "message_bytes", LIMIT_MESSAGE_BYTES);
    put_u64(&j, "messages_per_second", LIMIT_MESSAGES_PER_SECOND);
    put_u64(&j, "watches", LIMIT_WATCHES_PER_CLIENT);
    put_u64(&j, "unacked_bytes", LIMIT_UNACKED_BYTES);
    put_u64(&j, "backlog_points", LIMIT_LIVE_BACKLOG_POINTS);
    put_u64(&j, "buckets", LIMIT_LIVE_BUCKETS);
    json_close(&j, '}');
    json_close(&j, '}');
}

void reply_error(struct buf *out, const struct client_error *error)
{
    struct json j = JSON_INIT(out);

    json_open(&j, '{');
    put_text(&j, "t", "error");
    if (error->has_id)
        put_u64(&j, "id", error->id);
    put_text(&j, "code", error->error.code);
    put_text(&j, "message", error->error.text);
    json_close(&j, '}');
}

void reply_bye(struct buf *out, enum bye why)
{
    static const char *const words[] = {
        [BYE_NONE] = "", [BYE_SHUTDOWN] = "shutdown", [BYE_SLOW] = "too-slow",
        [BYE_PROTOCOL] = "protocol",
    };
    struct json j = JSON_INIT(out);
    uint16_t chance = 0;

    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) < 0)
        chance = 0;
    json_open(&j, '{');
    put_text(&j, "t", "bye");
    put_text(&j, "reason", words[why]);
    put_u64(&j, "retry_ms", RETRY_MS + (uint64_t)chance * RETRY_MS / 65536);
    json_close(&j, '}');
}

/* ---- beat ------------------------------------------------------------------------------- */

/* How the run is followed, for people: "inotify", "poll 5 s", "gone". */
static void put_tail(struct json *j, const struct run_source *source)
{
    char text[64];

    if (!source->gone && source->poll_ms > 0)
        snprintf(text, sizeof text, "%s %.3g s", source->watch ? source->watch : "poll",
                 source->poll_ms / 1e3);
    else
        snprintf(text, sizeof text, "%s",
                 source->gone ? "gone" : source->watch ? source->watch : "");
    put_text(j, "tail", text);
}

static void put_run_beat(struct json *j, const struct feed *feed)
{
    struct run_summary s;

    json_open(j, '{');
    put_text(j, "run", feed->id);
    if (!feed->run) {
        put_bool(j, "missing", true);
        json_close(j, '}');
        return;
    }
    run_summarize(feed->run, &s);
    put_text(j, "activity", activity_word(s.activity));
    put_u64(j, "commit", s.commit);
    put_finite(j, "commit_wall", s.commit_wall_s);
    put_finite(j, "byte_wall", s.source.newest_byte_wall_s);
    put_u64(j, "damage", s.damage);
    put_tail(j, &s.source);
    put_text(j, "watch", s.source.watch);
    put_u64(j, "poll_ms", s.source.poll_ms);
    put_bool(j, "gone", s.source.gone);
    put_bool(j, "loading", s.source.loading);
    put_u64(j, "bytes_total", s.source.bytes_total);
    put_u64(j, "bytes_read", s.source.bytes_read);
    json_close(j, '}');
}

void reply_beat(struct buf *out, struct client *client)
{
    struct json j = JSON_INIT(out);

    json_open(&j, '{');
    put_text(&j, "t", "beat");
    put_finite(&j, "now", clock_wall_s(client->hub->o.clock));
    put_finite(&j, "interval_ms", (double)client->hub->interval_ns / 1e6);
    json_key(&j, "runs");
    json_open(&j, '[');
    for (uint32_t i = 0; i < client->n_subs; i++) {
        if (!client->subs[i] || !client->subs[i]->count)
            continue;
        if (out->length > LIMIT_MESSAGE_BYTES)
            break;
        put_run_beat(&j, client->subs[i]->feed);
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

/* ---- new series, damage ----------------------------------------------------------------- */

/* Watch ids of newly listed series: place in the list -> id, for those that the client watches. */
static void fill_handles(const struct sub *sub, size_t from, size_t count, int64_t *handles)
{
    for (size_t i = 0; i < count; i++)
        handles[i] = -1;
    for (uint32_t i = 0; i < sub->count; i++) {
        size_t listed = sub->cursors[i].topic->listed;
        if (listed > from && listed <= from + count)
            handles[listed - 1 - from] = sub->cursors[i].handle;
    }
}

static void put_series(struct json *j, const char *run, struct series *series, int64_t handle)
{
    struct series_summary s;

    if (series_summarize(series, VIEW_ALL, &s) < 0)
        return;
    json_open(j, '{');
    put_text(j, "run", run);
    tagname_write(j, "dir", s.dir);
    tagname_write(j, "tag", s.tag);
    put_text(j, "kind", series_kind_word(s.meta.kind));
    put_bytes(j, "plugin", s.meta.plugin);
    put_bytes(j, "display_name", s.meta.display_name);
    put_bytes(j, "description", s.meta.description);
    if (handle >= 0)
        put_u64(j, "handle", (uint64_t)handle);
    json_close(j, '}');
}

static void reply_series(struct buf *out, struct sub *sub)
{
    struct feed *feed = sub->feed;
    size_t from = sub->listed_seen;
    size_t count = MIN(feed->n_listed - from, (size_t)LIMIT_LIVE_LISTED_BATCH);
    int64_t handles[LIMIT_LIVE_LISTED_BATCH];
    struct json j = JSON_INIT(out);

    json_open(&j, '{');
    put_text(&j, "t", "series");
    put_text(&j, "run", feed->id);
    json_key(&j, "series");
    json_open(&j, '[');
    fill_handles(sub, from, count, handles);
    for (size_t i = 0; i < count && out->length < LIMIT_MESSAGE_BYTES; i++) {
        put_series(&j, feed->id, feed->listed[from + i], handles[i]);
        sub->listed_seen++;
    }
    json_close(&j, ']');
    if (feed->list_overflow) {
        put_bool(&j, "more", true);
        sub->overflow_told = true;
    }
    json_close(&j, '}');
}

static int newest_first(const void *a, const void *b)
{
    const struct damage_entry *x = a, *y = b;

    return (x->damage.found_wall_s < y->damage.found_wall_s) -
           (x->damage.found_wall_s > y->damage.found_wall_s);
}

/* The whole count and the newest entries: a page that wants all asks GET …/damage. */
static void reply_damage(struct buf *out, struct sub *sub)
{
    struct damage_entry *entries;
    struct run_summary summary;
    size_t n;

    sub->damage_seen = sub->feed->damage_version;
    if (run_damage(sub->feed->run, &entries, &n) < 0)
        return;
    run_summarize(sub->feed->run, &summary);
    qsort(entries, n, sizeof *entries, newest_first);
    struct json j = JSON_INIT(out);
    json_open(&j, '{');
    put_text(&j, "t", "damage");
    put_text(&j, "run", sub->feed->id);
    put_u64(&j, "count", summary.damage);
    json_key(&j, "damage");
    json_open(&j, '[');
    for (size_t i = 0; i < MIN(n, (size_t)LIMIT_LIVE_DAMAGE_ENTRIES); i++)
        damage_entry_json(&j, &entries[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    damage_entries_free(entries, n);
}

bool reply_sub(struct buf *out, struct sub *sub)
{
    struct feed *feed = sub->feed;

    if (feed->run && (sub->listed_seen < feed->n_listed ||
                      (feed->list_overflow && !sub->overflow_told))) {
        reply_series(out, sub);
        return true;
    }
    if (feed->run && sub->damage_seen != feed->damage_version) {
        reply_damage(out, sub);
        return true;
    }
    return false;
}

/* ---- runs ------------------------------------------------------------------------------- */

static bool passes(const struct client *client, const struct run_change *change)
{
    if (client->experiment &&
        (!change->experiment || strcmp(client->experiment, change->experiment) != 0))
        return false;
    return !client->query || (change->name && strcasestr(change->name, client->query));
}

static int by_version(const void *a, const void *b)
{
    const struct run_change *x = *(struct run_change *const *)a;
    const struct run_change *y = *(struct run_change *const *)b;

    return (x->version > y->version) - (x->version < y->version);
}

/* The changes after the client's version, oldest first. NULL: none, or out of memory. */
static struct run_change **changes_after(struct client *client, size_t *ret_count)
{
    struct runlist *list = &client->hub->runlist;
    struct run_change **found = calloc(list->count + 1, sizeof(struct run_change *));
    size_t n = 0;

    for (size_t i = 0; found && i < list->count; i++)
        if (list->changes[i].version > client->runs_seen)
            found[n++] = &list->changes[i];
    if (found)
        qsort(found, n, sizeof *found, by_version);
    *ret_count = n;
    return found;
}

bool reply_runs(struct buf *out, struct client *client)
{
    double now = clock_wall_s(client->hub->o.clock);
    struct json j = JSON_INIT(out);
    size_t n, i, said = 0, start = out->length;
    bool told = false;
    _cleanup_free_ struct run_change **changes = changes_after(client, &n);

    json_open(&j, '{');
    put_text(&j, "t", "runs");
    put_finite(&j, "now", now);
    json_key(&j, "removed");
    json_open(&j, '[');
    for (i = 0; changes && i < n; i++)
        if (changes[i]->deleted && passes(client, changes[i])) {
            json_put_text(&j, changes[i]->id);
            told = true;
        }
    json_close(&j, ']');
    json_key(&j, "runs");
    json_open(&j, '[');
    for (i = 0; changes && i < n && said < LIMIT_LIVE_LISTED_BATCH; i++) {
        const struct buf *json;

        client->runs_seen = changes[i]->version;
        if (changes[i]->deleted || !passes(client, changes[i]) ||
            !(json = runlist_json(changes[i], now)))
            continue;
        json_put_raw(&j, json->data, json->length);
        said++;
    }
    json_close(&j, ']');
    json_close(&j, '}');
    if (!said && !told)
        out->length = start;
    return changes && i < n;
}
