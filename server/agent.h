/* agent.h: the compute-node side, wired: a command or directories, followed and shipped.
 *
 *   agent_run      launch (command, console) + ship (files, events)     `tailboard run`
 *   agent_follow   ship alone, until it is stopped                      `tailboard agent`
 *   agent_drain    ship alone, for what dead processes left             `tailboard drain`
 *
 * Linked into `tailboard` and into the lean `tailboard-agent`. Thread: main. */
#ifndef TB_AGENT_H
#define TB_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_options {
    const char *server;                                     /* URL; NULL: spool only */
    const char *token;                                      /* NULL: none */
    const char *experiment, *name;                          /* NULL: default */
    const char *const *logs, *const *outputs, *const *tags; /* tags: KEY=VALUE */
    size_t n_logs, n_outputs, n_tags;
    uint64_t limit_rate;    /* bytes a second; 0: none */
    double flush_timeout_s; /* negative: no limit */
    bool quiet;
    /* agent_run */
    char *const *argv;
    const char *resume; /* run id; NULL */
    bool console;
    /* agent_follow */
    bool once, each;
};

/* Exit status: the command's own, 128 + n, 125, 126, 127. */
int agent_run(const struct agent_options *options);
/* 0 when stopped or (once) everything is sent; 1: something is left; 3: cannot start. */
int agent_follow(const struct agent_options *options);
/* 0: nothing is left; 1: something is; 3: cannot start. */
int agent_drain(const struct agent_options *options, const char *const *dirs, size_t n_dirs);

#endif
