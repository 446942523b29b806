/* environ.h: the environment that a command is started with.
 *
 * The caller's own variables, with those of Tailboard set. Before: the run's identity. After:
 * child.c hands it to execve(). Thread: main. */
#ifndef TB_LAUNCH_ENVIRON_H
#define TB_LAUNCH_ENVIRON_H

#include "base/cleanup.h"

struct environ_list { /* NAME=VALUE, ended by NULL; the strings are its own */
    char **items;
    size_t count, capacity;
};

/* A copy of `from` (as the global variable environ). 0 or -ENOMEM. */
_must_check_ int environ_init(struct environ_list *list, char *const *from);
void environ_done(struct environ_list *list);

/* Sets a variable, or takes its place; NULL: removes it. 0 or -ENOMEM. */
_must_check_ int environ_set(struct environ_list *list, const char *name, const char *value);
_must_check_ int environ_set_number(struct environ_list *list, const char *name, long value);
/* NULL: not set. */
const char *environ_get(const struct environ_list *list, const char *name);

#endif
