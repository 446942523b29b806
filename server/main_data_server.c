/* main_data_server.c: the program `tailboard-data-server`, which stock TensorBoard starts in place
 * of its own data server: the same command line, port file, error file and exit codes
 * (docs/man/tailboard-data-server.1).
 *
 * Not cli/'s options: here an unknown or shortened flag must be an error of that program's form.
 * The main thread starts the server and then waits for the end of standard input. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "base/fileio.h"
#include "base/log.h"
#include "provider/provider.h"
#include "server.h"

enum { EXIT_PORT_FILE = 1, EXIT_USAGE = 2, EXIT_LOGDIR = 8, EXIT_BIND = 9, TICK_MS = 20 };

struct line { /* the command line */
    const char *logdir, *host, *port, *reload, *samples, *port_file, *error_file;
    bool die_after_stdin, help, version;
    int verbose;
};

static const char help_text[] =
    "tailboard-data-server " TB_VERSION ": event files for stock TensorBoard\n"
    "\n"
    "usage: tailboard-data-server --logdir PATH [options]\n"
    "\n"
    "  --logdir PATH              directory to follow, with all below it\n"
    "  --host HOST                address or name to listen on (default localhost)\n"
    "  --port PORT                port to listen on; 0: any free one (default 6806)\n"
    "  --reload SECONDS|once      once: read once, follow nothing; a number is taken and not\n"
    "                             needed: data arrive as they are written (default 5)\n"
    "  --samples-per-plugin LIST  NAME=COUNT or NAME=all, with commas: points kept at most\n"
    "                             (default: all)\n"
    "  --port-file FILE           write the port into FILE\n"
    "  --error-file FILE          write what went wrong at the start into FILE\n"
    "  --die-after-stdin          end when standard input ends\n"
    "  --checksum, --no-checksum  taken; checksums are always verified\n"
    "  -v, --verbose              say more; twice: even more\n"
    "  -V, --version              print the version\n"
    "  -h, --help                 print this\n"
    "\n"
    "TENSORBOARD_DATA_SERVER_BINARY=/path/to/tailboard-data-server tensorboard --logdir PATH\n";

/* ---- the command line --------------------------------------------------------------------- */

static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int usage(const char *format, ...)
{
    char text[512], safe[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_escape(safe, sizeof safe, text, strlen(text));
    fprintf(stderr, "error: %s\n\nFor more information try --help\n", safe);
    return EXIT_USAGE;
}

/* The value behind "--name=" or in the next word. */
static const char *value_of(int argc, char **argv, int *at, size_t name)
{
    if (argv[*at][name] == '=')
        return argv[*at] + name + 1;
    return *at + 1 < argc ? argv[++*at] : NULL;
}

static bool is_flag(const char *word, struct line *line)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--die-after-stdin", &line->die_after_stdin}, {"--help", &line->help},
                 {"-h", &line->help}, {"--version", &line->version}, {"-V", &line->version},
                 {"--checksum", NULL}, {"--no-checksum", NULL}};

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (strcmp(word, flags[i].name) == 0) {
            if (flags[i].flag)
                *flags[i].flag = true;
            return true;
        }
    if (strcmp(word, "--verbose") == 0) {
        line->verbose++;
        return true;
    }
    if (word[0] != '-' || word[1] != 'v' || strspn(word + 1, "v") != strlen(word + 1))
        return false;
    line->verbose += (int)MIN(strlen(word + 1), (size_t)9);
    return true;
}

static int parse(int argc, char **argv, struct line *line)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"--logdir", &line->logdir}, {"--host", &line->host}, {"--port", &line->port},
                   {"--reload", &line->reload}, {"--samples-per-plugin", &line->samples},
                   {"--port-file", &line->port_file}, {"--error-file", &line->error_file}};

    for (int i = 1; i < argc; i++) {
        bool found = is_flag(argv[i], line);
        for (size_t k = 0; k < ARRAY_LEN(options) && !found; k++) {
            size_t size = strlen(options[k].name);
            if (strncmp(argv[i], options[k].name, size) != 0 ||
                (argv[i][size] != '=' && argv[i][size] != '\0'))
                continue;
            found = true;
            const char *value = value_of(argc, argv, &i, size);
            if (!value)
                return usage("%s needs a value", options[k].name);
            *options[k].value = value;
        }
        if (!found)
            return usage("'%s' is not known here", argv[i]);
    }
    return 0;
}

/* Decimal digits, perhaps behind a plus sign. */
static bool parse_number(const char *text, uint64_t most, uint64_t *ret)
{
    uint64_t value = 0;

    text += *text == '+';
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value) || value > most)
            return false;
    *ret = value;
    return true;
}

/* 0 or an exit code. */
static int check(const struct line *line, struct config *config, bool *ret_once)
{
    struct provider *provider;
    struct provider_error error;
    uint64_t port = 6806, seconds;
    const struct provider_options trial = {.samples = line->samples};

    if (!line->logdir)
        return usage("--logdir is needed");
    if (line->port && !parse_number(line->port, 65535, &port))
        return usage("--port '%s': not a number from 0 to 65535", line->port);
    *ret_once = line->reload && strcmp(line->reload, "once") == 0;
    if (line->reload && !*ret_once && !parse_number(line->reload, UINT64_MAX, &seconds))
        return usage("--reload '%s': not a number of seconds, nor 'once'", line->reload);
    if (provider_new(&trial, &provider, &error) < 0)
        return usage("--samples-per-plugin %s", error.text);
    provider_free(provider);
    config->host = line->host;
    config->port = (uint16_t)port;
    config->port_given = true;
    config->samples = line->samples;
    return 0;
}

/* ---- what is told ------------------------------------------------------------------------- */

/* A text that ends the start: to the error file, or to standard error. */
static void tell_fatal(const struct line *line, const char *text)
{
    _cleanup_close_ int fd = -1;

    if (line->error_file) {
        fd = open(line->error_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd >= 0 && dprintf(fd, "%s\n", text) > 0)
            return;
    }
    fprintf(stderr, "fatal: %s\n", text);
}

/* "wat://x" is refused: only directories of this machine are read. */
static const char *protocol_of(const char *logdir, size_t *ret_size)
{
    size_t n = 0;

    while ((logdir[n] >= 'a' && logdir[n] <= 'z') || (logdir[n] >= 'A' && logdir[n] <= 'Z') ||
           (n > 0 && logdir[n] && strchr("0123456789+-.", logdir[n])))
        n++;
    *ret_size = n;
    return n > 0 && strncmp(logdir + n, "://", 3) == 0 ? logdir : NULL;
}

static int check_logdir(const struct line *line)
{
    char text[LIMIT_PATH_BYTES + 64];
    size_t size;

    CHECK(line->logdir); /* check() has seen to that */
    const char *protocol = protocol_of(line->logdir, &size);

    if (*line->logdir && !protocol)
        return 0;
    if (protocol)
        snprintf(text, sizeof text, "unknown protocol \"%.*s\" in logdir %s", (int)size, protocol,
                 line->logdir);
    else
        snprintf(text, sizeof text, "empty --logdir");
    tell_fatal(line, text);
    return EXIT_LOGDIR;
}

static void tell_bind(const struct line *line, uint16_t port, int error)
{
    char text[600];

    snprintf(text, sizeof text, "failed to bind to (\"%.300s\", %u): %s (os error %d)",
             line->host ? line->host : "localhost", port, strerror(error), error);
    tell_fatal(line, text);
}

static int write_port(const struct line *line, uint16_t port)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%u\n", port);

    if (!line->port_file) {
        fprintf(stderr, "listening on %s:%u\n", line->host ? line->host : "localhost", port);
        return 0;
    }
    _cleanup_close_ int fd = open(line->port_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int r = fd < 0 ? -errno : fileio_write(fd, text, (size_t)n);
    if (r < 0)
        log_error("%s cannot be written: %s", line->port_file, strerror(-r));
    return r < 0 ? EXIT_PORT_FILE : 0;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Ends the process with standard input: at once, whatever else is going on. The index is derived,
 * and each of its files is whole or not there. */
static void *watch_stdin(void *arg)
{
    char bytes[4096];

    for (;;) {
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            _exit(0);
        if (n < 0) {
            struct pollfd input = {STDIN_FILENO, POLLIN, 0};
            poll(&input, 1, -1);
        }
    }
    return NULL;
}

static void serve(struct server *server, bool once)
{
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};

    while (once && !server_status(server).tail.caught_up &&
           !server_status(server).tail.waiting_for_logdir)
        nanosleep(&tick, NULL);
    if (once)
        server_end_reading(server);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    struct line line = {0};
    struct config config = {.no_archive = true, .cache_size = CONFIG_CACHE_SIZE};
    struct server *server;
    pthread_t watcher;
    bool once = false;

    int code = parse(argc, argv, &line);
    if (code == 0 && (line.help || line.version)) {
        fputs(line.help ? help_text : "tailboard-data-server " TB_VERSION "\n", stdout);
        return 0;
    }
    if (code == 0)
        code = check(&line, &config, &once);
    if (code == 0)
        code = check_logdir(&line);
    if (code != 0)
        return code;
    log_set_level(line.verbose > 1 ? LOG_DEBUG : line.verbose > 0 ? LOG_INFO : LOG_WARN);
    signal(SIGPIPE, SIG_IGN);
    if (config_data_server(&config, line.logdir) < 0)
        return EXIT_PORT_FILE;
    if (line.die_after_stdin && pthread_create(&watcher, NULL, watch_stdin, NULL) != 0)
        return EXIT_PORT_FILE;
    int r = server_start(&config, &server);
    if (r < 0) {
        tell_bind(&line, config.port, -r);
        config_done(&config);
        return EXIT_BIND;
    }
    code = write_port(&line, server_port(server));
    if (code == 0)
        serve(server, once); /* until the process ends */
    server_stop(server);
    config_done(&config);
    return code;
}
