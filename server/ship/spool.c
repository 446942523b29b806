#include "ship/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/limits.h"

static int sync_folder(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

/* Temporary file, fsync, rename, fsync of the folder. */
static int replace_file(const char *folder, const char *name, const void *data, size_t size)
{
    _cleanup_free_ char *path = NULL, *temporary = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0) {
        temporary = NULL;
        return -ENOMEM;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = fileio_write(fd, data, size);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temporary);
    return r < 0 ? r : sync_folder(folder);
}

/* BASE/.tailboard, with a note that keeps git away from it. */
static int make_top(const char *base, char **ret)
{
    _cleanup_free_ char *top = NULL, *ignore = NULL;

    if (asprintf(&top, "%s/" SPOOL_FOLDER, base) < 0) {
        top = NULL;
        return -ENOMEM;
    }
    if (mkdir(top, 0700) < 0) {
        if (errno != EEXIST)
            return -errno;
    } else if (asprintf(&ignore, "%s/.gitignore", top) >= 0) {
        int fd = open(ignore, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            (void)fileio_write(fd, "*\n", 2);
            close(fd);
        }
    } else {
        ignore = NULL;
    }
    *ret = TAKE_PTR(top);
    return 0;
}

/* The lock is this open file's: it ends with the process, however that ends. */
static int take_lock(struct spool *spool)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    _cleanup_free_ char *path = spool_path(spool, "lock");

    if (!path)
        return -ENOMEM;
    spool->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->lock_fd < 0)
        return -errno;
    if (fcntl(spool->lock_fd, F_OFD_SETLK, &lock) < 0) {
        int r = errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
        if (r == -EBUSY) {
            close(TAKE_FD(spool->lock_fd));
            return r;
        }
        /* No locks here (some network file systems): the name of the folder is ours alone. */
    }
    return 0;
}

static int opened(struct spool *spool, int r)
{
    if (r < 0)
        spool_close(spool);
    return r;
}

int spool_open(struct spool *spool, const char *base, const char *run, int attempt, int rank)
{
    _cleanup_free_ char *top = NULL;

    *spool = (struct spool){.lock_fd = -1};
    int r = make_top(base, &top);
    if (r < 0)
        return r;
    if (asprintf(&spool->dir, "%s/%s-a%d-r%d", top, run, attempt, rank) < 0) {
        spool->dir = NULL;
        return -ENOMEM;
    }
    if (mkdir(spool->dir, 0700) < 0 && errno != EEXIST)
        return opened(spool, -errno);
    return opened(spool, take_lock(spool));
}

int spool_open_path(struct spool *spool, const char *path)
{
    struct stat st;

    *spool = (struct spool){.lock_fd = -1};
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    spool->dir = strdup(path);
    return spool->dir ? opened(spool, take_lock(spool)) : -ENOMEM;
}

void spool_close(struct spool *spool)
{
    if (spool->lock_fd >= 0)
        close(TAKE_FD(spool->lock_fd));
    free(spool->dir);
    spool->dir = NULL;
}

static void remove_files(const char *folder)
{
    DIR *dir = opendir(folder);

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

void spool_remove(struct spool *spool)
{
    /* run.json last would be read by drain without what belongs to it: it goes first. */
    static const char *const folders[] = {"console", "kept", ""};
    _cleanup_free_ char *first = spool_path(spool, "run.json");

    if (first)
        (void)unlink(first);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        _cleanup_free_ char *folder = spool_path(spool, folders[i]);
        if (!folder)
            continue;
        remove_files(folder);
        rmdir(folder);
    }
}

char *spool_path(const struct spool *spool, const char *name)
{
    char *path;

    return asprintf(&path, "%s%s%s", spool->dir, *name ? "/" : "", name) < 0 ? NULL : path;
}

int spool_write(const struct spool *spool, const char *name, const void *data, size_t size)
{
    return replace_file(spool->dir, name, data, size);
}

int spool_append(const struct spool *spool, const char *name, const char *line)
{
    _cleanup_free_ char *path = spool_path(spool, name), *text = NULL;
    char last = '\n';

    if (!path)
        return -ENOMEM;
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
        return -EIO;
    /* A torn line of before is closed, so that it stays alone. */
    if (asprintf(&text, "%s%s\n", last == '\n' ? "" : "\n", line) < 0) {
        text = NULL;
        return -ENOMEM;
    }
    int r = fileio_write(fd, text, strlen(text));
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    return r;
}

static int read_file(const char *path, struct buf *ret)
{
    char piece[16384];
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return buf_text(ret) ? 0 : -ENOMEM;
        if (buf_add(ret, piece, (size_t)n) < 0)
            return buf_failed(ret);
    }
}

int spool_read(const struct spool *spool, const char *name, struct buf *ret)
{
    _cleanup_free_ char *path = spool_path(spool, name);

    return path ? read_file(path, ret) : -ENOMEM;
}

/* "ID INODE\n" with the inode of BASE. */
static bool read_id(const char *path, uint64_t inode, char ret[SPOOL_ID_BYTES])
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(256);
    char id[SPOOL_ID_BYTES];
    unsigned long long number;

    if (read_file(path, &text) < 0)
        return false;
    if (sscanf(buf_text(&text), "%64[0-9A-Za-z_-] %llu", id, &number) != 2 || number != inode)
        return false;
    memcpy(ret, id, sizeof id);
    return true;
}

int spool_id(const char *base, const char *name, const char *fresh, char ret[SPOOL_ID_BYTES])
{
    _cleanup_free_ char *top = NULL, *path = NULL;
    char text[SPOOL_ID_BYTES + 32];
    struct stat st;

    snprintf(ret, SPOOL_ID_BYTES, "%s", fresh);
    int r = make_top(base, &top);
    if (r < 0)
        return r;
    if (stat(base, &st) < 0)
        return -errno;
    if (asprintf(&path, "%s/%s", top, name) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    snprintf(text, sizeof text, "%s %llu\n", fresh, (unsigned long long)st.st_ino);
    for (int i = 0; i < 50; i++) { /* another process may be about to write it */
        if (read_id(path, st.st_ino, ret))
            return 0;
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            r = fileio_write(fd, text, strlen(text));
            if (r == 0 && fsync(fd) < 0)
                r = -errno;
            close(fd);
            return r;
        }
        if (errno != EEXIST)
            return -errno;
        usleep(2000);
    }
    return replace_file(top, name, text, strlen(text)); /* a copy's, or torn */
}
