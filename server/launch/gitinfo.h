/* gitinfo.h: which commit a run was started from, and what differed from it.
 *
 * Asks the `git` program; where there is none, or no repository, nothing is known and nothing
 * fails. Thread: main, before the command is started (which may change the files, and whose end
 * is waited for by a loop that takes in every child). Takes at most LIMIT_GIT_MS. */
#ifndef TB_LAUNCH_GITINFO_H
#define TB_LAUNCH_GITINFO_H

#include <stdbool.h>

#include "base/buf.h"

struct gitinfo {
    bool known;
    char commit[65];
    char branch[256];  /* "" when detached */
    char remote[1024]; /* of origin, without user and password; "" */
    bool dirty;
    struct buf patch; /* git diff HEAD, if dirty and not above LIMIT_DIRTY_PATCH_BYTES */
};

/* About the current directory. */
void gitinfo_read(struct gitinfo *ret);
void gitinfo_done(struct gitinfo *info);

/* Cuts "user:password@" out of an URL, in place. */
void gitinfo_clean_url(char *url);

#endif
