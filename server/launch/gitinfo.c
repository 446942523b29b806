#include "launch/gitinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/limits.h"

extern char **environ;

/* Reads a pipe to its end. False: too late, or too much. */
static bool read_answer(int fd, int64_t until, struct buf *answer)
{
    char piece[16384];

    for (;;) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        int64_t left = (until - clock_ns(NULL)) / NS_PER_MS;
        if (left <= 0 || poll(&poll_fd, 1, (int)left) <= 0)
            return false;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (buf_add(answer, piece, (size_t)n) < 0)
            return false;
    }
}

static int spawn_git(const char *const *argv, int out, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;

    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int r = posix_spawnp(ret, "git", &actions, &attributes, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -r;
}

/* Runs git; true if it answered in time with status 0. The line end of an answer is cut. */
static bool ask(const char *const *argv, int64_t until, struct buf *answer)
{
    int ends[2], status = -1;
    pid_t pid;

    buf_clear(answer);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    int r = spawn_git(argv, ends[1], &pid);
    close(ends[1]);
    bool whole = r == 0 && read_answer(ends[0], until, answer);
    close(ends[0]);
    if (r < 0)
        return false;
    if (!whole)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return whole && status == 0;
}

static void copy_line(char *out, size_t size, const struct buf *answer)
{
    const char *data = answer->data ? answer->data : "";
    const char *end = memchr(data, '\n', answer->length);
    size_t n = MIN(end ? (size_t)(end - data) : answer->length, size - 1);

    memcpy(out, data, n);
    out[n] = '\0';
}

void gitinfo_clean_url(char *url)
{
    char *host = strstr(url, "://");

    if (!host)
        return;
    host += 3;
    size_t authority = strcspn(host, "/?#");
    for (size_t i = authority; i > 0; i--)
        if (host[i - 1] == '@') {
            memmove(host, host + i, strlen(host + i) + 1);
            return;
        }
}

void gitinfo_read(struct gitinfo *ret)
{
    static const char *const head[] = {"git", "rev-parse", "HEAD", NULL};
    static const char *const branch[] = {"git", "symbolic-ref", "--short", "-q", "HEAD", NULL};
    static const char *const remote[] = {"git", "config", "--get", "remote.origin.url", NULL};
    static const char *const diff[] = {"git",        "--no-optional-locks", "diff", "--binary",
                                       "--no-color", "--no-ext-diff",       "HEAD", NULL};
    _cleanup_(buf_done) struct buf answer = BUF_INIT(LIMIT_DIRTY_PATCH_BYTES);
    int64_t until = clock_ns(NULL) + LIMIT_GIT_MS * NS_PER_MS;

    *ret = (struct gitinfo){.patch = BUF_INIT(LIMIT_DIRTY_PATCH_BYTES)};
    if (!ask(head, until, &answer))
        return;
    copy_line(ret->commit, sizeof ret->commit, &answer);
    ret->known = ret->commit[0] != '\0';
    if (ask(branch, until, &answer))
        copy_line(ret->branch, sizeof ret->branch, &answer);
    if (ask(remote, until, &answer)) {
        copy_line(ret->remote, sizeof ret->remote, &answer);
        gitinfo_clean_url(ret->remote);
    }
    if (ask(diff, until, &ret->patch)) {
        ret->dirty = ret->patch.length > 0;
    } else {
        ret->dirty = true; /* too large to be kept, or it took too long */
        buf_done(&ret->patch);
    }
}

void gitinfo_done(struct gitinfo *info)
{
    buf_done(&info->patch);
}
