/* folder.h: what lies below a directory, and news of it.
 *
 * A walk lists everything (never following links to directories, never into .tailboard); inotify
 * says what changes in between. Network file systems tell nothing: they are walked more often.
 *
 *   folder_walk() ──► entry(ctx, path, facts)        folder_read() ──► news(ctx, owner, path, …)
 *
 * Thread: ship's. No recursion: a stack of names, at most LIMIT_SHIP_DEPTH deep. */
#ifndef TB_SHIP_FOLDER_H
#define TB_SHIP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct folder_place { /* what a watch number stands for */
    char *path;
    void *owner;
};

struct folder {
    int fd; /* of inotify; -1: none */
    struct folder_place *places;
    size_t n_places;
};

void folder_init(struct folder *folder);
void folder_done(struct folder *folder);

/* Everything but directories below `path` (or in it, when it is no top), each directory watched
 * before it is listed. `entry` gets lstat() facts. 0; -errno if `path` cannot be listed. */
_must_check_ int folder_walk(struct folder *folder, const char *path, void *owner,
                             void (*entry)(void *ctx, const char *path, const struct stat *st),
                             void *ctx);

/* Takes in what inotify has. directory: a directory came (walk it) or the news were too many
 * (path NULL: walk everything). */
void folder_read(struct folder *folder,
                 void (*news)(void *ctx, void *owner, const char *path, bool directory), void *ctx);

/* Does this path lie where changes by other machines give no news? */
bool folder_is_remote(const char *path);

#endif
