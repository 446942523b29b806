/* bigpool.h: pieces of 2 to 64 KB for all runs: sealed chunks, and what slabs cut.
 *
 * What a run seals leaves memory as soon as it lies in a segment. Were it given back to that run's
 * own slab, a load of many runs would hold all of it in free lists; here the next run takes it.
 * Sizes are rounded up to whole kilobytes, so that a piece given back fits the next of its kind.
 * The runs cut their own small pieces from such ones too. Memory comes in large areas, of huge
 * pages where the kernel has them, and goes back at the end.
 * Thread: any; one lock, held for a few instructions. */
#ifndef TB_STORE_BIGPOOL_H
#define TB_STORE_BIGPOOL_H

#include <stddef.h>
#include <stdint.h>

#define BIGPOOL_MOST 65536

struct bigpool;

/* NULL: out of memory. */
struct bigpool *bigpool_new(void);
/* Releases everything. Accepts NULL; returns NULL. */
struct bigpool *bigpool_free(struct bigpool *pool);

/* `size` is at most BIGPOOL_MOST. Aligned to 8, not zeroed. NULL when out of memory. */
void *bigpool_take(struct bigpool *pool, size_t size);
/* With the size that was asked for. */
void bigpool_give(struct bigpool *pool, void *p, size_t size);

#endif
