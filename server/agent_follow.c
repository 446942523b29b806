/* agent_follow.c: `tailboard agent` and `tailboard drain`: directories without a command. */
#include "agent_parts.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

#define EACH_MS 5000 /* between two looks for new sub-directories */

struct following {
    const struct agent_options *options;
    struct launch launch;
    struct ship *ship;
    struct agent_roots roots;
    struct shiprun **runs;
    char **names; /* --each: of the sub-directories that have one */
    size_t n_runs;
};

static int remember_run(struct following *following, struct shiprun *run, const char *name)
{
    size_t n = following->n_runs;
    struct shiprun **runs = realloc(following->runs, (n + 1) * sizeof *runs);

    if (runs)
        following->runs = runs;
    char **names = realloc(following->names, (n + 1) * sizeof *names);
    if (names)
        following->names = names;
    if (!runs || !names || !(names[n] = strdup(name)))
        return -ENOMEM;
    runs[n] = run;
    following->n_runs++;
    return 0;
}

static bool has_run(const struct following *following, const char *name)
{
    for (size_t i = 0; i < following->n_runs; i++)
        if (strcmp(following->names[i], name) == 0)
            return true;
    return false;
}

/* A run whose id is kept in BASE/.tailboard, so that a restarted agent goes on with it: as its
 * next attempt, with the document it was made with. */
static int add_run(struct following *following, const struct ship_root *roots, size_t n_roots,
                   const char *base, const char *name)
{
    struct agent_options options = *following->options;
    _cleanup_(buf_done) struct buf document = BUF_INIT(LIMIT_BODY_BYTES);
    _cleanup_(ship_saved_done) struct ship_saved saved = {0};
    char fresh[RUN_ID_BYTES], id[SHIP_ID_BYTES], source[SHIP_ID_BYTES];
    struct shiprun *run;

    run_id_make(fresh);
    int r = ship_run_id(base, fresh, id);
    if (r == 0)
        r = ship_dir_id(base, fresh, source);
    if (r < 0) {
        agent_say("%s/.tailboard cannot be written: %s", base, strerror(-r));
        return r;
    }
    options.name = options.name ? options.name : name;
    _cleanup_free_ char *spool = ship_spool_path(base, id, 1, 0);
    bool again = spool && ship_load(spool, &saved) == 0;
    r = again ? 0 : agent_document(&options, "agent", NULL, false, &document);
    if (r < 0)
        return r;
    const struct ship_run given = {
        .id = id,
        .base = base,
        .attempt = 1,
        .ranks = 1,
        .document = again ? saved.run.document : document.data,
        .source = source,
        .roots = roots,
        .n_roots = n_roots,
        .console = "console",
        .keep = true,
    };
    r = ship_add(following->ship, &given, &run);
    if (r == -EBUSY)
        agent_say("%s is followed by another agent", base);
    if (r < 0)
        return r;
    ship_set_attempt(run, again ? saved.run.attempt + 1 : 1);
    agent_event_started(run, 1, (int)getpid(), source);
    return remember_run(following, run, name ? name : "");
}

/* --each: a run for every sub-directory that has none yet. */
static void add_each(struct following *following)
{
    for (size_t i = 0; i < following->roots.count; i++) {
        const struct ship_root *root = &following->roots.items[i];
        DIR *dir = root->outputs ? NULL : opendir(root->path);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char path[LIMIT_PATH_BYTES];
            struct stat st;
            if (entry->d_name[0] == '.' || has_run(following, entry->d_name) ||
                snprintf(path, sizeof path, "%s/%s", root->path, entry->d_name) >=
                    (int)sizeof path ||
                lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                continue;
            const struct ship_root one = {.path = path, .name = "logs"};
            if (add_run(following, &one, 1, path, entry->d_name) < 0)
                (void)!remember_run(following, NULL, entry->d_name); /* said once */
        }
        if (dir)
            closedir(dir);
    }
}

/* What dead processes left below this directory goes along. */
static void adopt(void *ctx, const char *path)
{
    struct following *following = ctx;
    _cleanup_(ship_saved_done) struct ship_saved saved = {0};
    struct shiprun *run;

    if (ship_load(path, &saved) < 0 || saved.run.keep ||
        ship_add(following->ship, &saved.run, &run) < 0)
        return;
    ship_finish(run);
    (void)!remember_run(following, run, "");
}

static int begin(struct following *following)
{
    int r = agent_roots_init(&following->roots, following->options, 0);

    if (r < 0)
        return r;
    const struct ship_root *first = following->roots.count ? &following->roots.items[0] : NULL;
    if (!first || first->outputs) {
        agent_say("there is no log directory to follow");
        return -ENOENT;
    }
    if (following->options->each) {
        add_each(following);
        return 0;
    }
    r = add_run(following, following->roots.items, following->roots.count, first->path, NULL);
    if (r == 0)
        (void)ship_find_spools(".", adopt, following);
    return r;
}

/* Until a signal comes. */
static void stay(struct following *following)
{
    int64_t next = clock_ns(NULL);

    while (launch_wait(&following->launch, -1, EACH_MS) == 0) {
        if (following->options->each && clock_ns(NULL) >= next) {
            add_each(following);
            next = clock_ns(NULL) + EACH_MS * NS_PER_MS;
        }
    }
}

/* Ends all runs. True: everything is sent. */
static bool end(struct following *following)
{
    for (size_t i = 0; i < following->n_runs; i++)
        if (following->runs[i]) {
            ship_event(following->runs[i], "exited", "{\"exit\":0,\"cause\":\"self\"}");
            ship_finish(following->runs[i]);
        }
    if (agent_flush(following->options, &following->launch, following->ship))
        return true;
    for (size_t i = 0; i < following->n_runs; i++)
        if (following->runs[i] && !ship_left(following->runs[i]).flushed)
            agent_say_left(following->runs[i]);
    return false;
}

static int finish(struct following *following, int code)
{
    bool joined = ship_stop(following->ship);

    if (!joined)
        return code;
    for (size_t i = 0; i < following->n_runs; i++)
        free(following->names[i]);
    free(following->names);
    free(following->runs);
    agent_roots_done(&following->roots);
    launch_done(&following->launch);
    return code;
}

int agent_follow(const struct agent_options *options)
{
    struct following following = {.options = options};

    if (launch_init(&following.launch) < 0)
        return 3;
    following.ship = agent_ship(options, &following, NULL);
    if (!following.ship || begin(&following) < 0)
        return finish(&following, 3);
    if (!options->once)
        stay(&following);
    return finish(&following, end(&following) ? 0 : 1);
}

/* ---- drain -------------------------------------------------------------------------------- */

struct draining {
    const struct agent_options *options;
    struct launch launch;
    size_t found, left;
    bool failed, interrupted;
};

static void say_sent(struct shiprun *run, const char *id, bool quiet)
{
    struct ship_left left = ship_left(run);

    if (!quiet)
        agent_say("run %s: all is sent (%llu files, %.1f MB)", id,
                  (unsigned long long)left.files_done, (double)left.bytes_done / 1e6);
}

static void drain_one(void *ctx, const char *path)
{
    struct draining *draining = ctx;
    struct agent_options options = *draining->options;
    _cleanup_(ship_saved_done) struct ship_saved saved = {0};
    struct shiprun *run;

    draining->found++;
    if (draining->interrupted)
        return;
    if (ship_load(path, &saved) < 0) {
        agent_say("%s cannot be read", path);
        draining->failed = true;
        return;
    }
    options.server = options.server ? options.server : saved.server;
    if (!options.server) {
        agent_say("run %s names no server: give one with --server", saved.run.id);
        draining->failed = true;
        return;
    }
    struct ship *ship = agent_ship(&options, NULL, NULL);
    int r = ship ? ship_add(ship, &saved.run, &run) : -EINVAL;
    if (r < 0) {
        if (ship)
            agent_say(r == -EBUSY ? "run %s is still running here" : "run %s cannot be sent",
                      saved.run.id);
        draining->failed = true;
        (void)ship_stop(ship);
        return;
    }
    ship_finish(run);
    if (agent_flush(&options, &draining->launch, ship) && !ship_left(run).deleted)
        say_sent(run, saved.run.id, options.quiet);
    else
        draining->left += agent_say_left(run);
    (void)ship_stop(ship);
}

/* The places where `run` and `agent` keep their spools, seen from a directory. */
static void drain_below(struct draining *draining, const char *dir)
{
    char path[LIMIT_PATH_BYTES];
    static const char *const tops[] = {"", "/logs"};

    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        snprintf(path, sizeof path, "%s%s", dir, tops[i]);
        (void)ship_find_spools(path, drain_one, draining);
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            bool seen = i == 0 && strcmp(entry->d_name, "logs") == 0;
            if (entry->d_name[0] == '.' || seen ||
                snprintf(path, sizeof path, "%s%s/%s", dir, tops[i], entry->d_name) >=
                    (int)sizeof path)
                continue;
            (void)ship_find_spools(path, drain_one, draining);
        }
        if (folder)
            closedir(folder);
    }
}

int agent_drain(const struct agent_options *options, const char *const *dirs, size_t n_dirs)
{
    struct draining draining = {.options = options};

    if (launch_init(&draining.launch) < 0)
        return 3;
    for (size_t i = 0; i < n_dirs; i++) {
        _cleanup_free_ char *dir = realpath(dirs[i], NULL);
        if (!dir) {
            agent_say("%s: %s", dirs[i], strerror(errno));
            draining.failed = true;
            continue;
        }
        drain_below(&draining, dir);
    }
    launch_done(&draining.launch);
    if (draining.found == 0 && !draining.failed && !options->quiet)
        agent_say("nothing is left to send");
    return draining.failed ? 3 : draining.left > 0 ? 1 : 0;
}
