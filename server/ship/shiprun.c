#include "ship/shiprun.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <search.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/json.h"
#include "ship/control.h"
#include "ship/ledger.h"
#include "ship/shipfile.h"

int64_t shiprun_backoff_ns(unsigned tries)
{
    uint64_t ms = 250u << MIN(tries, 12u);
    uint32_t chance = 0;

    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != (ssize_t)sizeof chance)
        chance = (uint32_t)clock_ns(NULL);
    ms = MIN(ms, (uint64_t)LIMIT_BACKOFF_MS);
    return (int64_t)(ms / 2 + ms * (chance % 1024) / 2048) * NS_PER_MS;
}

/* ---- events ------------------------------------------------------------------------------- */

/* With the lock held. Takes the text over. */
static int append_event(struct shiprun *run, char *json, bool sent)
{
    struct event_row *rows;

    if (!json || run->n_events >= LIMIT_EVENTS_PER_RUN) {
        free(json);
        return json ? -EDQUOT : -ENOMEM;
    }
    rows = realloc(run->events, (run->n_events + 1) * sizeof *rows);
    if (!rows) {
        free(json);
        return -ENOMEM;
    }
    run->events = rows;
    run->events[run->n_events++] = (struct event_row){json, sent};
    run->n_unsent += !sent;
    return 0;
}

/* 64 random bits behind the milliseconds: ids sort by time. */
static void event_id(char ret[40])
{
    uint64_t chance = 0;

    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != (ssize_t)sizeof chance)
        chance = (uint64_t)clock_ns(NULL) * 0x9e3779b97f4a7c15u;
    snprintf(ret, 40, "%012" PRIx64 "%016" PRIx64, (uint64_t)(clock_wall_s(NULL) * 1e3), chance);
}

void shiprun_event(struct shiprun *run, const char *kind, const char *data)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(128 << 10);
    struct json json = JSON_INIT(&text);
    char id[40];

    event_id(id);
    pthread_mutex_lock(&run->lock);
    int attempt = run->given.attempt;
    pthread_mutex_unlock(&run->lock);
    json_open(&json, '{');
    json_key(&json, "id");
    json_put_text(&json, id);
    json_key(&json, "kind");
    json_put_text(&json, kind);
    json_key(&json, "source");
    json_put_text(&json, "agent");
    json_key(&json, "attempt");
    json_put_i64(&json, attempt);
    json_key(&json, "rank");
    json_put_i64(&json, run->given.rank);
    json_key(&json, "time");
    json_put_double(&json, clock_wall_s(NULL));
    json_key(&json, "data");
    json_put_raw(&json, data, strlen(data));
    json_close(&json, '}');
    const char *line = buf_text(&text);
    if (!line)
        return;
    pthread_mutex_lock(&run->lock);
    if (run->has_spool)
        (void)spool_append(&run->spool, "events.jsonl", line); /* a full disk: it is sent anyway */
    (void)append_event(run, strdup(line), false);
    pthread_mutex_unlock(&run->lock);
    control_wake(run->ship);
}

/* What an earlier process left; all are sent once more, known ids change nothing. */
static void load_events(struct shiprun *run)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(64u << 20);

    if (spool_read(&run->spool, "events.jsonl", &text) < 0)
        return;
    for (char *line = text.data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        json_error_t where;
        *end = '\0';
        json_t *event = json_loads(line, 0, &where);
        if (event)
            (void)append_event(run, strdup(line), false);
        json_decref(event);
    }
}

void shiprun_leave_out(struct shiprun *run, const char *name, const char *why)
{
    struct buf one = BUF_INIT(3 * LIMIT_PATH_BYTES);
    struct json json = JSON_INIT(&one);

    json_open(&json, '{');
    json_key(&json, "path");
    json_put_text(&json, name);
    json_key(&json, "why");
    json_put_text(&json, why);
    json_close(&json, '}');
    pthread_mutex_lock(&run->lock);
    if (!buf_failed(&one) && run->left_out.length < 32768)
        buf_printf(&run->left_out, "%s%.*s", run->left_out.length ? "," : "", (int)one.length,
                   one.data);
    pthread_mutex_unlock(&run->lock);
    buf_done(&one);
}

void shiprun_files_over(struct shiprun *run)
{
    _cleanup_(buf_done) struct buf data = BUF_INIT(65536);

    pthread_mutex_lock(&run->lock);
    bool told = run->files_over;
    run->files_over = true;
    buf_printf(&data, "{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"left_out\":[",
               run->files_done, run->bytes_done);
    if (run->left_out.length > 0)
        buf_add(&data, run->left_out.data, run->left_out.length);
    buf_str(&data, "]}");
    pthread_mutex_unlock(&run->lock);
    const char *text = buf_text(&data);
    if (!told)
        shiprun_event(run, "flushed", text ? text : "{}");
}

/* ---- run.json ----------------------------------------------------------------------------- */

static void save_roots(struct json *json, const struct ship_run *given)
{
    json_key(json, "roots");
    json_open(json, '[');
    for (size_t i = 0; i < given->n_roots; i++) {
        json_open(json, '{');
        json_key(json, "path");
        json_put_text(json, given->roots[i].path);
        json_key(json, "name");
        json_put_text(json, given->roots[i].name);
        json_key(json, "outputs");
        json_put_bool(json, given->roots[i].outputs);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_key(json, "console");
    json_put_text(json, given->console);
    json_key(json, "keep");
    json_put_bool(json, given->keep);
}

int shiprun_save(struct shiprun *run)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(1u << 20);
    struct json json = JSON_INIT(&text);
    const struct ship_run *given = &run->given;

    if (!run->has_spool)
        return -ENOENT;
    json_open(&json, '{');
    json_key(&json, "version");
    json_put_i64(&json, 1);
    json_key(&json, "id");
    json_put_text(&json, run->id);
    json_key(&json, "attempt");
    json_put_i64(&json, given->attempt);
    json_key(&json, "rank");
    json_put_i64(&json, given->rank);
    json_key(&json, "ranks");
    json_put_i64(&json, given->ranks);
    json_key(&json, "node");
    json_put_i64(&json, given->node);
    json_key(&json, "join");
    json_put_bool(&json, given->join);
    json_key(&json, "server");
    json_put_text(&json, control_server(run->ship));
    json_key(&json, "source");
    json_put_text(&json, given->source);
    json_key(&json, "document");
    json_put_raw(&json, given->document, strlen(given->document));
    save_roots(&json, given);
    json_close(&json, '}');
    if (buf_failed(&text))
        return buf_failed(&text);
    return spool_write(&run->spool, "run.json", text.data, text.length);
}

static void load_token(struct shiprun *run)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(sizeof run->token - 1);

    if (spool_read(&run->spool, "token", &text) == 0)
        snprintf(run->token, sizeof run->token, "%s", buf_text(&text));
}

/* ---- lifetime ----------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int copy_roots(struct shiprun *run, const struct ship_run *given)
{
    struct ship_root *roots = calloc(given->n_roots + 1, sizeof *roots);

    run->roots = calloc(given->n_roots + 2, sizeof *run->roots); /* and the spool's own */
    run->given.roots = roots;
    if (!roots || !run->roots)
        return -ENOMEM;
    for (size_t i = 0; i < given->n_roots; i++) {
        roots[i] = (struct ship_root){copy(given->roots[i].path), copy(given->roots[i].name),
                                      given->roots[i].outputs};
        run->given.n_roots = i + 1;
        if (!roots[i].path || !roots[i].name)
            return -ENOMEM;
        run->roots[i] = (struct shiproot){
            .run = run,
            .path = (char *)roots[i].path,
            .name = (char *)roots[i].name,
            .outputs = roots[i].outputs,
            .remote = ship_is_remote(roots[i].path),
        };
    }
    run->n_roots = given->n_roots;
    return 0;
}

/* What the spool holds belongs to the run as well. */
static int add_own_root(struct shiprun *run, const char *folder, const char *name, bool outputs)
{
    char *path = spool_path(&run->spool, folder), *own_name = strdup(name);

    run->roots[run->n_roots++] = (struct shiproot){
        .run = run, .path = path, .name = own_name, .outputs = outputs, .own = true};
    if (!path || !own_name)
        return -ENOMEM;
    (void)mkdir(path, 0700);
    return 0;
}

static int copy_given(struct shiprun *run, const struct ship_run *given)
{
    run->given = *given;
    run->given.n_roots = 0;
    run->given.roots = NULL;
    run->given.id = copy(given->id);
    run->given.base = copy(given->base);
    run->given.spool = copy(given->spool);
    run->given.document = copy(given->document);
    run->given.source = copy(given->source);
    run->given.console = copy(given->console);
    if (!run->given.id || !run->given.document || !run->given.source || !run->given.console)
        return -ENOMEM;
    return copy_roots(run, given);
}

static int open_spool(struct shiprun *run)
{
    const struct ship_run *given = &run->given;
    int r = given->spool ? spool_open_path(&run->spool, given->spool)
            : given->base
                ? spool_open(&run->spool, given->base, given->id, given->attempt, given->rank)
                : -ENOENT;

    run->has_spool = r == 0;
    if (r < 0)
        return r == -EBUSY ? r : 0; /* without one the run lives in memory only */
    load_events(run);
    load_token(run);
    r = add_own_root(run, "console", given->console, false);
    return r < 0 ? r : add_own_root(run, "kept", "", true);
}

int shiprun_new(struct ship *ship, const struct ship_run *given, struct shiprun **ret)
{
    struct shiprun *run = calloc(1, sizeof *run);

    if (!run)
        return -ENOMEM;
    pthread_mutex_init(&run->lock, NULL);
    run->ship = ship;
    run->spool.lock_fd = run->follow_fd = -1;
    run->beat_s = 10;
    run->left_out = (struct buf)BUF_INIT(65536);
    snprintf(run->id, sizeof run->id, "%s", given->id);
    int r = copy_given(run, given);
    if (r == 0)
        r = open_spool(run);
    if (r == 0 && run->has_spool && !given->spool)
        (void)shiprun_save(run); /* a full disk: it cannot be drained later, all else works */
    if (r < 0) {
        shiprun_free(run);
        return r;
    }
    *ret = run;
    return 0;
}

static void leave_in_list(void *node)
{
}

struct shiprun *shiprun_free(struct shiprun *run)
{
    if (!run)
        return NULL;
    tdestroy(run->by_path, leave_in_list);
    for (struct shipfile *file = run->files, *next; file; file = next) {
        next = file->next;
        shipfile_free(file);
    }
    for (size_t i = 0; i < run->n_events; i++)
        free(run->events[i].json);
    for (size_t i = 0; i < run->n_durable; i++)
        free(run->durable[i].name);
    for (size_t i = 0; i < run->n_ledger; i++)
        free((char *)run->ledger[i].name);
    free(run->ledger);
    for (size_t i = 0; i < run->given.n_roots; i++) {
        free((char *)run->given.roots[i].path);
        free((char *)run->given.roots[i].name);
    }
    for (size_t i = run->given.n_roots; i < run->n_roots; i++) {
        free(run->roots[i].path);
        free(run->roots[i].name);
    }
    free((struct ship_root *)run->given.roots);
    free(run->roots);
    free(run->events);
    free(run->durable);
    buf_done(&run->left_out);
    if (run->follow_fd >= 0)
        close(run->follow_fd);
    spool_close(&run->spool);
    free((char *)run->given.id);
    free((char *)run->given.base);
    free((char *)run->given.spool);
    free((char *)run->given.document);
    free((char *)run->given.source);
    free((char *)run->given.console);
    pthread_mutex_destroy(&run->lock);
    free(run);
    return NULL;
}
