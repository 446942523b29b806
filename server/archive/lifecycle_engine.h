/* lifecycle_engine.h: what a scheduler's word means for a run. Part of archive, of lifecycle.
 *
 * The words are Slurm's. Engines misreport, so this is asked only where ranks are silent or were
 * stopped from outside. Pure. Thread: any. */
#ifndef TB_ARCHIVE_LIFECYCLE_ENGINE_H
#define TB_ARCHIVE_LIFECYCLE_ENGINE_H

#include "archive/lifecycle.h"

struct engine_answer {
    enum lifecycle_status status; /* STATUS_NONE: the word is not known, or there is none */
    const char *reason;           /* static */
    bool over;                    /* the engine has done with it, or begins it anew */
    bool fine;                    /* over, and the engine saw no error */
    bool hopeless;                /* waits, and will not start as it is */
};

/* state: "PENDING", "CANCELLED by 0", …; why: the reason given with it; exit: "a:b". */
struct engine_answer engine_read(const char *state, const char *why, const char *exit,
                                 bool requeued);

#endif
