/* slab.h: memory of one run: small pieces cut from large ones and given back by size.
 *
 * Fresh pages are the dearest thing that a cold load does, so what a run gives back (raw blocks,
 * blocks of a sealed tail, old arrays) is cut again before new memory is touched. Sizes up to
 * 2 KB are kept apart to the 8 bytes; larger ones, and raw blocks, from the pool of all runs, or
 * are kept apart to 1 KB if there is none; from 64 KB on it is malloc's affair. The large pieces
 * come from that pool as well: it has huge pages, which a small run alone would not fill.
 *
 * What readers may still look at is retired, not freed: slab_retire() keeps it until every reader
 * that had entered by then has left. Two generations of readers are told apart (slab_enter(),
 * slab_leave(), slab_turn()), so readers that overlap for ever cannot hold memory for ever.
 *
 * Threads: alloc, free and retire: the run's writer. enter, leave and turn: under the run's
 * lock, any thread (turn: the writer). */
#ifndef TB_STORE_SLAB_H
#define TB_STORE_SLAB_H

#include "store/bigpool.h"

#define SLAB_SMALL 2048
#define SLAB_SHARED 1536 /* larger ones come from the pool: the next run wants them, too */
#define SLAB_LARGE 65536
#define SLAB_CLASSES (SLAB_SMALL / 8 + 1 + SLAB_LARGE / 1024 + 1)

struct slab_retired {
    void *p;
    size_t size; /* 0: `p` is a chain that `release` walks */
    size_t count;
};

struct slab {
    uint8_t *next; /* free space of the newest piece */
    size_t left, piece_size;
    uint8_t *touched; /* end of the newest piece's pages that are there; NULL: all are malloc's */
    struct slab_piece *pieces;
    void **free; /* lists by class; all empty and shared until something is given back */
    struct slab_retired *retired[2];
    size_t n_retired[2], cap_retired[2];
    unsigned readers[2]; /* who entered at which parity */
    unsigned parity;
    struct bigpool *pool; /* set after slab_init(); or NULL */
    uint64_t bytes;      /* handed out and not given back */
    /* Gives a retired chain back with slab_free(). */
    void (*release)(struct slab *slab, void *chain, size_t count);
};

void slab_init(struct slab *slab, void (*release)(struct slab *, void *, size_t));
/* Releases everything at once; what is at or above SLAB_LARGE must have been freed before, and what
 * is above SLAB_SHARED where there is a pool: else it comes back with the pool. */
void slab_done(struct slab *slab);

/* Aligned to 8, not zeroed. NULL when out of memory. */
void *slab_alloc(struct slab *slab, size_t size);
void *slab_zalloc(struct slab *slab, size_t size);
void slab_free(struct slab *slab, void *p, size_t size);

/* Room for `more` retirements, so that those cannot fail. -ENOMEM. */
int slab_reserve_retired(struct slab *slab, size_t more);
/* Freed when no reader can see it any more. Accepts NULL. */
void slab_retire(struct slab *slab, void *p, size_t size);
void slab_retire_chain(struct slab *slab, void *chain, size_t count);

unsigned slab_enter(struct slab *slab); /* the result is for slab_leave() */
void slab_leave(struct slab *slab, unsigned parity);
/* After a commit: frees what nobody sees and begins the next generation of readers. */
void slab_turn(struct slab *slab);

#endif
