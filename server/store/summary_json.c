#include "store/summary_json.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/words.h"
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
    put_text(j, "title", *s->life.title ? s->life.title : NULL);
    put_text(j, "status", s->life.status);
    put_text(j, "reason", s->life.reason && *s->life.reason ? s->life.reason : NULL);
    put_text(j, "status_message", s->life.message);
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

/* What the history knows; null where it has nothing. */
static void put_life(struct json *j, const struct run_life *life)
{
    put_bool(j, "archived", life->kept);
    put_bool(j, "pinned", life->pinned);
    put_bool(j, "deleted", life->deleted);
    put_bool(j, "cancel_requested", life->cancel_requested);
    put_bool(j, "not_responding", life->not_responding);
    json_key(j, "job");
    if (!life->status) {
        json_put_null(j);
        return;
    }
    json_open(j, '{');
    put_u64(j, "attempt", life->attempt);
    put_u64(j, "ranks", life->ranks);
    put_u64(j, "ranks_started", life->started);
    put_u64(j, "ranks_ended", life->ended);
    json_key(j, "exit_code");
    if (life->has_exit && !life->signal)
        json_put_i64(j, life->exit_code);
    else
        json_put_null(j);
    json_key(j, "signal");
    if (life->has_exit && life->signal)
        json_put_i64(j, life->signal);
    else
        json_put_null(j);
    put_bool(j, "files_complete", life->files_complete);
    json_key(j, "created_time");
    json_put_time(j, life->created_s);
    json_key(j, "started_time");
    json_put_time(j, life->started_s);
    json_key(j, "ended_time");
    json_put_time(j, life->ended_s);
    json_close(j, '}');
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
    put_life(&j, &summary->life);
    json_close(&j, '}');
}

void damage_entry_json(struct json *j, const struct damage_entry *entry)
{
    const struct damage *d = &entry->damage;

    json_open(j, '{');
    tagname_write(j, "file", (struct text){entry->path, strlen(entry->path)});
    put_u64(j, "generation", entry->generation);
    put_u64(j, "offset", d->offset);
    put_u64(j, "length", d->length);
    put_text(j, "reason", words_damage(d->reason));
    put_text(j, "message", words_damage_text(d->reason));
    put_bool(j, "limited", d->limited);
    put_u64(j, "records_after", entry->records_after);
    put_wall(j, "found_wall", "found_at", d->found_wall_s);
    json_close(j, '}');
}
