/* hints.h: how many points of a series may be given at most, by plugin (--samples-per-plugin).
 *
 * Thread: any once it is made. */
#ifndef TB_PROVIDER_HINTS_H
#define TB_PROVIDER_HINTS_H

#include "store/store.h"

#define HINT_ALL UINT64_MAX

struct hints {
    struct hint {
        char *plugin;
        uint64_t most; /* HINT_ALL: every one */
    } *items;
    size_t count;
};

/* "NAME=N,NAME=all": N decimal, 0: none; the last of equal names counts. NULL and "": nothing.
 * 0, -EINVAL, -ENOMEM. */
_must_check_ int hints_parse(struct hints *hints, const char *text);
void hints_done(struct hints *hints);
/* HINT_ALL too where nothing is said; *ret_said tells the two apart. */
uint64_t hints_most(const struct hints *hints, struct text plugin, bool *ret_said);

#endif
