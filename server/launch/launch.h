/* launch.h: runs a command here, passes everything on, and keeps what it printed.
 *
 *   our stdin ───────────────────────────────► command
 *   our stdout, stderr ◄── pipe or terminal ──┘   │ bytes
 *                              └──► recorder ──► console files
 *   signals to us ──► command;   a stop order ──► TERM, later KILL
 *
 * The module's only door, with ranks.h (which process of a run), environ.h and gitinfo.h (what a
 * run is recorded with), which the wiring uses too. Nothing here knows of a server. Thread: main,
 * but for launch_stop(). */
#ifndef TB_LAUNCH_LAUNCH_H
#define TB_LAUNCH_LAUNCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "launch/environ.h"
#include "launch/gitinfo.h"
#include "launch/ranks.h"
#include "launch/signals.h"

enum { LAUNCH_FAILED = 125, LAUNCH_NOT_EXECUTABLE = 126, LAUNCH_NOT_FOUND = 127 };

struct launch {
    struct signals signals;
    int stop_fd; /* eventfd: an order came */
    _Atomic int grace_ms;
};

struct launch_options {
    char *const *argv;
    char *const *envp;
    const char *console[2]; /* files for stdout, stderr; NULL: not recorded, and not touched */
    void (*started)(void *ctx, pid_t pid);        /* the command runs */
    void (*ended)(void *ctx, int status);         /* the command itself ended, as of waitpid() */
    void (*trouble)(void *ctx, const char *text); /* recording has ended early; any thread */
    void *ctx;
};

struct launch_result {
    int exit_code; /* of `run` */
    int error;     /* -errno: the command did not start */
    int status;    /* as of waitpid() */
    bool stopped;  /* by launch_stop() */
    bool signaled; /* TERM or INT came from outside and was passed on */
};

/* Before any thread is started: they inherit the blocked signals. 0 or -errno. */
_must_check_ int launch_init(struct launch *launch);
void launch_done(struct launch *launch);

/* Starts the command and stays until it and all its descendants have ended. */
void launch_run(struct launch *launch, const struct launch_options *options,
                struct launch_result *ret);

/* Any thread: TERM now and KILL after the grace (0: KILL now). */
void launch_stop(struct launch *launch, int grace_ms);

/* After launch_run(): waits at most `timeout_ms` for `fd` to be readable. 1: it is; 0: time is
 * up; -EINTR: INT, TERM or HUP came (a user who does not want to wait). */
_must_check_ int launch_wait(struct launch *launch, int fd, int timeout_ms);

#endif
