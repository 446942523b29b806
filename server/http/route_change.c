/* route_change.c: PUT, PATCH and DELETE of /runs/{id}, POST /runs/{id}/restore.
 *
 * A run is made by whoever runs it, under an id of its own choice, so PUT may be repeated: the same
 * content answers the same, other content is a conflict. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "http/history.h"
#include "http/jsonbody.h"
#include "http/router.h"
#include "http/write.h"

enum { JOIN_SECONDS = 600, JOIN_TRIES = 1000 };

/* ---- PUT --------------------------------------------------------------------------------- */

struct creation {
    const char *name, *experiment, *notes;
    char *tags, *line; /* the tags and the whole content, as one line of JSON */
    bool join, imported;
    json_t *body;
};

static void creation_done(struct creation *c)
{
    free(c->tags);
    free(c->line);
    json_decref(c->body);
}

static bool tags_are_texts(struct request *request, const json_t *tags)
{
    const char *key;
    json_t *value;

    if (json_is_object(tags)) {
        json_object_foreach((json_t *)(uintptr_t)tags, key, value)
            if (!json_is_string(value))
                goto wrong;
        return true;
    }
wrong:
    response_problem(request, 400, "bad-parameter", "tags is an object of texts.");
    return false;
}

static bool read_tags(struct request *request, const json_t *body, char **ret)
{
    const json_t *tags = json_object_get(body, "tags");

    if (!tags || json_is_null(tags))
        return true;
    if (!tags_are_texts(request, tags))
        return false;
    *ret = jsonbody_line(request, tags, LIMIT_NOTES_BYTES);
    return *ret;
}

static bool read_creation(struct request *request, struct creation *c)
{
    static const char *const known[] = {"name", "experiment", "tags", "notes", "join", "job",
                                        "imported", NULL};
    const json_t *join, *job, *imported;

    c->body = jsonbody_read(request, false);
    if (!c->body || !jsonbody_knows(request, c->body, known) ||
        !jsonbody_text(request, c->body, "name", LIMIT_NAME_BYTES, &c->name) ||
        !jsonbody_text(request, c->body, "experiment", LIMIT_NAME_BYTES, &c->experiment) ||
        !jsonbody_text(request, c->body, "notes", LIMIT_NOTES_BYTES, &c->notes) ||
        !read_tags(request, c->body, &c->tags))
        return false;
    join = json_object_get(c->body, "join");
    job = json_object_get(c->body, "job");
    imported = json_object_get(c->body, "imported");
    if ((join && !json_is_boolean(join)) || (job && !json_is_object(job)) ||
        (imported && !json_is_boolean(imported))) {
        response_problem(request, 400, "bad-parameter",
                         "join and imported are true or false, job an object.");
        return false;
    }
    c->imported = json_is_true(imported);
    c->join = json_is_true(join);
    json_object_del(c->body, "join");
    c->line = jsonbody_line(request, c->body, LIMIT_RUN_TEXT_BYTES);
    return c->line;
}

static void answer_creation(struct request *request, const char *id, bool created)
{
    struct json j = JSON_INIT(&request->reply.body);
    char token[AUTH_RUN_TOKEN_BYTES] = "";
    struct life life = {0};
    int r = auth_run_token(request->shared->options.auth, id, token);

    if (r == 0 && !lives_take(request->shared->lives, id, &life))
        r = -ENOMEM;
    if (r < 0) {
        response_error(request, r);
        return;
    }
    lives_give_back(request->shared->lives);
    json_open(&j, '{');
    write_text(&j, "id", id);
    write_bool(&j, "created", created);
    write_text(&j, "token", token);
    write_u64(&j, "heartbeat", LIFECYCLE_HEARTBEAT_S);
    write_u64(&j, "attempt", life.cycle.attempt);
    write_text(&j, "status", lifecycle_word(life.cycle.status));
    json_close(&j, '}');
    response_body(request, created ? 201 : 200, "application/json");
    explicit_bzero(token, sizeof token);
}

/* Was the run made with exactly this content? */
static bool same_content(struct archive_run *run, const char *line)
{
    _cleanup_free_ struct archive_event *events = NULL;
    size_t count;

    if (archive_events(run, &events, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(events[i].kind, "created") == 0)
            return strcmp(events[i].data, line) == 0;
    return false;
}

static bool may_join(struct request *request, const struct life *life)
{
    const struct lifecycle *cycle = &life->cycle;

    return life->job && !life->deleted && !lifecycle_is_over(cycle->status) &&
           (cycle->attempt == 0 || cycle->alive ||
            request_now(request) - cycle->started_s < JOIN_SECONDS);
}

/* The id to be used under this key: the first that is free or can be joined. */
static bool choose_id(struct request *request, const struct creation *c,
                      char id[LIMIT_RUN_ID_BYTES + 1], struct life *ret_life, bool *ret_there)
{
    struct lives *lives = request->shared->lives;

    snprintf(id, LIMIT_RUN_ID_BYTES + 1, "%s", request->id);
    for (int i = 2; i < JOIN_TRIES; i++) {
        *ret_there = lives_take(lives, id, ret_life);
        if (*ret_there)
            lives_give_back(lives);
        if (!*ret_there || !c->join || may_join(request, ret_life))
            return true;
        if (snprintf(id, LIMIT_RUN_ID_BYTES + 1, "%.*s-%d", LIMIT_RUN_ID_BYTES - 5, request->id,
                     i) < 0)
            break;
    }
    response_problem(request, 409, "different", "There are too many runs under this key.");
    return false;
}

static int make_run(struct request *request, const struct creation *c, const char *id,
                    struct archive_run **ret)
{
    const struct archive_run_info info = {
        .id = id,
        .name = c->name && *c->name ? c->name : id,
        .experiment = c->experiment && *c->experiment ? c->experiment : "default",
        .source = "",
        .kind = c->imported ? ARCHIVE_RUN_IMPORTED : ARCHIVE_RUN_JOB,
    };
    const struct archive_event event = {.id = "created", .kind = "created", .source = "server",
                                        .attempt = 1, .rank = -1,
                                        .time_s = request_now(request), .data = c->line};
    const struct archive_notes notes = {.notes = c->notes, .tags = c->tags, .pinned = -1};
    int r = archive_run(request->shared->options.archive, &info, ret);

    /* Nobody reports for what was imported: it has no status. */
    if (r == 0 && !c->imported)
        r = archive_add_event(*ret, &event, NULL, NULL);
    if (r == 0 && (c->notes || c->tags))
        r = archive_set_notes(*ret, &notes, NULL, NULL);
    if (r == 0)
        r = lives_add(request->shared->lives, *ret);
    if (r == 0)
        lives_noted(request->shared->lives, id, &notes);
    return r;
}

/* Two runs of one id, or a run that is no job. */
static void refuse_different(struct request *request, const char *id)
{
    response_problem(request, 409, "different",
                     "The run %.64s is there already, and was made with other content.", id);
}

static void put_run(struct request *request)
{
    _cleanup_(creation_done) struct creation c = {0};
    char id[LIMIT_RUN_ID_BYTES + 1];
    struct archive_run *run;
    struct life life;
    bool there;
    int r;

    if (!history_is_kept(request) || !read_creation(request, &c) ||
        !choose_id(request, &c, id, &life, &there))
        return;
    if (there && life.deleted) {
        history_problem(request, -ESTALE);
    } else if (there && c.imported && !life.job) {
        answer_creation(request, id, false);
    } else if (there && !c.join && !same_content(life.archived, c.line)) {
        refuse_different(request, id);
    } else if (there) {
        /* What an earlier PUT gave is durable before this one says that it is there. */
        if (history_sync(request, life.archived))
            answer_creation(request, id, request->created);
    } else if (history_takes(request)) {
        r = make_run(request, &c, id, &run);
        if (r == -EEXIST)
            refuse_different(request, id);
        else if (r < 0)
            history_problem(request, r);
        if (r < 0)
            return;
        request->created = true;
        if (history_sync(request, run))
            answer_creation(request, id, true);
    }
}

/* ---- PATCH ------------------------------------------------------------------------------- */

static bool read_notes(struct request *request, const json_t *body, struct archive_notes *notes,
                       char **tags)
{
    static const char *const known[] = {"name", "notes", "tags", "pinned", NULL};
    const json_t *pinned = json_object_get(body, "pinned");

    if (!jsonbody_knows(request, body, known) ||
        !jsonbody_text(request, body, "name", LIMIT_NAME_BYTES, &notes->name) ||
        !jsonbody_text(request, body, "notes", LIMIT_NOTES_BYTES, &notes->notes) ||
        !read_tags(request, body, tags))
        return false;
    if (pinned && !json_is_boolean(pinned)) {
        response_problem(request, 400, "bad-parameter", "pinned is true or false.");
        return false;
    }
    if (notes->name && !*notes->name) {
        response_problem(request, 400, "bad-parameter", "name is empty.");
        return false;
    }
    notes->tags = *tags;
    notes->pinned = pinned ? json_is_true(pinned) : -1;
    return true;
}

static bool note(struct request *request, struct archive_run *run)
{
    struct archive_notes notes = {.pinned = -1};
    _cleanup_free_ char *tags = NULL;
    json_t *body = jsonbody_read(request, false);
    int r;

    if (body && read_notes(request, body, &notes, &tags)) {
        r = archive_set_notes(run, &notes, NULL, NULL);
        if (r < 0)
            history_problem(request, r);
        else
            lives_noted(request->shared->lives, request->id, &notes);
    }
    json_decref(body);
    return !request->reply.status;
}

static void patch_run(struct request *request)
{
    struct archive_run *run = history_run(request);

    if (!run || (!request->state && !note(request, run)) || !history_sync(request, run))
        return;
    route_run(request);
}

/* ---- DELETE, restore --------------------------------------------------------------------- */

static void delete_run(struct request *request)
{
    struct archive_run *run;
    uint64_t force;
    struct ticket *ticket = request->state;
    int r;

    if (ticket) { /* called again */
        if (history_answered(request, ticket))
            response_empty(request, 204);
        return;
    }
    run = history_run(request);
    if (!run || !request_number(request, "force", 0, 1, 0, &force))
        return;
    ticket = ticket_new(request->shared->bell);
    r = !ticket ? -ENOMEM
        : !force && lives_is_busy(request->shared->lives, request->id) ? -EBUSY
        : archive_delete(run, force, ticket_done, ticket);
    if (r < 0) {
        if (ticket)
            ticket_void(ticket);
        if (r == -EBUSY)
            response_problem(request, 409, "busy",
                             "The run was heard of in the last %d minutes: force=1 deletes it.",
                             LIMIT_BUSY_SECONDS / 60);
        else
            history_problem(request, r);
        return;
    }
    lives_deleted(request->shared->lives, request->id, true);
    bell_ring(request->shared->bell);
    if (history_answered(request, ticket))
        response_empty(request, 204);
}

void route_restore(struct request *request)
{
    struct ticket *ticket = request->state;
    struct life life;
    int r;

    if (!ticket) {
        if (!history_is_kept(request))
            return;
        if (!lives_take(request->shared->lives, request->id, &life)) {
            response_problem(request, 404, "no-such-run", "The history has no such run.");
            return;
        }
        lives_give_back(request->shared->lives);
        ticket = ticket_new(request->shared->bell);
        r = ticket ? archive_undelete(life.archived, ticket_done, ticket) : -ENOMEM;
        if (r < 0) {
            if (ticket)
                ticket_void(ticket);
            if (r == -ENOENT)
                response_problem(request, 410, "purged", "The run is gone for good.");
            else
                history_problem(request, r);
            return;
        }
        lives_deleted(request->shared->lives, request->id, false);
    }
    if (history_answered(request, ticket))
        route_run(request);
}

void route_run_change(struct request *request)
{
    if (request->method == METHOD_PUT)
        put_run(request);
    else if (request->method == METHOD_PATCH)
        patch_run(request);
    else if (request->method == METHOD_DELETE)
        delete_run(request);
    else
        route_run(request);
}
