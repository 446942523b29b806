#include "tail/fdcache.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "tail/tailfile.h"

enum { CLOSE_AT_ONCE = 16 };

void fdcache_init(struct fdcache *cache)
{
    struct rlimit limit;

    *cache = (struct fdcache){.max = LIMIT_OPEN_FILES};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < cache->max)
        cache->max = MAX(limit.rlim_cur / 2, 1);
}

static void unlink_file(struct fdcache *cache, struct tailfile *file)
{
    if (!file->cached)
        return;
    *(file->newer ? &file->newer->older_used : &cache->newest) = file->older_used;
    *(file->older_used ? &file->older_used->newer : &cache->oldest) = file->newer;
    file->newer = file->older_used = NULL;
    file->cached = false;
    cache->count--;
}

static void link_newest(struct fdcache *cache, struct tailfile *file)
{
    file->older_used = cache->newest;
    file->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = file;
    cache->newest = file;
    file->cached = true;
    cache->count++;
}

static int take_descriptor(struct fdcache *cache, struct tailfile *file)
{
    unlink_file(cache, file);
    tailfile_detach(file);
    return TAKE_FD(file->fd);
}

/* May `file` be closed by the worker that has `own`'s source? Files with unread bytes only when
 * `hard`: then nothing else is left. Of a source that another worker has, not even that may be
 * asked. */
static bool closable(const struct tailfile *file, const struct tailfile *own, bool hard)
{
    enum pool_place place = file->source->task.place;

    if (file->source != own->source && place != POOL_IDLE && place != POOL_QUEUED)
        return false;
    return file != own && (file->settled || hard);
}

void fdcache_use(struct fdcache *cache, struct pool *pool, struct tailfile *file)
{
    int fds[CLOSE_AT_ONCE];
    size_t n = 0;

    pool_lock(pool);
    unlink_file(cache, file);
    link_newest(cache, file);
    for (int hard = 0; hard < 2; hard++) {
        struct tailfile *next, *f = cache->oldest;
        for (; f && cache->count > cache->max && n < CLOSE_AT_ONCE; f = next) {
            next = f->newer;
            if (closable(f, file, hard))
                fds[n++] = take_descriptor(cache, f);
        }
    }
    pool_unlock(pool);
    while (n > 0)
        close(fds[--n]);
}

void fdcache_close(struct fdcache *cache, struct pool *pool, struct tailfile *file)
{
    pool_lock(pool);
    int fd = take_descriptor(cache, file);
    pool_unlock(pool);
    if (fd >= 0)
        close(fd);
}
