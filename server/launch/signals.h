/* signals.h: signals that are passed on to the command, and the news of ended children.
 *
 * They come by a descriptor, so that main's loop takes them in turn with the command's output.
 * Other threads are started after signals_open() and have them blocked. Thread: main. */
#ifndef TB_LAUNCH_SIGNALS_H
#define TB_LAUNCH_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "base/cleanup.h"

struct signals {
    int fd;          /* of signalfd; -1: closed */
    sigset_t before; /* the mask and the handling of PIPE that the command gets */
    void (*pipe_before)(int);
};

struct signals_news {
    int number;       /* SIGCHLD, or one to pass on */
    bool by_terminal; /* the kernel sent it to the whole foreground group */
};

/* Blocks HUP, INT, QUIT, TERM, USR1, USR2, WINCH, CHLD and ignores PIPE. 0 or -errno. */
_must_check_ int signals_open(struct signals *signals);
void signals_close(struct signals *signals);
/* 1 and the next one, 0: none now. */
int signals_next(struct signals *signals, struct signals_news *ret);
/* In the new process, before execve(): as they were before. */
void signals_restore(const struct signals *signals);

#endif
