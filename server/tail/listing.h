/* listing.h: what of a directory matters to the tailer, sorted by name.
 *
 * Before: discover asks when a directory is new or changed. After: discover compares it with what
 * it knew. Thread: the tail thread. */
#ifndef TB_TAIL_LISTING_H
#define TB_TAIL_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

enum listing_kind {
    LISTING_NONE,      /* does not matter */
    LISTING_FILE,      /* an event file */
    LISTING_LINK,      /* a symbolic link with the name of an event file */
    LISTING_TEMPORARY, /* somebody's unfinished copy of one */
    LISTING_DIR,
    LISTING_DIR_LINK,  /* a symbolic link to a directory */
    LISTING_DANGLING,  /* a link that leads nowhere now: it may become one of the others */
};

struct listing_entry {
    char *name;
    enum listing_kind kind;
};

struct listing {
    struct listing_entry *entries;
    size_t n, capacity;
    bool dangling; /* there are dangling links, which are not in the entries */
    dev_t dev;
    ino_t ino;
    int64_t mtime_ns;
};

/* 0 or -errno. */
_must_check_ int listing_read(const char *path, struct listing *ret);
void listing_done(struct listing *listing);
/* What a name in an open directory (AT_FDCWD: a path) is. `type` as in struct dirent. */
enum listing_kind listing_kind_of(int dir_fd, const char *path, const char *name,
                                  unsigned char type);

#endif
