/* memo.h: answers that were costly, by a number that stands for the question.
 *
 * A stamp says of which state of things the answer is; another one does not find it. When it is
 * full, all is forgotten. Thread: any, it locks itself. */
#ifndef TB_PROVIDER_MEMO_H
#define TB_PROVIDER_MEMO_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memo {
    pthread_mutex_t lock;
    struct memo_slot *slots;
    size_t capacity, count;
};

void memo_init(struct memo *memo);
void memo_done(struct memo *memo);
bool memo_get(struct memo *memo, uint64_t key, uint64_t stamp, uint64_t *ret);
/* Without memory nothing is kept. */
void memo_put(struct memo *memo, uint64_t key, uint64_t stamp, uint64_t value);
/* A number for some bytes; `seed` is the number of what came before. Never 0. */
uint64_t memo_hash(uint64_t seed, const void *data, size_t size);

#endif
