#include "http/ticket.h"

#include <pthread.h>
#include <stdatomic.h>

struct bell {
    _Atomic unsigned owners; /* the workers together, and each ticket */
    pthread_mutex_t lock;
    void (*ring)(void *ctx); /* NULL: silent */
    void *ctx;
};

struct ticket {
    struct bell *bell;
    _Atomic unsigned owners;
    int result;
    _Atomic bool done;
};

struct bell *bell_new(void (*ring)(void *ctx), void *ctx)
{
    struct bell *bell = calloc(1, sizeof *bell);

    if (!bell)
        return NULL;
    atomic_init(&bell->owners, 1);
    pthread_mutex_init(&bell->lock, NULL);
    bell->ring = ring;
    bell->ctx = ctx;
    return bell;
}

static void bell_release(struct bell *bell)
{
    if (atomic_fetch_sub(&bell->owners, 1) > 1)
        return;
    pthread_mutex_destroy(&bell->lock);
    free(bell);
}

void bell_ring(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    if (bell->ring)
        bell->ring(bell->ctx);
    pthread_mutex_unlock(&bell->lock);
}

void bell_silence(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bell->ring = NULL;
    pthread_mutex_unlock(&bell->lock);
}

struct bell *bell_free(struct bell *bell)
{
    if (bell)
        bell_release(bell);
    return NULL;
}

struct ticket *ticket_new(struct bell *bell)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);

    if (!ticket)
        return NULL;
    atomic_init(&ticket->owners, 2);
    atomic_fetch_add(&bell->owners, 1);
    ticket->bell = bell;
    return ticket;
}

static void ticket_release(struct ticket *ticket)
{
    if (atomic_fetch_sub(&ticket->owners, 1) > 1)
        return;
    bell_release(ticket->bell);
    free(ticket);
}

void ticket_done(void *ctx, int result)
{
    struct ticket *ticket = ctx;

    ticket->result = result;
    atomic_store(&ticket->done, true);
    bell_ring(ticket->bell);
    ticket_release(ticket);
}

struct ticket *ticket_void(struct ticket *ticket)
{
    ticket_release(ticket);
    return ticket_drop(ticket);
}

bool ticket_is_done(const struct ticket *ticket)
{
    return atomic_load(&ticket->done);
}

int ticket_result(const struct ticket *ticket)
{
    return ticket->result;
}

struct ticket *ticket_drop(struct ticket *ticket)
{
    if (ticket)
        ticket_release(ticket);
    return NULL;
}
