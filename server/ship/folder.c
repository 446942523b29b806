#include "ship/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

#include "base/limits.h"
#include "ship/spool.h"

#define MASK                                                                                       \
    (IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ONLYDIR)

void folder_init(struct folder *folder)
{
    *folder = (struct folder){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
}

void folder_done(struct folder *folder)
{
    for (size_t i = 0; i < folder->n_places; i++)
        free(folder->places[i].path);
    free(folder->places);
    if (folder->fd >= 0)
        close(folder->fd);
    *folder = (struct folder){.fd = -1};
}

/* Without a watch (limits, no memory) the next walk finds what changed. */
static void watch(struct folder *folder, const char *path, void *owner)
{
    int wd = folder->fd < 0 ? -1 : inotify_add_watch(folder->fd, path, MASK);

    if (wd < 0)
        return;
    if ((size_t)wd >= folder->n_places) {
        size_t count = 2 * (size_t)wd + 16;
        struct folder_place *places = realloc(folder->places, count * sizeof *places);
        if (!places)
            return;
        memset(places + folder->n_places, 0, (count - folder->n_places) * sizeof *places);
        folder->places = places;
        folder->n_places = count;
    }
    struct folder_place *place = &folder->places[wd];
    if (place->path && place->owner == owner && strcmp(place->path, path) == 0)
        return;
    free(place->path);
    place->path = strdup(path);
    place->owner = owner;
}

struct level { /* of the stack: a directory still to be listed */
    char *path;
    unsigned depth;
};

struct stack {
    struct level *levels;
    size_t count, capacity;
};

/* Takes the path over. Out of memory: it is left for the next walk. */
static void push(struct stack *stack, char *path, unsigned depth)
{
    if (path && stack->count == stack->capacity) {
        size_t capacity = stack->capacity ? 2 * stack->capacity : 32;
        struct level *levels = realloc(stack->levels, capacity * sizeof *levels);
        if (!levels) {
            free(path);
            return;
        }
        stack->levels = levels;
        stack->capacity = capacity;
    }
    if (path)
        stack->levels[stack->count++] = (struct level){path, depth};
}

static void list(struct stack *stack, DIR *dir, const struct level *level,
                 void (*entry)(void *ctx, const char *path, const struct stat *st), void *ctx)
{
    struct dirent *item;

    while ((item = readdir(dir))) {
        const char *name = item->d_name;
        struct stat st;
        char *path = NULL;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, SPOOL_FOLDER) == 0)
            continue;
        if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            asprintf(&path, "%s/%s", level->path, name) < 0)
            continue;
        if (strlen(path) >= LIMIT_PATH_BYTES || !S_ISDIR(st.st_mode)) {
            if (strlen(path) < LIMIT_PATH_BYTES)
                entry(ctx, path, &st);
            free(path);
        } else if (level->depth < LIMIT_SHIP_DEPTH) {
            push(stack, path, level->depth + 1);
        } else {
            free(path);
        }
    }
}

int folder_walk(struct folder *folder, const char *path, void *owner,
                void (*entry)(void *ctx, const char *path, const struct stat *st), void *ctx)
{
    struct stack stack = {0};
    int r = 0;

    push(&stack, strdup(path), 0);
    while (stack.count > 0) {
        struct level level = stack.levels[--stack.count];
        watch(folder, level.path, owner);
        DIR *dir = opendir(level.path);
        if (dir) {
            list(&stack, dir, &level, entry, ctx);
            closedir(dir);
        } else if (level.depth == 0) {
            r = -errno;
        }
        free(level.path);
    }
    free(stack.levels);
    return r;
}

static void tell(struct folder *folder, const struct inotify_event *event,
                 void (*news)(void *ctx, void *owner, const char *path, bool directory), void *ctx)
{
    char path[LIMIT_PATH_BYTES];

    if (event->mask & IN_Q_OVERFLOW) {
        news(ctx, NULL, NULL, true);
        return;
    }
    if (event->wd < 0 || (size_t)event->wd >= folder->n_places)
        return;
    struct folder_place *place = &folder->places[event->wd];
    if (event->mask & IN_IGNORED) { /* the number may be given again */
        free(place->path);
        *place = (struct folder_place){0};
        return;
    }
    if (!place->path || event->len == 0 || strcmp(event->name, SPOOL_FOLDER) == 0)
        return;
    int n = snprintf(path, sizeof path, "%s/%s", place->path, event->name);
    bool directory = event->mask & IN_ISDIR;
    if (n < 0 || (size_t)n >= sizeof path ||
        (directory && !(event->mask & (IN_CREATE | IN_MOVED_TO))))
        return;
    news(ctx, place->owner, path, directory);
}

void folder_read(struct folder *folder,
                 void (*news)(void *ctx, void *owner, const char *path, bool directory), void *ctx)
{
    char events[16384] __attribute__((aligned(8)));

    for (int i = 0; i < 16 && folder->fd >= 0; i++) { /* not for ever: others have their turn */
        ssize_t n = read(folder->fd, events, sizeof events);
        if (n <= 0)
            return;
        for (char *p = events; p < events + n;) {
            const struct inotify_event *event = (const struct inotify_event *)p;
            tell(folder, event, news, ctx);
            p += sizeof *event + event->len;
        }
    }
}

bool folder_is_remote(const char *path)
{
    static const uint32_t types[] = {
        0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x0bd00bd0, 0x65735546,
        0x00c36400, 0x01021997, 0x47504653, 0x5346414f, 0x19830326,
    }; /* NFS, SMB, CIFS, SMB2, Lustre, FUSE, Ceph, 9P, GPFS, AFS, BeeGFS */
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if ((uint32_t)fs.f_type == types[i])
            return true;
    return false;
}
