/* route_run.c: GET /runs/{id} and what belongs to one run: attempts, files, damage. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "http/lives.h"
#include "http/router.h"
#include "http/write.h"
#include "store/summary_json.h"

static void write_time(struct json *j, const char *key, double wall)
{
    json_key(j, key);
    json_put_time(j, wall);
}

static void write_attempt(struct json *j, const struct attempt_summary *a)
{
    json_open(j, '{');
    write_u64(j, "attempt", a->attempt);
    write_u64(j, "files", a->files);
    write_finite(j, "first_wall", a->first_wall);
    write_time(j, "first_time", a->first_wall);
    write_finite(j, "last_wall", a->last_wall);
    write_time(j, "last_time", a->last_wall);
    write_i64(j, "first_step", a->first_step);
    write_i64(j, "last_step", a->last_step);
    write_u64(j, "points", a->points);
    write_u64(j, "hidden", a->hidden);
    json_close(j, '}');
}

static int write_attempts(struct json *j, const char *key, struct run *run)
{
    _cleanup_free_ struct attempt_summary *attempts = NULL;
    size_t count;
    int r = run_attempts(run, &attempts, &count);

    if (r < 0)
        return r;
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        write_attempt(j, &attempts[i]);
    json_close(j, ']');
    return 0;
}

/* Begins an answer about one run. */
static void open_answer(struct request *request, struct json *j, struct run *run)
{
    json_open(j, '{');
    write_text(j, "epoch", request->shared->epoch);
    write_text(j, "run", request->id);
    write_u64(j, "commit", run_commit_number(run));
}

static void end_answer(struct request *request, struct json *j, int error)
{
    json_close(j, '}');
    if (error < 0)
        response_error(request, error);
    else
        response_json(request);
}

/* What people wrote to it. */
static void write_notes(struct request *request, struct json *j)
{
    struct lives *lives = request->shared->lives;
    struct life life = {.notes = "", .tags = ""};
    bool taken = lives && lives_take(lives, request->id, &life);

    write_text(j, "notes", life.notes);
    json_key(j, "tags");
    json_put_raw(j, *life.tags ? life.tags : "{}", *life.tags ? strlen(life.tags) : 2);
    if (taken)
        lives_give_back(lives);
}

/* The object of lists, and more. */
static void write_run(struct request *request, const struct run_summary *summary)
{
    struct buf *out = &request->reply.body;
    struct json j = {.out = out, .comma = true};
    int r;

    run_summary_json(out, summary, request_now(request));
    if (!buf_failed(out))
        out->length--; /* its closing brace */
    r = write_attempts(&j, "attempts_list", summary->run);
    write_notes(request, &j);
    write_text(&j, "config", NULL);
    write_text(&j, "hparams", NULL);
    write_text(&j, "epoch", request->shared->epoch);
    write_double(&j, "now", request_now(request));
    end_answer(request, &j, r);
}

void route_run(struct request *request)
{
    struct run *run = request_run(request);
    struct run_summary summary;
    uint64_t wait;
    char suffix[32];

    if (!run || !request_number(request, "wait", 0, LIMIT_WAIT_SECONDS, 0, &wait))
        return;
    run_summarize(run, &summary);
    snprintf(suffix, sizeof suffix, "-%s", activity_word(summary.activity));
    if (!response_run_etag(request, run, suffix)) {
        write_run(request, &summary);
        return;
    }
    if (wait > 0 && !request->time_over)
        request_wait_commit(request, run, summary.commit, (double)wait);
}

void route_attempts(struct request *request)
{
    struct json j = JSON_INIT(&request->reply.body);
    struct run *run = request_run(request);

    if (!run || response_run_etag(request, run, ""))
        return;
    open_answer(request, &j, run);
    end_answer(request, &j, write_attempts(&j, "attempts", run));
}

/* ---- files ------------------------------------------------------------------------------- */

static void write_file(struct json *j, const struct file_summary *f)
{
    json_open(j, '{');
    tagname_write(j, "path", (struct text){f->path, strlen(f->path)});
    write_u64(j, "generation", f->generation);
    write_u64(j, "attempt", f->attempt);
    write_finite(j, "first_wall", f->first_wall);
    write_time(j, "first_time", f->first_wall);
    write_finite(j, "last_wall", f->last_wall);
    write_time(j, "last_time", f->last_wall);
    write_u64(j, "points", f->points);
    write_u64(j, "references", f->references);
    write_u64(j, "damage", f->damage);
    json_key(j, "hides_from");
    if (f->hides)
        json_put_i64(j, f->hides_from);
    else
        json_put_null(j);
    json_close(j, '}');
}

/* The files that the history keeps, under the names by which they are downloaded. */
static void write_kept(struct json *j, struct archive_file *file)
{
    struct archive_file_facts facts = archive_file_facts(file);
    char hex[SHA256_HEX_BYTES] = "";

    for (size_t i = 0; i < SHA256_BYTES && facts.has_sha256; i++)
        snprintf(hex + 2 * i, 3, "%02x", facts.sha256[i]);
    json_open(j, '{');
    write_text(j, "path", facts.path);
    write_u64(j, "generation", facts.generation);
    write_bool(j, "newest", facts.newest);
    write_bool(j, "event_file", facts.event_file);
    write_u64(j, "size", facts.durable);
    write_u64(j, "received", facts.received);
    write_bool(j, "complete", facts.complete);
    write_text(j, "sha256", *hex ? hex : NULL);
    write_text(j, "source", facts.source);
    write_time(j, "changed_time", facts.changed_s);
    json_close(j, '}');
}

static int write_all_kept(struct request *request, struct json *j)
{
    _cleanup_free_ struct archive_file **files = NULL;
    struct archive *archive = request->shared->options.archive;
    struct archive_run *run = archive ? archive_find_run(archive, request->id) : NULL;
    size_t count = 0;
    int r = run ? archive_files(run, &files, &count) : 0;

    if (r < 0)
        return r;
    json_key(j, "kept");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        write_kept(j, files[i]);
    json_close(j, ']');
    return 0;
}

void route_files(struct request *request)
{
    struct json j = JSON_INIT(&request->reply.body);
    struct run *run = request_run(request);
    struct file_summary *files;
    size_t count;
    int r;

    /* Files that are kept grow without commits. */
    if (!run || (!request->shared->lives && response_run_etag(request, run, "")))
        return;
    r = run_files(run, &files, &count);
    if (r < 0) {
        response_error(request, r);
        return;
    }
    open_answer(request, &j, run);
    json_key(&j, "files");
    json_open(&j, '[');
    for (size_t i = 0; i < count; i++)
        write_file(&j, &files[i]);
    json_close(&j, ']');
    file_summaries_free(files, count);
    end_answer(request, &j, write_all_kept(request, &j));
}

/* ---- damage ------------------------------------------------------------------------------ */

void route_damage(struct request *request)
{
    struct json j = JSON_INIT(&request->reply.body);
    struct run *run = request_run(request);
    struct run_summary summary;
    struct damage_entry *entries;
    size_t count;
    int r;

    if (!run || response_run_etag(request, run, ""))
        return;
    r = run_damage(run, &entries, &count);
    if (r < 0) {
        response_error(request, r);
        return;
    }
    run_summarize(run, &summary);
    open_answer(request, &j, run);
    write_u64(&j, "count", summary.damage);
    json_key(&j, "damage");
    json_open(&j, '[');
    for (size_t i = 0; i < count; i++)
        damage_entry_json(&j, &entries[i]);
    json_close(&j, ']');
    damage_entries_free(entries, count);
    end_answer(request, &j, 0);
}
