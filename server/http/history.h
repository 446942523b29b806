/* history.h: what the routes of the run history share: the run of {id} as the archive has it, the
 * archive's errors as problems, waiting for the disk. Part of http. Thread: the worker's. */
#ifndef TB_HTTP_HISTORY_H
#define TB_HTTP_HISTORY_H

#include "http/lives.h"
#include "http/request.h"
#include "http/ticket.h"

/* False: no archive; a problem is the reply. */
bool history_is_kept(struct request *request);
/* The run of {id}. NULL: a problem is the reply (404, 410 when it is deleted, 501). */
struct archive_run *history_run(struct request *request);
/* May this run be written to (its token may have run out)? False: a problem is the reply. */
bool history_is_open(struct request *request);
/* What the archive answered, in the words of uploads. */
void history_problem(struct request *request, int error);
/* False: the archive is paused or failing, and 507 is the reply. */
bool history_takes(struct request *request);

/* Waits for a ticket. 1: it is done, *ret_result has its result and the ticket is gone; 0: the
 * request waits, the route must return; -1: the time is over and 503 is the reply. */
int history_wait(struct request *request, struct ticket **ticket, int *ret_result);
/* The same for a ticket that is kept in request->state. True: done and well; else the route must
 * return. */
bool history_answered(struct request *request, struct ticket *ticket);
/* Waits until all that was given for this run is durable; uses request->state, which tells on the
 * next call that it was begun. True: it is; else the route must return. */
bool history_sync(struct request *request, struct archive_run *run);

#endif
