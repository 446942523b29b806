/* cmd_serve.c: `tailboard serve`: flags, what is printed, signals. What runs is server.c's.
 *
 * The main thread starts the server, then waits for signals; all others have them blocked. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/beacon.h"
#include "cli/cli.h"
#include "server.h"

enum { LOADING_TICK_MS = 20, WAITING_TICK_MS = 500, OPTIONS = 40 };

struct serve {
    struct config config;
    struct cli_list logdirs, allow_hosts, allow_origins;
    uint64_t port, workers, output_versions;
    const char *port_file;
    bool quiet, verbose, json;
    struct server *server;
    bool waited; /* for a log directory: the time of the load says nothing then */
};

/* ---- flags -------------------------------------------------------------------------------- */

/* The rows of the option table, a part at a time: how many. */
static size_t reading_options(struct serve *s, struct cli_option *out)
{
    struct config *c = &s->config;
    const struct cli_option rows[] = {
        {"logdir", 0, CLI_LIST, &s->logdirs, "[NAME:]DIR",
         "a directory to follow, with all below it (default ./logs);\n"
         "several: give it several times. NAME is shown in front of\nthe runs",
         0, 0, "TAILBOARD_LOGDIR"},
        {"host", 0, CLI_STRING, &c->host, "ADDRESS",
         "address or name to listen on (default localhost)", 0, 0, "TAILBOARD_HOST"},
        {"port", 'p', CLI_UINT, &s->port, "PORT",
         "port to listen on; 0: any free one (default 6006, and if\n"
         "that is taken one of the next ten)",
         0, 65535, "TAILBOARD_PORT"},
        {"bind_all", 0, CLI_FLAG, &c->bind_all, NULL,
         "listen on all addresses of this machine; a token is needed\nthen", 0, 0,
         "TAILBOARD_BIND_ALL"},
        {"path_prefix", 0, CLI_STRING, &c->path_prefix, "PATH",
         "path in front of everything, for reverse proxies", 0, 0, "TAILBOARD_PATH_PREFIX"},
        {"reload_interval", 0, CLI_DOUBLE, &c->reload_interval, "SECONDS",
         "time between polls where the file system does not tell of\n"
         "changes (default: by the file system)",
         0, 0, "TAILBOARD_RELOAD_INTERVAL"},
        {"poll", 0, CLI_FLAG, &c->poll, NULL, "poll, even where inotify would do", 0, 0,
         "TAILBOARD_POLL"},
        {"workers", 0, CLI_UINT, &s->workers, "COUNT", "threads that read (default: one a CPU)", 0,
         256, "TAILBOARD_WORKERS"},
    };

    memcpy(out, rows, sizeof rows);
    return ARRAY_LEN(rows);
}

static size_t access_options(struct serve *s, struct cli_option *out)
{
    struct config *c = &s->config;
    const struct cli_option rows[] = {
        {"auth", 0, CLI_STRING, &c->auth, "user|token",
         "user (default): this user's own programs on this machine\n"
         "get in, all others need a token; token: everybody does",
         0, 0, "TAILBOARD_AUTH"},
        {"public-url", 0, CLI_STRING, &c->public_url, "URL",
         "the address that browsers use, behind a reverse proxy;\neverybody needs a token then", 0,
         0, "TAILBOARD_PUBLIC_URL"},
        {"allow-host", 0, CLI_LIST, &s->allow_hosts, "NAME",
         "a further name in the Host header that is admitted without\na token", 0, 0,
         "TAILBOARD_ALLOW_HOST"},
        {"allow-origin", 0, CLI_LIST, &s->allow_origins, "ORIGIN",
         "a further page that may use this server", 0, 0, "TAILBOARD_ALLOW_ORIGIN"},
    };

    memcpy(out, rows, sizeof rows);
    return ARRAY_LEN(rows);
}

static size_t keeping_options(struct serve *s, struct cli_option *out)
{
    struct config *c = &s->config;
    const struct cli_option rows[] = {
        {"state", 0, CLI_STRING, &c->state, "DIR",
         "where the token and the server's secret are kept (default\n"
         "$XDG_STATE_HOME/tailboard or ~/.local/state/tailboard)",
         0, 0, "TAILBOARD_STATE"},
        {"archive", 0, CLI_STRING, &c->archive, "DIR",
         "where every byte that is followed is kept (default\n"
         "$XDG_DATA_HOME/tailboard or ~/.local/share/tailboard; of\nroot /var/lib/tailboard)",
         0, 0, "TAILBOARD_ARCHIVE"},
        {"no-archive", 0, CLI_FLAG, &c->no_archive, NULL,
         "keep nothing of what is followed", 0, 0, "TAILBOARD_NO_ARCHIVE"},
        {"archive-reserve", 0, CLI_BYTES, &c->archive_reserve, "SIZE",
         "what stays free on the archive's disk: below it archiving\n"
         "pauses (default: the smaller of 5 % of the disk and 10G)",
         0, 0, "TAILBOARD_ARCHIVE_RESERVE"},
        {"output-versions", 0, CLI_UINT, &s->output_versions, "COUNT",
         "older versions of a file in outputs that are kept beside\nthe newest (default 1)", 0, 99,
         "TAILBOARD_OUTPUT_VERSIONS"},
        {"memory", 0, CLI_BYTES, &c->memory, "SIZE",
         "resident memory to stay within, such as 512M (default) or 2G", (uint64_t)64 << 20, 0,
         "TAILBOARD_MEMORY"},
        {"cache", 0, CLI_STRING, &c->cache, "DIR",
         "where the index of what was read is kept (default\n"
         "$XDG_CACHE_HOME/tailboard or ~/.cache/tailboard)",
         0, 0, "TAILBOARD_CACHE"},
        {"cache-size", 0, CLI_BYTES, &c->cache_size, "SIZE",
         "of the index at most (default 10G); what was not used for\nlongest goes first", 0, 0,
         "TAILBOARD_CACHE_SIZE"},
        {"no-index", 0, CLI_FLAG, &c->no_index, NULL,
         "keep no index: every start reads everything", 0, 0, "TAILBOARD_NO_INDEX"},
        {"port-file", 0, CLI_STRING, &s->port_file, "FILE",
         "write the port into FILE as soon as it answers", 0, 0, "TAILBOARD_PORT_FILE"},
        {"json", 0, CLI_FLAG, &s->json, NULL,
         "print one line of JSON on standard output when the port\nanswers", 0, 0, NULL},
        {"quiet", 'q', CLI_FLAG, &s->quiet, NULL, "print warnings and errors only", 0, 0,
         "TAILBOARD_QUIET"},
        {"verbose", 'v', CLI_FLAG, &s->verbose, NULL, "print details", 0, 0, "TAILBOARD_VERBOSE"},
    };

    memcpy(out, rows, sizeof rows);
    return ARRAY_LEN(rows);
}

static int parse(struct serve *s, int argc, char **argv)
{
    struct cli_option options[OPTIONS] = {{0}}; /* ended by a row of zeros */
    size_t n = reading_options(s, options);

    n += access_options(s, options + n);
    n += keeping_options(s, options + n);
    CHECK(n < OPTIONS);
    int first = cli_parse(&cmd_serve, options, argc, argv);

    if (first >= 0 && first < argc) {
        cli_usage_error(&cmd_serve, "'%s': log directories are given with --logdir", argv[first]);
        return -2;
    }
    return first;
}

/* 0 or an exit code. */
static int complete(struct serve *s)
{
    struct config *c = &s->config;
    char why[2 * LIMIT_PATH_BYTES + 200], safe[2 * LIMIT_PATH_BYTES + 200];

    c->logdirs = s->logdirs.items;
    c->n_logdirs = s->logdirs.count;
    c->port_given = s->port != UINT64_MAX;
    c->port = c->port_given ? (uint16_t)s->port : CONFIG_PORT;
    c->workers = (unsigned)s->workers;
    c->output_versions = (unsigned)s->output_versions;
    if (s->allow_hosts.count == ARRAY_LEN(s->allow_hosts.items) ||
        s->allow_origins.count == ARRAY_LEN(s->allow_origins.items))
        return cli_usage_error(&cmd_serve, "too many names in --allow-host or --allow-origin");
    c->allow_hosts = s->allow_hosts.items; /* NULL-ended: the rest of the list is zero */
    c->allow_origins = s->allow_origins.items;
    log_set_level(s->verbose ? LOG_DEBUG : s->quiet ? LOG_WARN : LOG_INFO);
    if (config_resolve(c, why, sizeof why) == 0)
        return 0;
    log_escape(safe, sizeof safe, why, strlen(why));
    return cli_usage_error(&cmd_serve, "%s", safe);
}

/* ---- what is printed ---------------------------------------------------------------------- */

/* "12,345" */
static const char *grouped(char out[32], uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* "812" or "5.6 M" */
static const char *rounded(char out[32], uint64_t n)
{
    if (n >= 1000000)
        snprintf(out, 32, "%.1f M", (double)n / 1e6);
    else
        grouped(out, n);
    return out;
}

/* The name under which a browser reaches this server. */
static void host_for_links(const struct config *c, char *out, size_t size)
{
    if (c->bind_all || (c->host && (strcmp(c->host, "0.0.0.0") == 0 || strcmp(c->host, "::") == 0)))
        if (gethostname(out, size) == 0 && *out) {
            out[size - 1] = '\0';
            return;
        }
    const char *host = c->host && !c->bind_all ? c->host : "localhost";
    snprintf(out, size, strchr(host, ':') ? "[%s]" : "%s", host);
}

static void make_link(const struct serve *s, char *out, size_t size)
{
    const struct config *c = &s->config;
    char host[260];

    if (c->public_url) {
        size_t n = strlen(c->public_url);
        snprintf(out, size, "%s%s", c->public_url, c->public_url[n - 1] == '/' ? "" : "/");
        return;
    }
    host_for_links(c, host, sizeof host);
    snprintf(out, size, "http://%s:%u%s/", host, server_port(s->server), c->prefix);
}

static bool needs_token(const struct config *c)
{
    return c->auth_mode == AUTH_TOKEN || c->public_url || config_beyond_loopback(c);
}

/* The token is shown to a person at the first start or at a terminal, and kept out of the logs of
 * service managers after that. */
static void print_ready(const struct serve *s)
{
    const struct config *c = &s->config;
    char link[512], count[32];

    make_link(s, link, sizeof link);
    if (s->json) {
        printf("{\"url\":");
        cli_json_string(stdout, link, strlen(link));
        printf(",\"port\":%u,\"pid\":%d,\"epoch\":\"%016llx\",\"version\":\"%s\"}\n",
               server_port(s->server), (int)getpid(), (unsigned long long)server_epoch(s->server),
               TB_VERSION);
        fflush(stdout);
    }
    if (needs_token(c)) {
        if (server_token_is_new(s->server) || isatty(STDERR_FILENO))
            fprintf(stderr, "tailboard: open %s#token=%s\n", link, server_token(s->server));
        else
            log_info("a token is needed; it is kept in %s", c->state_dir);
    }
    if (!s->quiet)
        fprintf(stderr, "tailboard %s: %s log director%s, %s  (Ctrl-C ends it)\n", TB_VERSION,
                grouped(count, c->n_resolved), c->n_resolved == 1 ? "y" : "ies", link);
}

/* Progress of the first load; returns true when it is over and was told. */
static bool print_loading(struct serve *s, int64_t started_ns, int64_t *next_ns)
{
    struct server_status now = server_status(s->server);
    char runs[32], points[32];
    bool terminal = isatty(STDERR_FILENO) && !s->quiet;
    double seconds = (double)(clock_ns(NULL) - started_ns) / 1e9;

    if (now.tail.caught_up) {
        if (terminal)
            fprintf(stderr, "\r\033[K");
        const char *plural = now.tail.runs == 1 ? "" : "s";
        grouped(runs, now.tail.runs);
        struct server_points shown = server_points(s->server);
        rounded(points, shown.kept);
        char time[48] = "", memory[48] = "";
        if (!s->waited)
            snprintf(time, sizeof time, " in %.*f s", seconds < 10 ? 2 : 0, seconds);
        if (shown.kept > 0)
            snprintf(memory, sizeof memory, ", %.1f bytes of memory a point",
                     shown.bytes_per_point);
        const char *known = shown.kept > 0 && now.ingest.points == 0 ? " known from before" : "";
        log_info("loaded %s run%s, %s points%s%s%s", runs, plural, points, known, time, memory);
        return true;
    }
    s->waited |= now.tail.waiting_for_logdir;
    if (terminal && clock_ns(NULL) >= *next_ns && now.tail.runs > 0) {
        *next_ns = clock_ns(NULL) + NS_PER_S / 5;
        fprintf(stderr, "\r\033[Kreading %.1f of %.1f MB, %s runs, %s points",
                (double)now.tail.bytes_read / 1e6, (double)now.tail.bytes_total / 1e6,
                grouped(runs, now.tail.runs), rounded(points, now.ingest.points));
        fflush(stderr);
    }
    return false;
}

/* Whole or not at all: a script that sees the file can read it. */
static int write_port_file(const char *path, uint16_t port)
{
    char temporary[LIMIT_PATH_BYTES], text[16];
    int length = snprintf(text, sizeof text, "%u\n", port);

    int n = snprintf(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return -ENAMETOOLONG;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, (size_t)length);
    int r = written == length ? 0 : written < 0 ? -errno : -ENOSPC;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temporary);
    return r;
}

/* ---- running ------------------------------------------------------------------------------ */

static void stop_signals(sigset_t *set)
{
    struct sigaction hangup;

    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup */
        sigaddset(set, SIGHUP);
}

static int start(struct serve *s)
{
    const struct config *c = &s->config;

    int r = server_start(c, &s->server);
    if (r == -EADDRINUSE && c->port_given)
        log_error("port %u is taken; choose another one with --port, or any free one with --port 0",
                  c->port);
    else if (r == -EADDRINUSE)
        log_error("ports %d to %d are all taken; choose one with --port, or any free one with "
                  "--port 0",
                  CONFIG_PORT, CONFIG_PORT + CONFIG_PORT_TRIES);
    if (r < 0)
        return CLI_FAILED;
    if (!s->port_file)
        return CLI_OK;
    r = write_port_file(s->port_file, server_port(s->server));
    if (r < 0)
        log_error("%s cannot be written: %s", s->port_file, strerror(-r));
    return r < 0 ? CLI_FAILED : CLI_OK;
}

/* Returns when a signal says so. */
static void wait_for_end(struct serve *s, const sigset_t *signals, int64_t started_ns)
{
    int64_t next_ns = started_ns + NS_PER_S / 5;
    bool loaded = false;

    while (!loaded) {
        const long ms = s->waited ? WAITING_TICK_MS : LOADING_TICK_MS;
        const struct timespec tick = {.tv_nsec = ms * NS_PER_MS};
        if (sigtimedwait(signals, NULL, &tick) > 0)
            break;
        loaded = print_loading(s, started_ns, &next_ns);
    }
    while (loaded && sigwaitinfo(signals, NULL) < 0)
        continue; /* interrupted by a debugger or a stop */
    if (isatty(STDERR_FILENO) && !s->quiet)
        fprintf(stderr, "\r\033[K");
    log_info("stopping");
}

static int run(int argc, char **argv)
{
    struct serve s = {.config = {.auth = "user", .cache_size = CONFIG_CACHE_SIZE},
                      .port = UINT64_MAX,
                      .output_versions = CONFIG_OUTPUT_VERSIONS};
    int64_t started_ns = clock_ns(NULL);
    sigset_t signals, before;

    int first = parse(&s, argc, argv);
    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    int code = complete(&s);
    if (code == CLI_OK) {
        signal(SIGPIPE, SIG_IGN);
        stop_signals(&signals);
        pthread_sigmask(SIG_BLOCK, &signals, &before);
        code = start(&s);
        if (code == CLI_OK) {
            beacon_light(&s.config, s.server);
            print_ready(&s);
            wait_for_end(&s, &signals, started_ns);
        }
        /* From here on a second signal ends the process at once. */
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (s.server)
            beacon_put_out(&s.config);
        server_stop(s.server);
        if (s.port_file && s.server)
            unlink(s.port_file);
    }
    config_done(&s.config);
    return code;
}

const struct cli_command cmd_serve = {
    .name = "serve",
    .args = "",
    .summary = "Follow log directories and show them on a live page",
    .run = run,
};
