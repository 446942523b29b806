/* ticket.h: a request that waits for the archive. Part of http.
 *
 *   route ─ archive_sync(…, ticket_done, ticket) ─► archiver: durable ─► ticket_done ─► bell ─►
 *   the worker looks at its waiting requests ─► ticket_is_done ─► the route goes on
 *
 * The archiver calls back whenever it is done, which may be after the client left and even after
 * http stopped. So a ticket belongs to both sides, and the bell outlives the workers that it wakes.
 * Threads: a ticket is made and dropped by its worker, done by the archiver's thread. */
#ifndef TB_HTTP_TICKET_H
#define TB_HTTP_TICKET_H

#include <stdbool.h>

#include "base/cleanup.h"

/* Wakes all workers. */
struct bell;
/* NULL: out of memory. `ring` is called under the bell's lock, from any thread. */
struct bell *bell_new(void (*ring)(void *ctx), void *ctx);
void bell_ring(struct bell *bell);
/* No call of `ring` is under way when this returns, and none comes. */
void bell_silence(struct bell *bell);
/* The workers let go; tickets that are still out keep it. Accepts NULL; returns NULL. */
struct bell *bell_free(struct bell *bell);

struct ticket;
/* NULL: out of memory. */
struct ticket *ticket_new(struct bell *bell);
/* The archive's callback; once. */
void ticket_done(void *ticket, int result);
/* The archive will never call: its call failed. The ticket is gone. Returns NULL. */
struct ticket *ticket_void(struct ticket *ticket);
bool ticket_is_done(const struct ticket *ticket);
int ticket_result(const struct ticket *ticket); /* once it is done */
/* The request lets go. Accepts NULL; returns NULL. */
struct ticket *ticket_drop(struct ticket *ticket);

#endif
