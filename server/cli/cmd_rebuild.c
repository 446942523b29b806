/* cmd_rebuild.c: `tailboard rebuild`: the index made anew from the bytes of the event files.
 *
 * The reading half of a server is started on the archive (or, without one, on log directories),
 * told not to believe any segment that is there, and stopped when all was read: stopping writes
 * the new segments. Nothing but the index changes. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "server.h"

enum { TICK_MS = 50, CALM_TICKS = 10 };

struct rebuild {
    struct config config;
    struct cli_list logdirs;
    uint64_t workers;
    bool quiet;
    char empty[32]; /* a directory without logs: the archive's files alone are read */
};

static int parse(struct rebuild *b, int argc, char **argv)
{
    struct config *c = &b->config;
    const struct cli_option options[] = {
        {"archive", 0, CLI_STRING, &c->archive, "DIR",
         "the archive whose index is made anew (default: the usual\nplace)", 0, 0,
         "TAILBOARD_ARCHIVE"},
        {"no-archive", 0, CLI_FLAG, &c->no_archive, NULL,
         "the index in the cache folder, of --logdir", 0, 0, "TAILBOARD_NO_ARCHIVE"},
        {"logdir", 0, CLI_LIST, &b->logdirs, "[NAME:]DIR", "as for serve, with --no-archive", 0, 0,
         NULL},
        {"cache", 0, CLI_STRING, &c->cache, "DIR", "as for serve, with --no-archive", 0, 0,
         "TAILBOARD_CACHE"},
        {"memory", 0, CLI_BYTES, &c->memory, "SIZE", "as for serve", (uint64_t)64 << 20, 0,
         "TAILBOARD_MEMORY"},
        {"workers", 0, CLI_UINT, &b->workers, "COUNT", "threads that read (default: one a CPU)", 0,
         256, "TAILBOARD_WORKERS"},
        {"quiet", 'q', CLI_FLAG, &b->quiet, NULL, "print warnings and errors only", 0, 0, NULL},
        {0},
    };
    int first = cli_parse(&cmd_rebuild, options, argc, argv);

    if (first >= 0 && first < argc) {
        cli_usage_error(&cmd_rebuild, "'%s': there are no operands", argv[first]);
        return -2;
    }
    return first;
}

/* 0 or an exit code. */
static int complete(struct rebuild *b)
{
    struct config *c = &b->config;
    char why[2 * LIMIT_PATH_BYTES + 200], safe[2 * LIMIT_PATH_BYTES + 200];

    if (!c->no_archive && b->logdirs.count > 0)
        return cli_usage_error(&cmd_rebuild, "--logdir goes with --no-archive");
    if (!c->no_archive) {
        snprintf(b->empty, sizeof b->empty, "/tmp/tailboard.XXXXXX");
        if (!mkdtemp(b->empty)) {
            log_error("/tmp: %s", strerror(errno));
            return CLI_FAILED;
        }
        b->logdirs.items[b->logdirs.count++] = b->empty;
    }
    c->logdirs = b->logdirs.items;
    c->n_logdirs = b->logdirs.count;
    c->workers = (unsigned)b->workers;
    c->index_anew = true;
    log_set_level(b->quiet ? LOG_WARN : LOG_INFO);
    if (config_resolve(c, why, sizeof why) == 0) {
        if (*c->archive_dir)
            c->archive = c->archive_dir; /* one that another has is an error here */
        return CLI_OK;
    }
    log_escape(safe, sizeof safe, why, strlen(why));
    return cli_usage_error(&cmd_rebuild, "%s", safe);
}

/* Everything is read when that has been so for a while: runs of an archive come one by one. */
static struct server_status wait_for_all(const struct rebuild *b, struct server *server)
{
    const struct timespec tick = {.tv_nsec = TICK_MS * NS_PER_MS};
    struct cli_progress progress = {.verb = "read"};
    struct server_status status = {0};

    for (int calm = 0; calm < CALM_TICKS;) {
        nanosleep(&tick, NULL);
        uint64_t runs = status.tail.runs, files = status.tail.files;
        status = server_status(server);
        if (!b->quiet)
            cli_progress(&progress, status.tail.bytes_read, status.tail.bytes_total);
        bool all = status.tail.caught_up && status.tail.bytes_read == status.tail.bytes_total &&
                   status.tail.runs == runs && status.tail.files == files;
        calm = all ? calm + 1 : 0;
    }
    cli_progress_end(&progress);
    return status;
}

static int run(int argc, char **argv)
{
    struct rebuild b = {.config = {.auth = "user", .output_versions = CONFIG_OUTPUT_VERSIONS}};
    struct server *server = NULL;

    int first = parse(&b, argc, argv);
    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    int64_t started_ns = clock_ns(NULL);
    int code = complete(&b);
    if (code == CLI_OK && server_start(&b.config, &server) < 0)
        code = CLI_FAILED;
    if (code == CLI_OK) {
        struct server_status status = wait_for_all(&b, server);
        server_stop(server);
        if (!b.quiet)
            printf("%llu runs, %llu points, %.1f s\n", (unsigned long long)status.tail.runs,
                   (unsigned long long)status.ingest.points,
                   (double)(clock_ns(NULL) - started_ns) / 1e9);
    }
    if (*b.empty)
        rmdir(b.empty);
    config_done(&b.config);
    return code;
}

const struct cli_command cmd_rebuild = {
    .name = "rebuild",
    .args = "",
    .summary = "Make the index anew from the event files",
    .run = run,
};
