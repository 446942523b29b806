#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"

static int fail(char *ret_why, size_t size, const char *format, ...) _printf_(3, 4);

static int fail(char *ret_why, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(ret_why, size, format, args);
    va_end(args);
    return -EINVAL;
}

static bool is_no_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static int resolve_logdirs(struct config *config, char *ret_why, size_t size)
{
    static const char *const usual[] = {"./logs"};
    const char *const *logdirs = config->n_logdirs ? config->logdirs : usual;
    size_t count = config->n_logdirs ? config->n_logdirs : 1;

    if (count > LIMIT_LOGDIRS)
        return fail(ret_why, size, "--logdir: more than %d times", LIMIT_LOGDIRS);
    for (size_t i = 0; i < count; i++) {
        struct tail_logdir *logdir = &config->resolved[config->n_resolved];
        int r = tail_logdir_parse(logdirs[i], logdir);
        if (r == -ENOMEM)
            return r;
        if (r < 0)
            return fail(ret_why, size, "--logdir: '%s' is no path, or not readable as NAME:PATH",
                        logdirs[i]);
        config->given[config->n_resolved++] = logdirs[i];
        if (is_no_directory(logdir->path)) /* one that is not there yet is waited for */
            return fail(ret_why, size, "--logdir: '%s' is a file; give the directory it is in",
                        logdir->path);
        for (size_t j = 0; j + 1 < config->n_resolved; j++)
            if (strcmp(config->resolved[j].alias, logdir->alias) == 0)
                return fail(ret_why, size,
                            "--logdir: '%s' and '%s' would both be called '%s'; name one of them "
                            "with NAME:PATH",
                            logdirs[j], logdirs[i], logdir->alias);
    }
    return 0;
}

/* "x/y/", "/x/y" → "/x/y". */
static int resolve_prefix(struct config *config, char *ret_why, size_t size)
{
    static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    const char *given = config->path_prefix ? config->path_prefix : "";
    size_t n = strlen(given);

    while (n > 0 && given[n - 1] == '/')
        n--;
    if (n == 0)
        return 0;
    if (n + 2 > sizeof config->prefix)
        return fail(ret_why, size, "--path_prefix is too long");
    if (strspn(given, ok) < n)
        return fail(ret_why, size,
                    "--path_prefix: '%s' holds what does not belong into a path "
                    "(letters, digits, - . _ ~ / do)",
                    given);
    if (given[0] != '/')
        config->prefix[0] = '/';
    strncat(config->prefix, given, n);
    char padded[CONFIG_PREFIX_BYTES + 1];
    snprintf(padded, sizeof padded, "%s/", config->prefix);
    if (strstr(padded, "//") || strstr(padded, "/./") || strstr(padded, "/../")) {
        config->prefix[0] = '\0';
        return fail(ret_why, size, "--path_prefix: '%s' has an empty or a dot component", given);
    }
    return 0;
}

/* The XDG place for state. */
int config_state_place(const char *given, char *ret, size_t size)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;

    if (given)
        n = snprintf(ret, size, "%s", given);
    else if (xdg && xdg[0] == '/')
        n = snprintf(ret, size, "%s/tailboard", xdg);
    else if (home && home[0] == '/')
        n = snprintf(ret, size, "%s/.local/state/tailboard", home);
    else
        return -ENOENT;
    return n <= 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int resolve_state(struct config *config, char *ret_why, size_t size)
{
    int r = config_state_place(config->state, config->state_dir, sizeof config->state_dir);

    if (r == -ENOENT)
        return fail(ret_why, size, "there is no HOME to keep the token in: give --state DIR");
    return r < 0 ? fail(ret_why, size, "--state: an empty or too long path") : 0;
}

/* Without a home there is simply no index: it saves time, nothing else. */
static int resolve_cache(struct config *config, char *ret_why, size_t size)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = 0;

    config->memory = config->memory ? config->memory : CONFIG_MEMORY;
    if (config->cache)
        n = snprintf(config->cache_dir, sizeof config->cache_dir, "%s", config->cache);
    else if (xdg && xdg[0] == '/')
        n = snprintf(config->cache_dir, sizeof config->cache_dir, "%s/tailboard", xdg);
    else if (home && home[0] == '/')
        n = snprintf(config->cache_dir, sizeof config->cache_dir, "%s/.cache/tailboard", home);
    if ((config->cache && n == 0) || (size_t)n + sizeof "/index" > sizeof config->cache_dir)
        return fail(ret_why, size, "--cache: an empty or too long path");
    return 0;
}

/* The XDG place for data, of root the system's. */
int config_archive_place(const char *given, char *ret, size_t size)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = 0;

    if (given)
        n = snprintf(ret, size, "%s", given);
    else if (xdg && xdg[0] == '/')
        n = snprintf(ret, size, "%s/tailboard", xdg);
    else if (geteuid() == 0)
        n = snprintf(ret, size, "/var/lib/tailboard");
    else if (home && home[0] == '/')
        n = snprintf(ret, size, "%s/.local/share/tailboard", home);
    return n == 0 ? -ENOENT : n < 0 || (size_t)n + 64 > size ? -ENAMETOOLONG : 0;
}

static int resolve_archive(struct config *config, char *ret_why, size_t size)
{
    if (config->no_archive && config->archive)
        return fail(ret_why, size, "--archive and --no-archive exclude one another");
    if (config->no_archive)
        return 0;
    int r = config_archive_place(config->archive, config->archive_dir,
                                 sizeof config->archive_dir);
    if (r < 0 && (config->archive || r == -ENAMETOOLONG))
        return fail(ret_why, size, "--archive: an empty or too long path");
    if (r < 0)
        config->archive_dir[0] = '\0'; /* without a home there is no archive */
    return 0;
}

static int resolve_access(struct config *config, char *ret_why, size_t size)
{
    const char *url = config->public_url;

    if (strcmp(config->auth, "user") == 0)
        config->auth_mode = AUTH_USER;
    else if (strcmp(config->auth, "token") == 0)
        config->auth_mode = AUTH_TOKEN;
    else
        return fail(ret_why, size, "--auth: '%s' is neither 'user' nor 'token'", config->auth);
    if (url && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return fail(ret_why, size, "--public-url: '%s' does not begin with http:// or https://",
                    url);
    if (config->host && config->bind_all)
        return fail(ret_why, size, "--host and --bind_all exclude one another");
    if (config->host && !*config->host)
        return fail(ret_why, size, "--host: an empty name");
    return 0;
}

int config_resolve(struct config *config, char *ret_why, size_t size)
{
    CHECK(config->n_resolved == 0);
    double interval = config->reload_interval;
    if (!(interval >= 0) || interval > 86400)
        return fail(ret_why, size, "--reload_interval: %g is not between 0 and 86400 seconds",
                    interval);
    if (interval > 0)
        config->poll_ms = (uint32_t)MAX(10.0, ceil(interval * 1000));
    int r = resolve_prefix(config, ret_why, size);
    if (r == 0)
        r = resolve_access(config, ret_why, size);
    if (r == 0)
        r = resolve_state(config, ret_why, size);
    if (r == 0)
        r = resolve_cache(config, ret_why, size);
    if (r == 0)
        r = resolve_archive(config, ret_why, size);
    if (r == 0)
        r = resolve_logdirs(config, ret_why, size);
    if (r == -ENOMEM)
        snprintf(ret_why, size, "out of memory");
    return r;
}

int config_data_server(struct config *config, const char *logdir)
{
    struct tail_logdir *resolved = &config->resolved[0];
    char why[LIMIT_PATH_BYTES];
    size_t size = strlen(logdir);

    if (resolve_cache(config, why, sizeof why) < 0)
        config->cache_dir[0] = '\0';
    config->data_server = true;
    while (size > 1 && logdir[size - 1] == '/')
        size--;
    const char *slash = memrchr(logdir, '/', size);
    const char *name = slash && slash + 1 < logdir + size ? slash + 1 : logdir;
    resolved->alias = strndup(name, size - (size_t)(name - logdir));
    /* A file has no runs, and is waited for to become a directory. */
    if (asprintf(&resolved->path, "%.*s%s", (int)size, logdir,
                 is_no_directory(logdir) ? "/." : "") < 0)
        resolved->path = NULL;
    config->n_resolved = 1;
    config->given[0] = logdir;
    if (resolved->alias && resolved->path)
        return 0;
    config_done(config);
    return -ENOMEM;
}

void config_done(struct config *config)
{
    while (config->n_resolved > 0)
        tail_logdir_done(&config->resolved[--config->n_resolved]);
}

bool config_beyond_loopback(const struct config *config)
{
    struct in_addr v4;
    struct in6_addr v6;
    const char *host = config->host;

    if (config->bind_all)
        return true;
    if (!host || strcmp(host, "localhost") == 0)
        return false;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 != 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return !IN6_IS_ADDR_LOOPBACK(&v6);
    return true;
}
