/* fdcache.h: at most so many event files are kept open; the least recently used is closed first.
 *
 * A cached descriptor makes an append cheap and lets a deleted file be read to its end. A closed
 * file is opened again when its turn comes; identity is checked then.
 *
 * Threads: everything here happens under the pool's lock. A file may be closed by another worker
 * only while no worker has its source; that is why the source's place is looked at. */
#ifndef TB_TAIL_FDCACHE_H
#define TB_TAIL_FDCACHE_H

#include <stddef.h>

struct pool;
struct tailfile;

struct fdcache {
    struct tailfile *newest, *oldest;
    size_t count, max;
};

/* The smaller of LIMIT_OPEN_FILES and half of what the process may open. */
void fdcache_init(struct fdcache *cache);
/* The worker that has the file's source: it was opened or used just now. Closes what is over the
 * maximum. Takes the pool's lock. */
void fdcache_use(struct fdcache *cache, struct pool *pool, struct tailfile *file);
/* The same worker closes the file itself. Takes the pool's lock. */
void fdcache_close(struct fdcache *cache, struct pool *pool, struct tailfile *file);

#endif
