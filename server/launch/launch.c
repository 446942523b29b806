#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "launch/child.h"
#include "launch/pty.h"
#include "launch/recorder.h"

#define PASS_BYTES 65536
#define PASS_PIPE_BYTES 4096 /* what a pipe that polls as writable takes without blocking */

/* A stream of the command on its way to ours. */
struct pass {
    int from, to; /* from -1: ended or not ours */
    int theirs;   /* the command's end, closed after the start; -1 */
    bool terminal;
    bool deaf; /* ours takes nothing more */
    char *data;
    size_t at, held;
};

struct running {
    struct launch *launch;
    const struct launch_options *options;
    struct launch_result *result;
    struct child child;
    struct pass passes[2];
    struct recorder *recorder;
    bool own_group, told_end;
    int64_t kill_ns; /* when patience ends; 0: no order */
};

int launch_init(struct launch *launch)
{
    *launch = (struct launch){.stop_fd = -1};
    int r = signals_open(&launch->signals);
    if (r < 0)
        return r;
    launch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return launch->stop_fd < 0 ? -errno : 0;
}

void launch_done(struct launch *launch)
{
    signals_close(&launch->signals);
    if (launch->stop_fd >= 0)
        close(TAKE_FD(launch->stop_fd));
}

void launch_stop(struct launch *launch, int grace_ms)
{
    uint64_t one = 1;

    atomic_store(&launch->grace_ms, grace_ms);
    (void)!write(launch->stop_fd, &one, sizeof one);
}

/* ---- streams ------------------------------------------------------------------------------ */

static int open_pass(struct pass *pass)
{
    int ends[2];

    pass->data = malloc(PASS_BYTES);
    if (!pass->data)
        return -ENOMEM;
    if (isatty(pass->to) && pty_open(pass->to, &pass->from, &pass->theirs) == 0) {
        pass->terminal = true;
        return 0;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pass->from = ends[0];
    pass->theirs = ends[1];
    return 0;
}

static void close_pass(struct pass *pass)
{
    if (pass->from >= 0)
        close(TAKE_FD(pass->from));
    if (pass->theirs >= 0)
        close(TAKE_FD(pass->theirs));
}

static int open_streams(struct running *run)
{
    static const int ours[2] = {STDOUT_FILENO, STDERR_FILENO};
    int r = 0;

    for (int i = 0; i < 2; i++)
        run->passes[i] = (struct pass){.from = -1, .theirs = -1, .to = ours[i]};
    if (!run->options->console[0] && !run->options->console[1])
        return 0;
    r = recorder_start(run->options->console, run->options->trouble, run->options->ctx,
                       &run->recorder);
    if (r < 0) { /* then the streams are left alone */
        if (run->options->trouble)
            run->options->trouble(run->options->ctx, strerror(-r));
        return 0;
    }
    for (int i = 0; i < 2 && r == 0; i++)
        r = open_pass(&run->passes[i]);
    return r;
}

/* The command's bytes came, or it has closed the stream. */
static void take(struct running *run, int i)
{
    struct pass *pass = &run->passes[i];
    ssize_t n = read(pass->from, pass->data, PASS_BYTES);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) { /* EIO: the last one has closed the terminal */
        close_pass(pass);
        return;
    }
    recorder_add(run->recorder, i, pass->data, (size_t)n);
    pass->at = 0;
    pass->held = pass->deaf ? 0 : (size_t)n;
}

/* Ours can take some. */
static void give(struct pass *pass)
{
    ssize_t n = write(pass->to, pass->data + pass->at, MIN(pass->held, PASS_PIPE_BYTES));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) {
        /* Whoever read us is gone: the command learns it as it would have without us. */
        pass->held = 0;
        if (errno == EPIPE)
            close_pass(pass);
        else
            pass->deaf = true;
        return;
    }
    pass->at += (size_t)n;
    pass->held -= (size_t)n;
}

/* ---- signals ------------------------------------------------------------------------------ */

static void pass_on(struct running *run, const struct signals_news *news)
{
    if (news->number == SIGWINCH)
        for (int i = 0; i < 2; i++)
            if (run->passes[i].terminal && run->passes[i].from >= 0)
                pty_copy_size(run->passes[i].to, run->passes[i].from);
    if (news->number == SIGINT || news->number == SIGTERM)
        run->result->signaled = true;
    if (news->by_terminal && !run->own_group && news->number != SIGWINCH)
        return; /* the command is in that group too */
    child_signal(&run->child, news->number);
}

static void take_signals(struct running *run)
{
    struct signals_news news;

    while (signals_next(&run->launch->signals, &news) > 0) {
        if (news.number == SIGCHLD)
            child_reap(&run->child);
        else
            pass_on(run, &news);
    }
    if (run->child.ended && !run->told_end) {
        run->told_end = true;
        run->result->status = run->child.status;
        if (run->options->ended)
            run->options->ended(run->options->ctx, run->child.status);
    }
}

static void take_order(struct running *run)
{
    uint64_t count;

    if (read(run->launch->stop_fd, &count, sizeof count) != (ssize_t)sizeof count)
        return;
    int grace_ms = atomic_load(&run->launch->grace_ms);
    run->result->stopped = true;
    run->kill_ns = clock_ns(NULL) + (int64_t)grace_ms * NS_PER_MS;
    if (grace_ms > 0)
        child_signal(&run->child, SIGTERM);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int wait_ms(const struct running *run)
{
    if (run->child.all_ended)
        return 0; /* only what is left in the streams */
    if (!run->kill_ns)
        return -1;
    int64_t left = (run->kill_ns - clock_ns(NULL)) / NS_PER_MS;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left + 1;
}

/* Polls once. Returns how many streams moved. */
static int turn(struct running *run)
{
    struct pollfd fds[6] = {{run->launch->signals.fd, POLLIN, 0},
                            {run->launch->stop_fd, POLLIN, 0}};
    int moved = 0;

    for (int i = 0; i < 2; i++) {
        struct pass *pass = &run->passes[i];
        fds[2 + i] = (struct pollfd){pass->held ? pass->to : -1, POLLOUT, 0};
        fds[4 + i] = (struct pollfd){pass->held ? -1 : pass->from, POLLIN, 0};
    }
    if (poll(fds, 6, wait_ms(run)) <= 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (fds[2 + i].revents)
            give(&run->passes[i]);
        else if (fds[4 + i].revents)
            take(run, i);
        moved += fds[2 + i].revents || fds[4 + i].revents;
    }
    if (fds[0].revents)
        take_signals(run);
    if (fds[1].revents)
        take_order(run);
    return moved;
}

static void loop(struct running *run)
{
    for (;;) {
        int moved = turn(run);
        bool held = run->passes[0].held > 0 || run->passes[1].held > 0;
        if (run->child.all_ended && !moved && !held)
            return; /* a stranger may still hold a stream open: nobody of ours writes to it */
        if (run->child.all_ended && held) {
            /* Our reader has stopped: it is waited for, as the command would have. */
            struct pollfd fd = {run->passes[run->passes[0].held ? 0 : 1].to, POLLOUT, 0};
            if (run->result->signaled)
                return;
            (void)poll(&fd, 1, 100);
        }
        if (run->kill_ns && clock_ns(NULL) >= run->kill_ns) {
            child_signal(&run->child, SIGKILL);
            run->kill_ns = clock_ns(NULL) + NS_PER_S;
        }
    }
}

static void start_failed(struct running *run, int error)
{
    run->result->error = error;
    run->result->exit_code =
        error == -ENOENT || error == -ENOTDIR ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE;
}

void launch_run(struct launch *launch, const struct launch_options *options,
                struct launch_result *ret)
{
    struct running run = {.launch = launch, .options = options, .result = ret};

    *ret = (struct launch_result){.exit_code = LAUNCH_FAILED};
    run.own_group = !isatty(STDIN_FILENO);
    int r = open_streams(&run);
    if (r < 0) {
        ret->error = r;
    } else {
        const struct child_start start = {
            .argv = options->argv,
            .envp = options->envp,
            .out = run.passes[0].theirs,
            .err = run.passes[1].theirs,
            .own_group = run.own_group,
            .signals = &launch->signals,
        };
        r = child_start(&start, &run.child);
        for (int i = 0; i < 2; i++)
            if (run.passes[i].theirs >= 0)
                close(TAKE_FD(run.passes[i].theirs));
        if (r < 0) {
            start_failed(&run, r);
        } else {
            if (options->started)
                options->started(options->ctx, run.child.pid);
            loop(&run);
            ret->exit_code = child_exit_code(ret->status);
        }
    }
    recorder_stop(run.recorder);
    for (int i = 0; i < 2; i++) {
        close_pass(&run.passes[i]);
        free(run.passes[i].data);
    }
}

int launch_wait(struct launch *launch, int fd, int timeout_ms)
{
    struct pollfd fds[2] = {{launch->signals.fd, POLLIN, 0}, {fd, POLLIN, 0}};
    struct signals_news news;

    if (poll(fds, 2, timeout_ms) <= 0)
        return 0;
    while (fds[0].revents && signals_next(&launch->signals, &news) > 0)
        if (news.number == SIGINT || news.number == SIGTERM || news.number == SIGHUP)
            return -EINTR;
    return fds[1].revents ? 1 : 0;
}
