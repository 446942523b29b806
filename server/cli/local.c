#include "cli/local.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "server.h"

enum { TICK_MS = 2 };

struct local {
    struct config config;
    struct server *server;
};

/* The index has most of it; what it has not is read, which may take its time. */
static void wait_for_points(struct server *server)
{
    const struct timespec tick = {.tv_nsec = TICK_MS * NS_PER_MS};
    struct cli_progress progress = {.verb = "read"};

    for (;;) {
        struct server_status status = server_status(server);
        if (status.tail.caught_up && status.tail.bytes_read == status.tail.bytes_total)
            break;
        cli_progress(&progress, status.tail.bytes_read, status.tail.bytes_total);
        nanosleep(&tick, NULL);
    }
    cli_progress_end(&progress);
}

static int resolve(struct config *config)
{
    char why[256], catalog[LIMIT_PATH_BYTES + 16];
    struct stat st;
    int r = config_resolve(config, why, sizeof why);

    config_done(config); /* no log directory is followed */
    if (r < 0)
        return r;
    snprintf(catalog, sizeof catalog, "%s/catalog.db", config->archive_dir);
    if (!*config->archive_dir || stat(catalog, &st) < 0)
        return -ENOENT; /* none is made by being asked for */
    config->archive = config->archive_dir; /* one that another has is an error here */
    return 0;
}

int local_open(const char *dir, const char *state, struct local **ret)
{
    struct local *local = calloc(1, sizeof *local);
    enum log_level level = log_level();

    if (!local)
        return -ENOMEM;
    local->config = (struct config){.auth = "user", .archive = dir, .state = state,
                                    .output_versions = CONFIG_OUTPUT_VERSIONS,
                                    .port_given = true};
    int r = resolve(&local->config);
    log_set_level(LOG_NONE); /* whoever asked says what is wrong, in its own words */
    if (r == 0)
        r = server_start(&local->config, &local->server);
    if (r == 0)
        wait_for_points(local->server);
    log_set_level(level);
    if (r < 0)
        local_close(local);
    else
        *ret = local;
    return r;
}

uint16_t local_port(const struct local *local)
{
    return server_port(local->server);
}

struct local *local_close(struct local *local)
{
    if (!local)
        return NULL;
    enum log_level level = log_level();

    log_set_level(LOG_NONE);
    server_stop(local->server);
    log_set_level(level);
    free(local);
    return NULL;
}
