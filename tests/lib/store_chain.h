/* store_chain.h: a run's segments in memory, and a store that is stopped and made anew from them.
 *
 *   chain_flush(): snapshot ─► bytes ─► adopted      chain_restart(): bytes ─► a new store
 *
 * Every file is a block of memory of its own, freed when a merge replaces it, so that a chunk that
 * still names it is found by the sanitizer. Thread: the test's. */
#ifndef TB_TESTS_STORE_CHAIN_H
#define TB_TESTS_STORE_CHAIN_H

#include "store/chunkcache.h"
#include "store_world.h"

#define CHAIN_FILES 512

struct chain_file {
    struct chunk_file file;
    uint8_t *data;
    size_t size;
    struct buf table;
    unsigned broken; /* calls of that name */
};

struct chain {
    struct chain_file *files[CHAIN_FILES]; /* ascending flushes */
    size_t count;
    uint64_t id;
};

/* Writes what is new, or with `base` all since that file. 1: written, 0: nothing to write or not
 * now. `adopt`: false leaves the store as if the file had not come to be. */
int chain_flush(struct chain *chain, struct run *run, size_t base, bool merge, bool adopt,
                bool tails);
void chain_done(struct chain *chain);
/* The run in a fresh store, its writer's state taken from the segments. NULL: refused. */
struct run *chain_restore(struct chain *chain, struct store *store, int *ret_error);
/* Closes the world's store and goes on from the segments: what they do not hold is fed again. */
void chain_restart(struct chain *chain, struct world *world);
/* Tells for every file how far it was given, or (now and then) not. */
void chain_place(struct world *world, bool all);

#endif
