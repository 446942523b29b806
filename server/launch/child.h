/* child.h: starts the command, and ends it with all its descendants.
 *
 * This process becomes their reaper: what the command leaves behind is adopted and waited for.
 * Thread: main. */
#ifndef TB_LAUNCH_CHILD_H
#define TB_LAUNCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct signals;

struct child_start {
    char *const *argv;
    char *const *envp;
    int out, err; /* become its descriptors 1 and 2; -1: inherited */
    bool own_group;
    const struct signals *signals;
};

struct child {
    pid_t pid;
    bool own_group;
    bool ended;     /* the command itself */
    bool all_ended; /* and everything it started */
    int status;     /* as of waitpid() */
};

/* 0; -errno of what failed in the new process (-ENOENT: there is no such program) or before. */
_must_check_ int child_start(const struct child_start *start, struct child *ret);
/* Takes in everything that has ended. */
void child_reap(struct child *child);
/* Sends a signal to the command's group, and to adopted processes outside of it. */
void child_signal(const struct child *child, int number);

/* Exit status of `run` for a status of waitpid(): the command's own, or 128 + n. */
int child_exit_code(int status);

#endif
