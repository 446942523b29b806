/* roll.h: the runs that TensorBoard sees, with their names and start times.
 *
 * One entry a run and directory. Those of one run stand together; runs are ordered by the least
 * start time, so the roll of the same store is the same. Thread: one owner. */
#ifndef TB_PROVIDER_ROLL_H
#define TB_PROVIDER_ROLL_H

#include "provider/core.h"

struct roll_entry {
    struct run *run;
    const char *id, *path;  /* of the store's run */
    struct text dir;
    const char *name;       /* UTF-8, unique */
    double start;           /* seconds since 1970 */
    double run_start;       /* the least of the run's entries */
};

struct roll {
    struct roll_entry *entries;
    size_t count, capacity;
    struct texts texts; /* names */
};

/* 0; -ENOMEM. Released with roll_done(), also after an error. */
_must_check_ int roll_make(struct roll *roll, struct provider *provider, struct text experiment);
void roll_done(struct roll *roll);
/* NULL: no such name. */
const struct roll_entry *roll_find(const struct roll *roll, struct text name);

#endif
