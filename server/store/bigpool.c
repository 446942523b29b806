#include "store/bigpool.h"

#include <pthread.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/cleanup.h"

#define KILO ((size_t)1024)
#define FIRST_AREA ((size_t)256 << 10) /* a server of few points stays small */
#define HUGE_AREA ((size_t)2 << 20)
#define LAST_AREA ((size_t)4 << 20)
#define CLASSES (BIGPOOL_MOST / 1024 + 1)

struct area {
    struct area *next;
    size_t size;
};

struct bigpool {
    pthread_mutex_t lock;
    struct area *areas;
    uint8_t *next; /* free space of the newest area */
    size_t left, area_size;
    void *free[CLASSES]; /* by kilobytes */
};

struct bigpool *bigpool_new(void)
{
    struct bigpool *pool = calloc(1, sizeof *pool);

    if (pool && pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    if (pool)
        pool->area_size = FIRST_AREA;
    return pool;
}

struct bigpool *bigpool_free(struct bigpool *pool)
{
    if (!pool)
        return NULL;
    for (struct area *a = pool->areas, *next; a; a = next) {
        next = a->next;
        munmap(a, a->size);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
    return NULL;
}

static void push(struct bigpool *pool, void *p, size_t kilos)
{
    *(void **)p = pool->free[kilos];
    pool->free[kilos] = p;
}

/* A mapping on a boundary of huge pages, if it is that large. */
static void *map_area(size_t size)
{
    size_t slack = size >= HUGE_AREA ? HUGE_AREA : 0;
    uint8_t *p = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);

    if (p == MAP_FAILED)
        return NULL;
    if (slack == 0)
        return p;
    size_t before = (HUGE_AREA - (uintptr_t)p % HUGE_AREA) % HUGE_AREA;
    if (before > 0)
        munmap(p, before);
    if (slack > before)
        munmap(p + before + size, slack - before);
    (void)madvise(p + before, size, MADV_HUGEPAGE); /* a wish */
    return p + before;
}

static int new_area(struct bigpool *pool)
{
    struct area *area = map_area(pool->area_size);

    if (!area)
        return -1;
    size_t kilos = pool->left / KILO; /* the rest of the last one is not lost */
    if (kilos > 2)
        push(pool, pool->next, kilos);
    area->next = pool->areas;
    area->size = pool->area_size;
    pool->areas = area;
    pool->next = (uint8_t *)(area + 1);
    pool->left = area->size - sizeof *area;
    pool->area_size = MIN(pool->area_size * 2, LAST_AREA);
    return 0;
}

void *bigpool_take(struct bigpool *pool, size_t size)
{
    size_t kilos = (size + KILO - 1) / KILO;

    DCHECK(size <= BIGPOOL_MOST);
    pthread_mutex_lock(&pool->lock);
    void *p = pool->free[kilos];
    if (p) {
        pool->free[kilos] = *(void **)p;
    } else if (pool->left >= kilos * KILO || new_area(pool) == 0) {
        p = pool->next;
        pool->next += kilos * KILO;
        pool->left -= kilos * KILO;
    }
    pthread_mutex_unlock(&pool->lock);
    return p;
}

void bigpool_give(struct bigpool *pool, void *p, size_t size)
{
    pthread_mutex_lock(&pool->lock);
    push(pool, p, (size + KILO - 1) / KILO);
    pthread_mutex_unlock(&pool->lock);
}
