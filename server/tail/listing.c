#include "tail/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/eventname.h"

static void cleanup_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

void listing_done(struct listing *listing)
{
    for (size_t i = 0; i < listing->n; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    *listing = (struct listing){0};
}

static enum listing_kind kind_of_file(const char *name, bool link)
{
    switch (eventname_class(name)) {
    case EVENTNAME_EVENT:
        return link ? LISTING_LINK : LISTING_FILE;
    case EVENTNAME_TEMPORARY:
        return LISTING_TEMPORARY;
    case EVENTNAME_OTHER:
        break;
    }
    return LISTING_NONE;
}

static enum listing_kind kind_of_link(int dir_fd, const char *path, const char *name)
{
    struct stat st;
    enum listing_kind kind = kind_of_file(name, true);

    if (fstatat(dir_fd, path, &st, 0) < 0)
        return kind == LISTING_NONE ? LISTING_DANGLING : kind;
    if (S_ISDIR(st.st_mode))
        return LISTING_DIR_LINK;
    return kind;
}

enum listing_kind listing_kind_of(int dir_fd, const char *path, const char *name,
                                  unsigned char type)
{
    struct stat st;

    if (type == DT_UNKNOWN) {
        if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return LISTING_NONE;
        type = IFTODT(st.st_mode);
    }
    switch (type) {
    case DT_REG:
        return kind_of_file(name, false);
    case DT_DIR:
        return LISTING_DIR;
    case DT_LNK:
        return kind_of_link(dir_fd, path, name);
    default:
        return LISTING_NONE;
    }
}

static int add(struct listing *listing, const char *name, enum listing_kind kind)
{
    if (listing->n == listing->capacity) {
        size_t capacity = listing->capacity ? 2 * listing->capacity : 8;
        struct listing_entry *entries =
            realloc(listing->entries, capacity * sizeof *listing->entries);
        if (!entries)
            return -ENOMEM;
        listing->entries = entries;
        listing->capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    listing->entries[listing->n++] = (struct listing_entry){.name = copy, .kind = kind};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct listing_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int read_entries(DIR *dir, struct listing *listing)
{
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (!e)
            return -errno;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        enum listing_kind kind = listing_kind_of(dirfd(dir), e->d_name, e->d_name, e->d_type);
        if (kind == LISTING_DANGLING)
            listing->dangling = true;
        else if (kind != LISTING_NONE && add(listing, e->d_name, kind) < 0)
            return -ENOMEM;
    }
}

int listing_read(const char *path, struct listing *ret)
{
    _cleanup_(listing_done) struct listing listing = {0};
    _cleanup_(cleanup_dir) DIR *dir = NULL;
    struct stat st;

    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    dir = fdopendir(fd);
    if (!dir) {
        int r = -errno;
        close(fd);
        return r;
    }
    if (fstat(fd, &st) < 0)
        return -errno;
    listing.dev = st.st_dev;
    listing.ino = st.st_ino;
    listing.mtime_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    int r = read_entries(dir, &listing);
    if (r < 0)
        return r;
    if (listing.n > 1)
        qsort(listing.entries, listing.n, sizeof *listing.entries, by_name);
    *ret = listing;
    listing = (struct listing){0};
    return 0;
}
