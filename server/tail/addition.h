/* addition.h: files of tail_add_file() on their way to their runs' sources.
 *
 * Threads: any may post and poke (a lock of its own, a leaf but for the pool's); the tail thread
 * takes. */
#ifndef TB_TAIL_ADDITION_H
#define TB_TAIL_ADDITION_H

#include <pthread.h>

#include "tail/source.h"

struct discover;

struct poke {
    char *id;
    struct source *source;
};

struct additions {
    pthread_mutex_t lock;
    struct addition *head, **tail;
    struct poke *pokes; /* by id: runs with files that grow */
    size_t n_pokes;
};

void additions_init(struct additions *additions);
void additions_done(struct additions *additions);
/* -ENOMEM. */
_must_check_ int additions_post(struct additions *additions, const struct tail_added *added);
void additions_poke(struct additions *additions, const char *id);
/* The tail thread: gives each to its source; those that wait for the first walk stay. */
void additions_take(struct additions *additions, struct discover *discover);

#endif
