#include "cli/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "config.h"
#ifdef TB_HAVE_HTTP
#include "http/http.h"
#endif

#ifdef TB_HAVE_HTTP
struct local {
    struct store *store;
    struct archive *archive;
    struct auth *auth;
    struct http *http;
};

static int start(struct local *local, const struct config *config)
{
    const struct archive_options archive_options = {.dir = config->archive_dir};
    const struct auth_options auth_options = {.state_dir = config->state_dir, .prefix = ""};
    struct http_options options = {.workers = 1};
    struct archive_holder holder;
    int r = archive_open(&archive_options, &local->archive, &holder);

    if (r < 0)
        return r;
    local->store = store_new(&(struct store_options){0});
    r = local->store ? auth_new(&auth_options, &local->auth) : -ENOMEM;
    if (r < 0)
        return r;
    options.store = local->store;
    options.auth = local->auth;
    options.archive = local->archive;
    return http_start(&options, &local->http);
}

int local_open(const char *dir, const char *state, struct local **ret)
{
    struct config config = {.auth = "user", .archive = dir, .state = state};
    char why[256], catalog[LIMIT_PATH_BYTES + 16];
    struct local *local;
    struct stat st;
    int r = config_resolve(&config, why, sizeof why);

    snprintf(catalog, sizeof catalog, "%s/catalog.db", config.archive_dir);
    config_done(&config);
    if (r < 0)
        return r;
    if (!*config.archive_dir || stat(catalog, &st) < 0)
        return -ENOENT; /* none is made by being asked for */
    local = calloc(1, sizeof *local);
    if (!local)
        return -ENOMEM;
    r = start(local, &config);
    if (r < 0) {
        local_close(local);
        return r;
    }
    *ret = local;
    return 0;
}

int local_connect(struct local *local)
{
    struct peer peer = {.loopback = true, .own_user = true, .text = "this process"};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (fcntl(pair[1], F_SETFL, O_NONBLOCK) < 0) {
        int r = -errno;

        close(pair[0]);
        close(pair[1]);
        return r;
    }
    peer.address.ss_family = AF_INET;
    http_take(local->http, pair[1], &peer);
    return pair[0];
}

struct local *local_close(struct local *local)
{
    if (!local)
        return NULL;
    http_stop(local->http);
    auth_free(local->auth);
    archive_close(local->archive);
    store_free(local->store);
    free(local);
    return NULL;
}
#else
int local_open(const char *dir, const char *state, struct local **ret)
{
    return -ENOENT;
}

int local_connect(struct local *local)
{
    return -ENOENT;
}

struct local *local_close(struct local *local)
{
    return NULL;
}
#endif
