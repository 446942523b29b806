#include "launch/signals.h"

#include <errno.h>
#include <sys/signalfd.h>

static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};

int signals_open(struct signals *signals)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        sigaddset(&set, caught[i]);
    if (sigprocmask(SIG_BLOCK, &set, &signals->before) < 0)
        return -errno;
    /* An inherited SIG_IGN of CHLD would reap the command behind our back. */
    signal(SIGCHLD, SIG_DFL);
    signals->pipe_before = signal(SIGPIPE, SIG_IGN);
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->fd < 0)
        return -errno;
    return 0;
}

void signals_close(struct signals *signals)
{
    if (signals->fd >= 0)
        close(TAKE_FD(signals->fd));
}

int signals_next(struct signals *signals, struct signals_news *ret)
{
    struct signalfd_siginfo info;

    if (read(signals->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    ret->number = (int)info.ssi_signo;
    ret->by_terminal = info.ssi_code == SI_KERNEL;
    return 1;
}

void signals_restore(const struct signals *signals)
{
    signal(SIGPIPE, signals->pipe_before == SIG_IGN ? SIG_IGN : SIG_DFL);
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
}
