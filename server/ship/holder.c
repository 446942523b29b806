#include "ship/holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "ship/spool.h"

#define TREE_DEPTH 256 /* steps from a process up to its forebears */

/* Does a living process hold the lock of this spool? */
static bool is_locked(int top, const char *name)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[LIMIT_NAME_BYTES + 8];

    snprintf(path, sizeof path, "%.255s/lock", name);
    _cleanup_close_ int fd = openat(top, path, O_RDWR | O_CLOEXEC);
    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* "RUN-aA-rR": the run's part is equal? */
static bool same_run(const char *a, const char *b)
{
    size_t n = strcspn(a, "-");

    return strcspn(b, "-") == n && memcmp(a, b, n) == 0;
}

bool holder_contested(const struct spool *spool)
{
    const char *own = strrchr(spool->dir, '/');
    char top[LIMIT_PATH_BYTES];
    bool found = false;

    if (!own || (size_t)(own - spool->dir) >= sizeof top)
        return false;
    snprintf(top, sizeof top, "%.*s", (int)(own - spool->dir), spool->dir);
    DIR *dir = opendir(top);
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
        found = strstr(entry->d_name, "-a") && !same_run(entry->d_name, own + 1) &&
                is_locked(dirfd(dir), entry->d_name);
    if (dir)
        closedir(dir);
    return found;
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *end = strrchr(text, ')'); /* the name before may hold anything */
    int parent = 0;
    return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_below_us(pid_t pid)
{
    pid_t own = getpid();

    for (int i = 0; pid > 1 && i < TREE_DEPTH; i++) {
        if (pid == own)
            return true;
        pid = parent_of(pid);
    }
    return false;
}

/* Open for writing? Readers (agents, this one too, and viewers) say nothing. */
static bool is_writer(pid_t pid, const char *number)
{
    char path[96], text[512];
    unsigned flags;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%.20s", (int)pid, number);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *line = strstr(text, "flags:");
    return line && sscanf(line, "flags: %o", &flags) == 1 && (flags & O_ACCMODE) != O_RDONLY;
}

static bool has_open(pid_t pid, const struct stat *st)
{
    char path[64];
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        struct stat open_file;
        found = entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &open_file, 0) == 0 &&
                open_file.st_ino == st->st_ino && open_file.st_dev == st->st_dev &&
                is_writer(pid, entry->d_name);
    }
    if (dir)
        closedir(dir);
    return found;
}

enum holder holder_of(const struct stat *st)
{
    enum holder holder = HOLDER_NOBODY;
    DIR *dir = opendir("/proc");

    for (struct dirent *entry; dir && holder != HOLDER_OURS && (entry = readdir(dir));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || !has_open(pid, st))
            continue;
        holder = is_below_us(pid) ? HOLDER_OURS : HOLDER_OTHERS;
    }
    if (dir)
        closedir(dir);
    return holder;
}
