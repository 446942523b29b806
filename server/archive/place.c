#include "archive/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#include "base/check.h"

bool place_path_ok(const char *path)
{
    size_t length = strlen(path);

    if (length == 0 || length > PLACE_PATH_BYTES)
        return false;
    for (const char *at = path;; at++) {
        size_t n = strcspn(at, "/");
        if (n == 0 || n > LIMIT_NAME_BYTES || (n == 1 && at[0] == '.') ||
            (n == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += n;
        if (!*at)
            return true;
    }
}

bool place_id_ok(const char *id)
{
    static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(id);

    return length > 0 && length <= LIMIT_RUN_ID_BYTES && id[0] != '.' && strspn(id, ok) == length;
}

int place_of(char *ret, size_t size, const char *run, const char *path, uint32_t number,
             bool moved)
{
    int n;

    if (moved)
        n = snprintf(ret, size, "runs/%s/generations/%u/%s", run, number, path);
    else if (strncmp(path, "console/", 8) == 0)
        n = snprintf(ret, size, "runs/%s/%s", run, path);
    else
        n = snprintf(ret, size, "runs/%s/files/%s", run, path);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* ---- opening ---------------------------------------------------------------------------- */

static int open_walking(int root, const char *path, int flags, mode_t mode)
{
    _cleanup_close_ int at = -1;
    char name[LIMIT_NAME_BYTES + 1];

    for (;;) {
        size_t n = strcspn(path, "/");
        if (n == 0 || n > LIMIT_NAME_BYTES)
            return n == 0 ? -EINVAL : -ENAMETOOLONG;
        memcpy(name, path, n);
        name[n] = '\0';
        bool last = path[n] == '\0';
        if (strcmp(name, "..") == 0)
            return -EXDEV;
        int fd = openat(at < 0 ? root : at, name,
                        last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                        mode);
        if (fd < 0 || last)
            return fd < 0 ? -errno : fd;
        if (at >= 0)
            close(at);
        at = fd;
        path += n + 1;
    }
}

int place_open(int root, const char *path, int flags, mode_t mode)
{
    static atomic_bool lacking;
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    if (!*path)
        path = ".";
    for (int tries = 0; !atomic_load_explicit(&lacking, memory_order_relaxed) && tries < 100;
         tries++) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == EAGAIN)
            continue; /* something moved meanwhile */
        if (errno != ENOSYS && errno != EPERM)
            return -errno;
        if (errno == ENOSYS)
            atomic_store_explicit(&lacking, true, memory_order_relaxed);
        break;
    }
    return open_walking(root, path, flags | O_CLOEXEC, mode);
}

/* Splits into the parent (opened) and the last name. A descriptor or -errno. */
static int open_parent(int root, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    char parent[PLACE_BYTES];

    *ret_name = slash ? slash + 1 : path;
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof parent)
        return -ENAMETOOLONG;
    memcpy(parent, path, n);
    parent[n] = '\0';
    return place_open(root, parent, O_RDONLY | O_DIRECTORY, 0);
}

/* ---- sets of directories ---------------------------------------------------------------- */

int place_dirs_add(struct place_dirs *dirs, const char *path)
{
    for (size_t i = dirs->count; i-- > 0;)
        if (strcmp(dirs->paths[i], path) == 0)
            return 0;
    if (dirs->count == dirs->capacity) {
        size_t capacity = dirs->capacity ? 2 * dirs->capacity : 8;
        char **paths = realloc(dirs->paths, capacity * sizeof *paths);
        if (!paths)
            return -ENOMEM;
        dirs->paths = paths;
        dirs->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    dirs->paths[dirs->count++] = copy;
    return 0;
}

void place_dirs_done(struct place_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        free(dirs->paths[i]);
    free(dirs->paths);
    *dirs = (struct place_dirs){0};
}

int place_dirs_add_parent(struct place_dirs *dirs, const char *path)
{
    char parent[PLACE_BYTES];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;

    if (n >= sizeof parent)
        return -ENAMETOOLONG;
    memcpy(parent, path, n);
    parent[n] = '\0';
    return place_dirs_add(dirs, parent);
}

/* ---- changing --------------------------------------------------------------------------- */

int place_make_parents(int root, const char *path, struct place_dirs *dirs)
{
    char parent[PLACE_BYTES];
    const char *slash = strrchr(path, '/'), *name;

    if (!slash)
        return 0;
    size_t n = (size_t)(slash - path);
    if (n >= sizeof parent)
        return -ENAMETOOLONG;
    memcpy(parent, path, n);
    parent[n] = '\0';
    _cleanup_close_ int there = place_open(root, parent, O_PATH | O_DIRECTORY, 0);
    if (there >= 0)
        return 0;
    /* From the top: each missing one. */
    for (size_t at = 0; at < n;) {
        size_t end = at + strcspn(parent + at, "/");
        char kept = parent[end];
        parent[end] = '\0';
        _cleanup_close_ int above = open_parent(root, parent, &name);
        int r = above < 0 ? above : mkdirat(above, name, 0700) < 0 ? -errno : 0;
        if (r == 0 && dirs)
            r = place_dirs_add_parent(dirs, parent);
        if (r < 0 && r != -EEXIST)
            return r;
        parent[end] = kept;
        at = end + 1;
    }
    return 0;
}

int place_rename(int root, const char *from, const char *to)
{
    const char *from_name, *to_name;
    _cleanup_close_ int from_dir = open_parent(root, from, &from_name);
    _cleanup_close_ int to_dir = from_dir < 0 ? -1 : open_parent(root, to, &to_name);

    if (from_dir < 0 || to_dir < 0)
        return from_dir < 0 ? from_dir : to_dir;
    return renameat(from_dir, from_name, to_dir, to_name) < 0 ? -errno : 0;
}

int place_link(int root, const char *from, const char *to)
{
    const char *from_name, *to_name;
    _cleanup_close_ int from_dir = open_parent(root, from, &from_name);
    _cleanup_close_ int to_dir = from_dir < 0 ? -1 : open_parent(root, to, &to_name);

    if (from_dir < 0 || to_dir < 0)
        return from_dir < 0 ? from_dir : to_dir;
    return linkat(from_dir, from_name, to_dir, to_name, 0) < 0 ? -errno : 0;
}

int place_unlink(int root, const char *path)
{
    const char *name;
    _cleanup_close_ int dir = open_parent(root, path, &name);

    if (dir < 0)
        return dir;
    return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

/* Removes everything in `path` that is no directory, and goes down the first directory found: its
 * name is appended to `path`. 1: it went down; 0: the directory is empty now. */
static int empty_dir(int root, char *path, size_t size)
{
    int fd = place_open(root, path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -ENOMEM;
    }
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            r = -errno;
            break;
        }
        if (unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) == 0)
            continue;
        size_t n = strlen(path);
        int more = snprintf(path + n, size - n, "/%s", entry->d_name);
        r = errno != ENOTEMPTY && errno != EEXIST ? -errno
            : more < 0 || (size_t)more >= size - n ? -ENAMETOOLONG
                                                   : 1;
    }
    closedir(dir);
    return r;
}

int place_remove_tree(int root, const char *path)
{
    char at[2 * PLACE_BYTES];
    const char *name;
    size_t top = strlen(path);
    int r = place_unlink(root, path);

    if (r == 0 || r == -ENOENT)
        return 0;
    if ((r != -EISDIR && r != -EPERM) || top >= sizeof at)
        return r;
    memcpy(at, path, top + 1);
    for (;;) {
        r = empty_dir(root, at, sizeof at);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        _cleanup_close_ int dir = open_parent(root, at, &name);
        if (dir < 0 || unlinkat(dir, name, AT_REMOVEDIR) < 0)
            return dir < 0 ? dir : -errno;
        if (strlen(at) == top)
            return 0;
        *strrchr(at, '/') = '\0';
    }
}

int place_sync_dir(int root, const char *path)
{
    _cleanup_close_ int fd = place_open(root, path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return fd;
    return fsync(fd) < 0 ? -errno : 0;
}

int place_sync_parent(int root, const char *path)
{
    const char *name;
    _cleanup_close_ int dir = open_parent(root, path, &name);

    if (dir < 0)
        return dir;
    return fsync(dir) < 0 ? -errno : 0;
}

int place_make_file(int root, const char *path, const void *data, size_t size)
{
    _cleanup_close_ int fd = place_open(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0)
        return fd;
    for (size_t at = 0; at < size;) {
        ssize_t wrote = write(fd, (const char *)data + at, size - at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? -errno : -EIO;
        at += (size_t)wrote;
    }
    return TAKE_FD(fd);
}

int place_write_file(int root, const char *path, const void *data, size_t size)
{
    char temporary[PLACE_BYTES + 8];
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);

    if (n < 0 || (size_t)n >= sizeof temporary)
        return -ENAMETOOLONG;
    _cleanup_close_ int fd = place_make_file(root, temporary, data, size);
    if (fd < 0)
        return fd;
    if (fsync(fd) < 0)
        return -errno;
    return place_rename(root, temporary, path);
}
