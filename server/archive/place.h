/* place.h: names below the archive's directory: opened, made, moved, and never left.
 *
 * Every name is opened relative to the archive's own descriptor with openat2() and
 * RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS; where the kernel lacks that, component by component with
 * O_NOFOLLOW. So no name from outside and no link planted below leads anywhere else.
 *
 *   runs/<id>/files/logs/…                 the newest generation of a path, under its own name
 *   runs/<id>/console/…                    the same for paths that begin with console/
 *   runs/<id>/generations/<n>/logs/…       older ones
 *
 * Thread: any; nothing is kept. Results are -errno. */
#ifndef TB_ARCHIVE_PLACE_H
#define TB_ARCHIVE_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/limits.h"

/* room for the longest path below the archive */
#define PLACE_BYTES (LIMIT_PATH_BYTES + LIMIT_RUN_ID_BYTES + 64)

/* of a path within a run: with what stands in front of it, the kernel's 4,096 must do */
#define PLACE_PATH_BYTES (LIMIT_PATH_BYTES - 256)

/* May a path from outside be one of a run's? Components 1 to LIMIT_NAME_BYTES, none "." or "..",
 * all together at most PLACE_PATH_BYTES. */
bool place_path_ok(const char *path);
bool place_id_ok(const char *id); /* of a run: [A-Za-z0-9._-], not beginning with a dot */

/* Where a generation sits. `moved`: it has been put below generations/. 0 or -ENAMETOOLONG. */
_must_check_ int place_of(char *ret, size_t size, const char *run, const char *path,
                          uint32_t number, bool moved);

/* Relative to `root`, a directory's descriptor; flags as open(), O_CLOEXEC is added. */
_must_check_ int place_open(int root, const char *path, int flags, mode_t mode);

/* Directories that got new names and must be synced before what lies in them counts. */
struct place_dirs {
    char **paths; /* relative to the root; "" is the root */
    size_t count, capacity;
};
_must_check_ int place_dirs_add(struct place_dirs *dirs, const char *path);
void place_dirs_done(struct place_dirs *dirs);
/* Adds the directory that holds `path`. */
_must_check_ int place_dirs_add_parent(struct place_dirs *dirs, const char *path);

/* Makes the directories above `path`; parents of new ones go into `dirs` (NULL: not told). */
_must_check_ int place_make_parents(int root, const char *path, struct place_dirs *dirs);
/* The same file under a second name; -EEXIST, if another has that. */
_must_check_ int place_link(int root, const char *from, const char *to);
_must_check_ int place_rename(int root, const char *from, const char *to);
/* Removes a file. */
_must_check_ int place_unlink(int root, const char *path);
/* Removes a file or a directory with all below it, never following a link. */
_must_check_ int place_remove_tree(int root, const char *path);
/* Syncs the directory that holds `path`. */
_must_check_ int place_sync_parent(int root, const char *path);
_must_check_ int place_sync_dir(int root, const char *path);
/* Writes a small file in its place, and does not wait for the disk. Its descriptor or -errno. */
_must_check_ int place_make_file(int root, const char *path, const void *data, size_t size);
/* Writes a small file whole: temporary file, fsync, rename. The directory is the caller's. */
_must_check_ int place_write_file(int root, const char *path, const void *data, size_t size);

#endif
