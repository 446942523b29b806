#include "store/slab.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/cleanup.h"

#define FIRST_PIECE ((size_t)4 << 10) /* most runs are small, and there may be ten thousand */
#define MAPPED_PIECE ((size_t)256 << 10) /* from here on with mmap */
#define HUGE_PIECE ((size_t)2 << 20)    /* from here on of huge pages */
#define LAST_PIECE ((size_t)4 << 20)
#define TOUCHED_AT_ONCE ((size_t)64 << 10) /* at most so much of a run's memory is not used yet */

struct slab_piece {
    struct slab_piece *next;
    size_t size;
    bool pooled;
};

/* The lists of a slab to which nothing was ever given back. */
static void *no_blocks[SLAB_CLASSES];

/* Out of memory the block is lost until the end of the run. */
static void push_block(struct slab *slab, size_t class, void *block)
{
    if (slab->free == no_blocks) {
        void **lists = calloc(SLAB_CLASSES, sizeof *lists);
        if (!lists)
            return;
        slab->free = lists;
    }
    *(void **)block = slab->free[class];
    slab->free[class] = block;
}

void slab_init(struct slab *slab, void (*release)(struct slab *, void *, size_t))
{
    *slab = (struct slab){.release = release, .piece_size = FIRST_PIECE, .free = no_blocks};
}

static void free_retired(struct slab *slab, unsigned parity)
{
    for (size_t i = 0; i < slab->n_retired[parity]; i++) {
        struct slab_retired *r = &slab->retired[parity][i];
        if (r->size > 0)
            slab_free(slab, r->p, r->size);
        else
            slab->release(slab, r->p, r->count);
    }
    slab->n_retired[parity] = 0;
}

void slab_done(struct slab *slab)
{
    CHECK(slab->readers[0] == 0 && slab->readers[1] == 0);
    for (unsigned parity = 0; parity < 2; parity++) {
        free_retired(slab, parity);
        free(slab->retired[parity]);
    }
    for (struct slab_piece *piece = slab->pieces, *next; piece; piece = next) {
        next = piece->next;
        if (piece->pooled)
            bigpool_give(slab->pool, piece, piece->size);
        else if (piece->size >= MAPPED_PIECE)
            munmap(piece, piece->size);
        else
            free(piece);
    }
    if (slab->free != no_blocks)
        free(slab->free);
    *slab = (struct slab){.piece_size = FIRST_PIECE, .free = no_blocks};
}

static int new_piece(struct slab *slab)
{
    size_t size = slab->piece_size;
    struct slab_piece *piece;

    if (slab->pool) { /* its areas are of huge pages, however small a run is */
        size = MAX(slab->bytes / 4 & ~(FIRST_PIECE - 1), FIRST_PIECE); /* little is left unused */
        size = MIN(size, (size_t)BIGPOOL_MOST);
        piece = bigpool_take(slab->pool, size);
        if (!piece)
            return -ENOMEM;
    } else if (size >= MAPPED_PIECE) {
        piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (piece == MAP_FAILED)
            return -ENOMEM;
        if (size >= HUGE_PIECE)
            (void)madvise(piece, size, MADV_HUGEPAGE); /* a wish: without, pages are small */
    } else {
        piece = malloc(size);
        if (!piece)
            return -ENOMEM;
    }
    piece->next = slab->pieces;
    piece->size = size;
    piece->pooled = slab->pool != NULL;
    slab->pieces = piece;
    slab->next = (uint8_t *)(piece + 1);
    slab->left = size - sizeof *piece;
    slab->touched = !slab->pool && size >= MAPPED_PIECE ? (uint8_t *)piece : NULL;
    slab->piece_size = MIN(size * 2, LAST_PIECE);
    return 0;
}

/* Has the kernel give the next pages at once: one by one, at first touch, each costs an exception.
 * Where it cannot, that is what happens. */
static void touch_more(struct slab *slab)
{
    size_t rest = (size_t)(slab->next + slab->left - slab->touched);
    size_t size = MIN(TOUCHED_AT_ONCE, rest);

#ifdef MADV_POPULATE_WRITE
    (void)madvise(slab->touched, size, MADV_POPULATE_WRITE);
#endif
    slab->touched += size;
}

/* What is left of a piece is not lost: it goes to the lists as blocks. */
static void give_rest(struct slab *slab)
{
    while (slab->left >= 16) {
        size_t size = MIN(slab->left, (size_t)SLAB_SMALL) & ~(size_t)7;
        push_block(slab, size / 8, slab->next);
        slab->next += size;
        slab->left -= size;
    }
}

static size_t round_size(size_t size)
{
    return size < 8 ? 8 : (size + 7) & ~(size_t)7;
}

static void *take_large(struct slab *slab, size_t size)
{
    /* A list holds blocks of at least its kilobytes: the next one is always large enough. */
    size_t class = SLAB_SMALL / 8 + 1 + (size + 1023) / 1024;
    void **p = slab->free[class];

    if (p)
        slab->free[class] = *p;
    return p;
}

void *slab_alloc(struct slab *slab, size_t size)
{
    void **p = NULL;

    size = round_size(size);
    if (size >= SLAB_LARGE) {
        p = malloc(size);
        slab->bytes += p ? size : 0;
        return p;
    }
    if (size > SLAB_SHARED && slab->pool) {
        p = bigpool_take(slab->pool, size);
        slab->bytes += p ? size : 0;
        return p;
    }
    if (size <= SLAB_SMALL) {
        p = slab->free[size / 8];
        if (p) {
            slab->free[size / 8] = *p;
            __builtin_prefetch(*p, 1); /* the next one is wanted soon, and cold */
        }
    } else {
        p = take_large(slab, size);
    }
    if (!p) {
        while (slab->left < size) {
            give_rest(slab);
            if (new_piece(slab) < 0)
                return NULL;
        }
        p = (void **)slab->next;
        if (slab->touched && slab->next + size > slab->touched)
            touch_more(slab);
        slab->next += size;
        slab->left -= size;
    }
    slab->bytes += size;
    return p;
}

void *slab_zalloc(struct slab *slab, size_t size)
{
    void *p = slab_alloc(slab, size);

    if (p)
        memset(p, 0, size);
    return p;
}

void slab_free(struct slab *slab, void *p, size_t size)
{
    if (!p)
        return;
    size = round_size(size);
    DCHECK(slab->bytes >= size);
    slab->bytes -= size;
    if (size >= SLAB_LARGE) {
        free(p);
        return;
    }
    if (size > SLAB_SHARED && slab->pool) {
        bigpool_give(slab->pool, p, size);
        return;
    }
    size_t class = size <= SLAB_SMALL ? size / 8 : SLAB_SMALL / 8 + 1 + size / 1024;
    push_block(slab, class, p);
}

int slab_reserve_retired(struct slab *slab, size_t more)
{
    unsigned parity = slab->parity;
    size_t want = slab->n_retired[parity] + more;

    if (want <= slab->cap_retired[parity])
        return 0;
    want = MAX(want, slab->cap_retired[parity] * 2);
    want = MAX(want, (size_t)16);
    struct slab_retired *grown = realloc(slab->retired[parity], want * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    slab->retired[parity] = grown;
    slab->cap_retired[parity] = want;
    return 0;
}

static void retire(struct slab *slab, struct slab_retired what)
{
    unsigned parity = slab->parity;

    CHECK(slab->n_retired[parity] < slab->cap_retired[parity]);
    slab->retired[parity][slab->n_retired[parity]++] = what;
}

void slab_retire(struct slab *slab, void *p, size_t size)
{
    if (p)
        retire(slab, (struct slab_retired){.p = p, .size = size});
}

void slab_retire_chain(struct slab *slab, void *chain, size_t count)
{
    if (chain && count > 0)
        retire(slab, (struct slab_retired){.p = chain, .count = count});
}

unsigned slab_enter(struct slab *slab)
{
    slab->readers[slab->parity]++;
    return slab->parity;
}

void slab_leave(struct slab *slab, unsigned parity)
{
    CHECK(slab->readers[parity] > 0);
    slab->readers[parity]--;
}

void slab_turn(struct slab *slab)
{
    unsigned other = slab->parity ^ 1;

    /* Things retired at the other parity were unlinked before this one began; only readers of
     * the other parity may know them. */
    if (slab->readers[other] > 0)
        return;
    free_retired(slab, other);
    slab->parity = other;
}
