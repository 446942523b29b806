/* agent.c: what the commands of the compute node share: directories, documents, waiting. */
#include "agent_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

void agent_say(const char *format, ...)
{
    char text[1200], safe[2400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_escape(safe, sizeof safe, text, strlen(text));
    fprintf(stderr, "tailboard: %s\n", safe);
}

/* ---- directories -------------------------------------------------------------------------- */

static char *own(struct agent_roots *roots, char *text)
{
    if (text)
        roots->owned[roots->n_owned++] = text;
    return text;
}

static bool name_taken(const struct agent_roots *roots, const char *name)
{
    for (size_t i = 0; i < roots->count; i++)
        if (strcmp(roots->items[i].name, name) == 0)
            return true;
    return false;
}

/* "logs", "logs/b" for the directory b when there are several, "logs/b-2" if that is taken. */
static char *root_name(const struct agent_roots *roots, const char *path, const char *kind,
                       bool several, int node)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char prefix[32] = "", name[LIMIT_PATH_BYTES];

    if (node > 0)
        snprintf(prefix, sizeof prefix, "nodes/%d/", node);
    snprintf(name, sizeof name, "%s%s%s%.255s", prefix, kind, several ? "/" : "",
             several ? base : "");
    size_t length = strlen(name);
    for (int i = 2; name_taken(roots, name) && i < 1000; i++)
        snprintf(name + length, sizeof name - length, "-%d", i);
    return strdup(name);
}

static int add_root(struct agent_roots *roots, const char *given, const char *kind, bool several,
                    int node)
{
    if (mkdir(given, 0777) < 0 && errno != EEXIST) {
        agent_say("%s cannot be made (%s) and is not followed", given, strerror(errno));
        return 0;
    }
    char *path = realpath(given, NULL);
    if (!path && errno == ENOMEM)
        return -ENOMEM;
    if (!path) {
        agent_say("%s is not followed: %s", given, strerror(errno));
        return 0;
    }
    own(roots, path);
    for (size_t i = 0; i < roots->count; i++)
        if (strcmp(roots->items[i].path, path) == 0)
            return 0;
    int k = ship_is_remote(path) ? 0 : node; /* others see it too: it is everybody's */
    char *name = own(roots, root_name(roots, path, kind, several, k));
    if (!name)
        return -ENOMEM;
    roots->items[roots->count++] =
        (struct ship_root){path, name, .outputs = strcmp(kind, "outputs") == 0};
    return 0;
}

int agent_roots_init(struct agent_roots *roots, const struct agent_options *options, int node)
{
    static const char *const logs[] = {"logs"}, *const outputs[] = {"outputs"};
    const char *const *names = options->n_logs ? options->logs : logs;
    size_t count = options->n_logs ? options->n_logs : 1;
    int r = 0;

    *roots = (struct agent_roots){0};
    for (size_t i = 0; i < count && r == 0; i++)
        r = add_root(roots, names[i], "logs", count > 1, node);
    names = options->n_outputs ? options->outputs : outputs;
    count = options->n_outputs ? options->n_outputs : 1;
    for (size_t i = 0; i < count && r == 0; i++)
        r = add_root(roots, names[i], "outputs", count > 1, node);
    if (r < 0)
        agent_roots_done(roots);
    return r;
}

void agent_roots_done(struct agent_roots *roots)
{
    for (size_t i = 0; i < roots->n_owned; i++)
        free(roots->owned[i]);
    *roots = (struct agent_roots){0};
}

/* ---- what is told of a run ---------------------------------------------------------------- */

static void put_git(struct json *json, const struct gitinfo *git)
{
    json_key(json, "git");
    if (!git || !git->known) {
        json_put_null(json);
        return;
    }
    json_open(json, '{');
    json_key(json, "commit");
    json_put_text(json, git->commit);
    json_key(json, "branch");
    json_put_text(json, git->branch[0] ? git->branch : NULL);
    json_key(json, "remote");
    json_put_text(json, git->remote[0] ? git->remote : NULL);
    json_key(json, "dirty");
    json_put_bool(json, git->dirty);
    json_key(json, "patch");
    json_put_text(json, git->patch.length > 0 ? "dirty.patch" : NULL);
    json_close(json, '}');
}

static void put_tags(struct json *json, const struct agent_options *options)
{
    json_key(json, "tags");
    json_open(json, '{');
    for (size_t i = 0; i < options->n_tags; i++) {
        const char *tag = options->tags[i], *equals = strchr(tag, '=');
        char key[LIMIT_NAME_BYTES + 1];
        _cleanup_(buf_done) struct buf escaped = BUF_INIT(8 * sizeof key);
        snprintf(key, sizeof key, "%.*s", (int)(equals - tag), tag);
        json_escape(&escaped, key, strlen(key));
        const char *safe = buf_text(&escaped);
        json_key(json, safe ? safe : "");
        json_put_text(json, equals + 1);
    }
    json_close(json, '}');
}

static void put_job(struct json *json, const struct agent_options *options, const char *kind,
                    const struct gitinfo *git, bool launched)
{
    char directory[LIMIT_PATH_BYTES], host[256];
    const char *user = getenv("USER"); /* asking the system's list could hang on a network */

    json_key(json, "job");
    json_open(json, '{');
    json_key(json, "kind");
    json_put_text(json, kind);
    if (options->argv) {
        json_key(json, "command");
        json_open(json, '[');
        for (char *const *arg = options->argv; *arg; arg++)
            json_put_text(json, *arg);
        json_close(json, ']');
    }
    json_key(json, "directory");
    json_put_text(json, getcwd(directory, sizeof directory));
    if (!launched) {
        json_key(json, "host");
        json_put_text(json, gethostname(host, sizeof host) == 0 ? host : NULL);
    }
    json_key(json, "user");
    json_put_text(json, user ? user : getenv("LOGNAME"));
    put_git(json, git);
    json_close(json, '}');
}

int agent_document(const struct agent_options *options, const char *kind, const struct gitinfo *git,
                   bool launched, struct buf *ret)
{
    char directory[LIMIT_PATH_BYTES];
    struct json json = JSON_INIT(ret);
    const char *experiment = options->experiment;

    if (!experiment) {
        experiment = getcwd(directory, sizeof directory) ? strrchr(directory, '/') : NULL;
        experiment = experiment && experiment[1] ? experiment + 1 : "default";
    }
    json_open(&json, '{');
    if (options->name) {
        json_key(&json, "name");
        json_put_text(&json, options->name);
    }
    json_key(&json, "experiment");
    json_put_text(&json, experiment);
    put_tags(&json, options);
    if (launched) {
        json_key(&json, "join");
        json_put_bool(&json, true);
    }
    put_job(&json, options, kind, git, launched);
    json_close(&json, '}');
    return buf_text(ret) ? 0 : -ENOMEM;
}

void agent_event_started(struct shiprun *run, int ranks, int pid, const char *source)
{
    _cleanup_(buf_done) struct buf data = BUF_INIT(4096);
    struct json json = JSON_INIT(&data);
    char host[256];

    json_open(&json, '{');
    json_key(&json, "world_size");
    json_put_i64(&json, ranks);
    json_key(&json, "host");
    json_put_text(&json, gethostname(host, sizeof host) == 0 ? host : NULL);
    json_key(&json, "pid");
    json_put_i64(&json, pid);
    json_key(&json, "dir");
    json_put_text(&json, source);
    json_close(&json, '}');
    const char *text = buf_text(&data);
    ship_event(run, "started", text ? text : "{}");
}

/* ---- shipping ----------------------------------------------------------------------------- */

static void on_trouble(void *ctx, const char *text)
{
    agent_say("%s", text);
}

struct ship *agent_ship(const struct agent_options *options, void *ctx,
                        void (*stop)(void *ctx, struct shiprun *run, const struct ship_stop *stop))
{
    struct ship_options ship_options = {
        .server = options->server,
        .token = options->token,
        .limit_rate = options->limit_rate,
        .stop = stop,
        .trouble = on_trouble,
        .ctx = ctx,
    };
    struct ship *ship = NULL;
    const char *why;
    int r = ship_start(&ship_options, &ship, &why);

    if (r == 0)
        return ship;
    agent_say("nothing is sent: %s", why);
    if (!options->argv) /* without a server only a command can go on */
        return NULL;
    ship_options.server = NULL;
    return ship_start(&ship_options, &ship, &why) == 0 ? ship : NULL;
}

bool agent_flush(const struct agent_options *options, struct launch *launch, struct ship *ship)
{
    int64_t until = clock_ns(NULL) + (int64_t)(options->flush_timeout_s * (double)NS_PER_S);

    while (!ship_done(ship)) {
        int64_t left = (until - clock_ns(NULL)) / NS_PER_MS;
        if (options->flush_timeout_s < 0)
            left = 1000;
        if (left <= 0 || launch_wait(launch, ship_done_fd(ship), (int)MIN(left, (int64_t)1000)) < 0)
            return ship_done(ship);
    }
    return true;
}

static void size_text(uint64_t bytes, char ret[32])
{
    if (bytes >= 1000000)
        snprintf(ret, 32, "%.1f MB", (double)bytes / 1e6);
    else
        snprintf(ret, 32, "%.1f KB", (double)bytes / 1e3);
}

bool agent_say_left(struct shiprun *run)
{
    struct ship_left left = ship_left(run);
    const char *spool = ship_spool(run);
    char size[32], id[LIMIT_RUN_ID_BYTES + 1], token[LIMIT_PROTOCOL_TOKEN_BYTES];
    int attempt;

    ship_identity(run, id, sizeof id, token, sizeof token, &attempt);
    if (left.deleted) {
        agent_say("run %s was deleted at the server: nothing more is sent", id);
        return false;
    }
    size_text(left.bytes, size);
    /* The spool is DIR/.tailboard/NAME. */
    const char *top = spool ? strstr(spool, "/.tailboard/") : NULL;
    agent_say("run %s: %s in %llu file%s and %llu event%s not yet sent; finish with: tailboard "
              "drain %.*s",
              id, size, (unsigned long long)left.files, left.files == 1 ? "" : "s",
              (unsigned long long)left.events, left.events == 1 ? "" : "s",
              top ? (int)(top - spool) : 0, top ? spool : "");
    return true;
}
