/* cmd_tensorboard.c: `tailboard tensorboard`: stock TensorBoard on chosen runs.
 *
 * The event files of the runs are brought into a temporary folder, a folder a run named like it,
 * and tensorboard is started on that. The folder goes when it ends. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "cli/fetch.h"

extern char **environ;

/* A run's name as a folder's: what would lead elsewhere is made plain. */
static void put_folder(struct buf *out, const char *name)
{
    buf_str(out, "/");
    for (const char *p = name; *p; p++)
        buf_char(out, (char)(*p == '/' || (unsigned char)*p < 0x20 ||
                                     (*p == '.' && p == name) ? '_' : *p));
}

static int bring(struct asker *asker, const char *name, const char *folder)
{
    json_t *run = asker_find_run(asker, name), *list, *file;
    const char *id = asker_text(run, "id");
    size_t i;
    int r = 0;

    list = run ? fetch_list(asker, id, NULL) : NULL;
    if (!list) {
        json_decref(run);
        return CLI_FAILED;
    }
    json_array_foreach(list, i, file) {
        _cleanup_(buf_done) struct buf to = BUF_INIT(LIMIT_PATH_BYTES + 1);
        const char *path = asker_text(file, "path");

        if (!json_is_true(json_object_get(file, "event_file")))
            continue;
        buf_str(&to, folder);
        put_folder(&to, asker_text(run, "name"));
        buf_printf(&to, "/%s", strncmp(path, "logs/", 5) == 0 ? path + 5 : path);
        r = worse(r, buf_text(&to) ? fetch_file(asker, id, file, to.data) : CLI_FAILED);
    }
    json_decref(list);
    json_decref(run);
    return r;
}

static int start(const char *const *words)
{
    posix_spawnattr_t attributes;
    sigset_t signals;
    pid_t child;
    int status, r;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    r = posix_spawnp(&child, words[0], NULL, &attributes, (char **)(uintptr_t)words, environ);
    posix_spawnattr_destroy(&attributes);
    if (r != 0) {
        fprintf(stderr, "tailboard tensorboard: %s: %s\n", words[0],
                r == ENOENT ? "it is not on PATH (pip install tensorboard)" : strerror(r));
        return CLI_FAILED;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERRUPTED;
}

static int run_tensorboard(int argc, char **argv)
{
    struct asker_options asker_options = {0};
    const char *program = "tensorboard";
    char folder[] = "/tmp/tailboard-tensorboard-XXXXXX", port_text[16];
    uint64_t port = 6007;
    const struct cli_option options[] = {
        {"port", 'p', CLI_UINT, &port, "N", "where it listens (default 6007)", 0, 65535, NULL},
        {"program", 0, CLI_STRING, &program, "PATH", "the program to start", 0, 0, NULL},
        ASKER_OPTION_ROWS(&asker_options),
        {0},
    };
    int first = cli_parse(&cmd_tensorboard, options, argc, argv), r;
    const char *const words[] = {program, "--logdir", folder, "--port", port_text,
                           NULL};
    const char *const clean[] = {"rm", "-rf", "--", folder, NULL};
    struct asker *asker;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_tensorboard, "which runs?");
    r = asker_open(&cmd_tensorboard, &asker_options, &asker);
    if (r != 0)
        return r;
    snprintf(port_text, sizeof port_text, "%u", (unsigned)port);
    if (!mkdtemp(folder)) {
        fprintf(stderr, "tailboard tensorboard: %s: %s\n", folder, strerror(errno));
        asker_close(asker);
        return CLI_FAILED;
    }
    for (int i = first; i < argc && r == 0; i++)
        r = bring(asker, argv[i], folder);
    asker_close(asker);
    signal(SIGINT, SIG_IGN); /* it is for the child; the folder is removed after that */
    if (r == 0)
        r = start(words);
    start(clean);
    return r;
}

const struct cli_command cmd_tensorboard = {
    .name = "tensorboard",
    .args = "RUN...",
    .summary = "Start stock TensorBoard on chosen runs",
    .run = run_tensorboard,
};
