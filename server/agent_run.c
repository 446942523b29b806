/* agent_run.c: `tailboard run`: a command as a tracked run. Nothing about the command may fail
 * because of what happens here. */
#include "agent_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"

#define KNOWN_MS 2000 /* the server's answer is waited for so long before the command starts */
#define GRACE_S 60    /* between TERM and KILL when a stop order names none */

extern char **environ;

struct running {
    const struct agent_options *options;
    struct ranks place;
    struct launch launch;
    struct launch_result result;
    struct agent_roots roots;
    struct gitinfo git;
    struct ship *ship;
    struct shiprun *run; /* NULL: nothing is recorded */
    struct environ_list environ;
    char id[SHIP_ID_BYTES], source[SHIP_ID_BYTES];
    char *console_paths[2];
    pthread_mutex_t lock; /* of `stopped` */
    char stopped[32];     /* kind of the stop order; "": none */
};

/* ---- orders and events -------------------------------------------------------------------- */

/* The control thread: the server wants the run to end. Said with each heartbeat until it does. */
static void on_stop(void *ctx, struct shiprun *run, const struct ship_stop *stop)
{
    struct running *running = ctx;

    pthread_mutex_lock(&running->lock);
    bool first = !running->stopped[0];
    if (first)
        snprintf(running->stopped, sizeof running->stopped, "%s", stop->kind);
    pthread_mutex_unlock(&running->lock);
    if (first || stop->now) {
        double grace = stop->grace_s < 0 ? GRACE_S : fmin(stop->grace_s, 86400);
        launch_stop(&running->launch, stop->now ? 0 : (int)(grace * 1e3));
    }
}

static void on_started(void *ctx, pid_t pid)
{
    struct running *running = ctx;

    if (running->run)
        agent_event_started(running->run, running->place.world, (int)pid, running->source);
}

static void put_cause(struct running *running, struct json *json)
{
    char stopped[32];

    pthread_mutex_lock(&running->lock);
    memcpy(stopped, running->stopped, sizeof stopped);
    pthread_mutex_unlock(&running->lock);
    json_key(json, "cause");
    if (stopped[0])
        json_put_text(json, strcmp(stopped, "cancel") == 0 ? "user" : stopped);
    else
        json_put_text(json, running->result.signaled ? "outside" : "self");
}

static void send_exited(struct running *running, int status, const char *reason,
                        const char *message)
{
    _cleanup_(buf_done) struct buf data = BUF_INIT(4096);
    struct json json = JSON_INIT(&data);

    json_open(&json, '{');
    json_key(&json, WIFSIGNALED(status) ? "signal" : "exit");
    json_put_i64(&json, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    put_cause(running, &json);
    if (reason) {
        json_key(&json, "reason");
        json_put_text(&json, reason);
        json_key(&json, "message");
        json_put_text(&json, message);
    }
    json_close(&json, '}');
    const char *text = buf_text(&data);
    ship_event(running->run, "exited", text ? text : "{}");
}

static void on_ended(void *ctx, int status)
{
    struct running *running = ctx;

    if (running->run)
        send_exited(running, status, NULL, NULL);
}

static void on_trouble(void *ctx, const char *text)
{
    agent_say("the output is not recorded any further: %s", text);
}

/* ---- the run ------------------------------------------------------------------------------ */

static void choose_id(struct running *running)
{
    const struct ranks *place = &running->place;

    if (running->options->resume)
        snprintf(running->id, sizeof running->id, "%s", running->options->resume);
    else if (place->key[0])
        run_id_from_key(place->key, running->id);
    else
        run_id_make(running->id);
}

/* A found run's page would show an own log directory a second time: its id says whose it is. */
static void mark_logs(const struct running *running)
{
    char kept[SHIP_ID_BYTES];

    if (running->place.launched || running->options->resume)
        return;
    for (size_t i = 0; i < running->roots.count; i++) {
        const struct ship_root *root = &running->roots.items[i];
        if (!root->outputs && rmdir(root->path) == 0) { /* it was empty */
            if (mkdir(root->path, 0777) == 0)
                (void)!ship_run_id(root->path, running->id, kept);
        }
    }
}

static void keep_patch(const struct running *running)
{
    char path[LIMIT_PATH_BYTES];

    if (running->git.patch.length == 0 || !ship_spool(running->run))
        return;
    snprintf(path, sizeof path, "%s/kept/dirty.patch", ship_spool(running->run));
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, running->git.patch.data, running->git.patch.length) !=
                      (ssize_t)running->git.patch.length)
        unlink(path);
}

/* Makes the run. Failing, the command runs unrecorded. */
static void make_run(struct running *running)
{
    _cleanup_(buf_done) struct buf document = BUF_INIT(LIMIT_BODY_BYTES);
    const struct ranks *place = &running->place;
    char base[LIMIT_PATH_BYTES], fresh[RUN_ID_BYTES];
    bool join = place->launched || running->options->resume;

    run_id_make(fresh);
    if (!getcwd(base, sizeof base))
        return;
    (void)!ship_dir_id(base, fresh, running->source);
    if (agent_document(running->options, "run", &running->git, join, &document) < 0)
        return;
    const struct ship_run given = {
        .id = running->id,
        .base = base,
        .attempt = place->attempt,
        .rank = place->rank,
        .ranks = place->world,
        .node = place->node,
        .join = join,
        .document = document.data,
        .source = running->source,
        .roots = running->roots.items,
        .n_roots = running->roots.count,
        .console = "console",
        .before = running->options->resume ? SHIP_BEFORE_OURS : SHIP_BEFORE_IF_CHANGED,
    };
    int r = ship_add(running->ship, &given, &running->run);
    if (r < 0)
        agent_say("this run is not recorded: %s", strerror(-r));
    else if (!ship_spool(running->run))
        agent_say("nothing can be written to %s/.tailboard: what is not sent when this ends is "
                  "lost, and the output is not recorded",
                  base);
}

static void name_console(struct running *running)
{
    static const char *const names[2] = {"stdout", "stderr"};
    const char *spool = running->run ? ship_spool(running->run) : NULL;

    if (!spool || !running->options->console)
        return;
    for (int i = 0; i < 2; i++) {
        int n = running->place.world > 1
                    ? asprintf(&running->console_paths[i], "%s/console/%s-r%04d.txt", spool,
                               names[i], running->place.rank)
                    : asprintf(&running->console_paths[i], "%s/console/%s.txt", spool, names[i]);
        if (n < 0)
            running->console_paths[i] = NULL;
    }
}

static const char *first_root(const struct running *running, bool outputs)
{
    for (size_t i = 0; i < running->roots.count; i++)
        if (running->roots.items[i].outputs == outputs)
            return running->roots.items[i].path;
    return NULL;
}

static int set_environ(struct running *running)
{
    struct environ_list *list = &running->environ;
    const struct ranks *place = &running->place;
    const struct {
        const char *name;
        long value;
    } numbers[] = {
        {"TAILBOARD_RANK", place->rank},
        {"TAILBOARD_LOCAL_RANK", place->local_rank},
        {"TAILBOARD_NODE_RANK", place->node},
        {"TAILBOARD_WORLD_SIZE", place->world},
        {"TAILBOARD_LOCAL_WORLD_SIZE", place->local_world},
        {"TAILBOARD_ATTEMPT", place->attempt},
    };
    char token[LIMIT_PROTOCOL_TOKEN_BYTES] = "";
    int attempt, r = environ_init(list, environ);

    for (size_t i = 0; i < ARRAY_LEN(numbers) && r == 0; i++)
        r = environ_set_number(list, numbers[i].name, numbers[i].value);
    if (running->run)
        ship_identity(running->run, running->id, sizeof running->id, token, sizeof token, &attempt);
    if (r == 0)
        r = environ_set(list, "TAILBOARD_RUN_ID", running->id);
    if (r == 0 && running->options->experiment)
        r = environ_set(list, "TAILBOARD_EXPERIMENT", running->options->experiment);
    if (r == 0)
        r = environ_set(list, "TAILBOARD_SERVER", running->options->server);
    if (r == 0) /* this run's own: it opens nothing else */
        r = environ_set(list, "TAILBOARD_TOKEN", token[0] ? token : NULL);
    if (r == 0)
        r = environ_set(list, "TAILBOARD_LOGS", first_root(running, false));
    if (r == 0)
        r = environ_set(list, "TAILBOARD_OUTPUTS", first_root(running, true));
    if (r == 0 && !environ_get(list, "PYTHONUNBUFFERED"))
        r = environ_set(list, "PYTHONUNBUFFERED", "1");
    return r;
}

/* Another attempt of a run: its number is the server's to know. */
static void number_attempt(struct running *running)
{
    char id[LIMIT_RUN_ID_BYTES + 1], token[LIMIT_PROTOCOL_TOKEN_BYTES];
    int attempt = 0;

    if (!running->options->resume || !running->run)
        return;
    ship_identity(running->run, id, sizeof id, token, sizeof token, &attempt);
    running->place.attempt = attempt > 0 ? attempt + 1 : 2;
    ship_set_attempt(running->run, running->place.attempt);
}

/* ---- the command -------------------------------------------------------------------------- */

static void say_start_error(const struct running *running)
{
    const char *name = running->options->argv[0];

    if (running->result.exit_code == LAUNCH_NOT_FOUND)
        agent_say("there is no program '%s'", name);
    else
        agent_say("'%s' cannot be started: %s", name, strerror(-running->result.error));
}

static void run_command(struct running *running)
{
    const struct launch_options options = {
        .argv = running->options->argv,
        .envp = running->environ.items,
        .console = {running->console_paths[0], running->console_paths[1]},
        .started = on_started,
        .ended = on_ended,
        .trouble = on_trouble,
        .ctx = running,
    };

    launch_run(&running->launch, &options, &running->result);
    if (running->result.error == 0)
        return;
    say_start_error(running);
    if (running->run)
        send_exited(running, running->result.exit_code << 8, "launch-failed",
                    strerror(-running->result.error));
}

/* Sends the rest, and says what could not be sent. */
static void flush(struct running *running)
{
    if (!running->run)
        return;
    ship_finish(running->run);
    if (!ship_sends(running->ship)) {
        if (!running->options->quiet && ship_spool(running->run))
            agent_say("the run is recorded in %s; send it with: tailboard drain --server URL",
                      ship_spool(running->run));
        return;
    }
    if (!agent_flush(running->options, &running->launch, running->ship))
        agent_say_left(running->run);
}

static void release(struct running *running)
{
    launch_done(&running->launch);
    gitinfo_done(&running->git);
    environ_done(&running->environ);
    agent_roots_done(&running->roots);
    free(running->console_paths[0]);
    free(running->console_paths[1]);
    pthread_mutex_destroy(&running->lock);
}

int agent_run(const struct agent_options *options)
{
    struct running running = {.options = options, .result = {.exit_code = LAUNCH_FAILED}};

    ranks_read(&running.place);
    choose_id(&running);
    gitinfo_read(&running.git);
    pthread_mutex_init(&running.lock, NULL);
    int r = launch_init(&running.launch);
    if (r == 0)
        r = agent_roots_init(&running.roots, options, running.place.node);
    if (r == 0) {
        running.ship = agent_ship(options, &running, on_stop);
        mark_logs(&running);
        if (running.ship)
            make_run(&running);
        if (running.run)
            ship_wait_known(running.run, KNOWN_MS);
        number_attempt(&running);
        if (running.run)
            keep_patch(&running);
        name_console(&running);
        r = set_environ(&running);
    }
    if (r < 0)
        agent_say("cannot start: %s", strerror(-r));
    else
        run_command(&running);
    flush(&running);
    if (!ship_stop(running.ship)) /* a thread hangs in the kernel or a resolver: it goes with us */
        return running.result.exit_code;
    release(&running);
    return running.result.exit_code;
}
