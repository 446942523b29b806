#include "launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "launch/signals.h"

/* In the new process. Only returns when something failed. */
static int become(const struct child_start *start)
{
    if (start->own_group && setpgid(0, 0) < 0)
        return errno;
    if (start->out >= 0 && dup2(start->out, STDOUT_FILENO) < 0)
        return errno;
    if (start->err >= 0 && dup2(start->err, STDERR_FILENO) < 0)
        return errno;
    signals_restore(start->signals);
    execvpe(start->argv[0], start->argv, start->envp);
    return errno;
}

int child_start(const struct child_start *start, struct child *ret)
{
    int report[2], error = 0;

    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        error = become(start);
        (void)!write(report[1], &error, sizeof error);
        _exit(127);
    }
    int fork_error = errno;
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return -fork_error;
    }
    if (start->own_group)
        (void)setpgid(pid, pid); /* whoever of the two comes first */
    ssize_t n;
    do
        n = read(report[0], &error, sizeof error);
    while (n < 0 && errno == EINTR);
    close(report[0]);
    if (n == (ssize_t)sizeof error) {
        (void)waitpid(pid, NULL, 0);
        return -error;
    }
    *ret = (struct child){.pid = pid, .own_group = start->own_group};
    return 0;
}

void child_reap(struct child *child)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            child->all_ended = true; /* ECHILD */
        if (pid <= 0)
            return;
        if (pid == child->pid) {
            child->ended = true;
            child->status = status;
        }
    }
}

/* Our direct children, as the kernel lists them: "12 345 6 ". */
static void signal_adopted(const struct child *child, int number)
{
    char path[64], text[4096];

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return;
    text[n] = '\0';
    for (char *p = text, *end; (end = strchr(p, ' ')); p = end + 1) {
        pid_t pid = (pid_t)strtol(p, NULL, 10);
        if (pid > 0 && pid != child->pid && (!child->own_group || getpgid(pid) != child->pid))
            kill(pid, number);
    }
}

void child_signal(const struct child *child, int number)
{
    if (child->own_group)
        kill(-child->pid, number); /* the group lives as long as anyone is in it */
    else if (!child->ended)
        kill(child->pid, number);
    signal_adopted(child, number);
}

int child_exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
