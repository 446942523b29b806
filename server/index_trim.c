/* index_trim.c: keeps the index folder within its size: runs not used for longest go first.
 *
 * A run's folder is marked as used (its mtime) whenever a server takes it up. One that a server
 * has is locked, and left alone. Only files with names of segments are removed. Index thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "index_state.h"

struct kept_run {
    char name[LIMIT_RUN_ID_BYTES + 1];
    uint64_t bytes;
    int64_t used_ns;
};

struct kept_list {
    struct kept_run *items;
    size_t count, cap;
    uint64_t bytes;
};

static DIR *open_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

/* Bytes of the files in a run's folder; with `remove` they go. */
static uint64_t look(DIR *dir, bool remove)
{
    uint64_t bytes = 0;
    struct stat st;

    for (struct dirent *e; (e = readdir(dir));) {
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        bytes += (uint64_t)st.st_size;
        if (remove && strstr(e->d_name, ".seg"))
            segment_unlink(dirfd(dir), e->d_name);
    }
    return bytes;
}

static int add(struct kept_list *list, int root, const char *name)
{
    DIR *dir = strlen(name) <= LIMIT_RUN_ID_BYTES ? open_dir(root, name) : NULL;
    struct stat st;

    if (!dir)
        return 0;
    if (fstat(dirfd(dir), &st) < 0 ||
        run_grow(&list->items, &list->cap, list->count, sizeof *list->items) < 0) {
        closedir(dir);
        return -ENOMEM;
    }
    struct kept_run *run = &list->items[list->count++];
    *run = (struct kept_run){
        .bytes = look(dir, false),
        .used_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec,
    };
    memcpy(run->name, name, strlen(name) + 1);
    list->bytes += run->bytes;
    closedir(dir);
    return 0;
}

static int by_use(const void *a, const void *b)
{
    const struct kept_run *x = a, *y = b;

    return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

/* False: a server has it. */
static bool remove_run(int root, const char *name)
{
    DIR *dir = open_dir(root, name);

    if (!dir)
        return false;
    bool ours = flock(dirfd(dir), LOCK_EX | LOCK_NB) == 0;
    if (ours) {
        look(dir, true);
        unlinkat(root, name, AT_REMOVEDIR);
    }
    closedir(dir);
    return ours;
}

void index_trim(const char *path, uint64_t most_bytes)
{
    struct kept_list list = {0};
    DIR *root = open_dir(AT_FDCWD, path);
    int r = 0;

    if (!root)
        return;
    for (struct dirent *e; r == 0 && (e = readdir(root));) {
        if (e->d_name[0] != '.')
            r = add(&list, dirfd(root), e->d_name);
    }
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, by_use);
    for (size_t i = 0; i < list.count && list.bytes > most_bytes; i++) {
        if (!remove_run(dirfd(root), list.items[i].name))
            continue;
        list.bytes -= list.items[i].bytes;
        log_debug("the index of run %s was not used for longest and is let go", list.items[i].name);
    }
    free(list.items);
    closedir(root);
}
