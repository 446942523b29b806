#include "store/summary_json.h"

#include <math.h>

#include "base/json.h"
#include "store/store.h"

static void put_u64(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_put_u64(j, value);
}

static void put_text(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    json_put_text(j, value);
}

static void put_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_put_bool(j, value);
}

/* Seconds since 1970 under `key`, and for people as RFC 3339 under `time_key`. */
static void put_wall(struct json *j, const char *key, const char *time_key, double wall)
{
    json_key(j, key);
    json_put_finite(j, wall);
    json_key(j, time_key);
    json_put_time(j, wall);
}

static void put_identity(struct json *j, const struct run_summary *s)
{
    put_text(j, "id", s->id);
    put_text(j, "name", s->name);
    put_text(j, "experiment", s->experiment);
    put_text(j, "path", s->path);
    put_text(j, "status", NULL);
    put_text(j, "reason", NULL);
    put_text(j, "activity", activity_word(s->activity));
}

static void put_counts(struct json *j, const struct run_summary *s)
{
    put_u64(j, "attempts", s->attempts);
    put_u64(j, "restarts", s->restarts);
    put_u64(j, "points", s->points);
    put_u64(j, "hidden", s->hidden);
    put_u64(j, "references", s->references);
    put_u64(j, "series", s->series);
    put_u64(j, "files", s->files);
    put_u64(j, "bytes", s->bytes);
    put_u64(j, "damage", s->damage);
    put_u64(j, "commit", s->commit);
}

static void put_source(struct json *j, const struct run_source *source)
{
    put_bool(j, "loading", source->loading);
    put_u64(j, "bytes_total", source->bytes_total);
    put_u64(j, "bytes_read", source->bytes_read);
    put_text(j, "watch", source->watch);
    put_u64(j, "poll_ms", source->poll_ms);
    put_bool(j, "gone", source->gone);
    put_bool(j, "cut_at_source", source->cut_at_source);
    put_u64(j, "unreadable", source->unreadable);
    put_u64(j, "left_out", source->left_out);
    put_text(j, "message", source->message);
}

void run_summary_json(struct buf *out, const struct run_summary *summary, double now)
{
    struct json j = JSON_INIT(out);

    json_open(&j, '{');
    put_identity(&j, summary);
    put_counts(&j, summary);
    put_wall(&j, "first_wall", "first_time", summary->first_wall);
    put_wall(&j, "last_wall", "last_time", summary->last_wall);
    put_wall(&j, "commit_wall", "commit_time", summary->commit_wall_s);
    json_key(&j, "age_s");
    json_put_finite(&j, isfinite(summary->commit_wall_s) ? fmax(now - summary->commit_wall_s, 0)
                                                         : NAN);
    json_key(&j, "usual_interval_s");
    json_put_finite(&j, summary->usual_interval_s);
    put_source(&j, &summary->source);
    json_close(&j, '}');
}
