/* points_reply.h: an ask for points as a body, series by series, in any of its forms. Part of http.
 *
 *   ask ─► store (one series at a time) ─► frames, or text of at most 64 KB a step
 *
 * Thread: the worker's. */
#ifndef TB_HTTP_POINTS_REPLY_H
#define TB_HTTP_POINTS_REPLY_H

#include "http/ask.h"

/* Takes over `ask` in every case. The first series is looked up at once, so that its failure is a
 * proper reply. `single`: the answer is about one series and its JSON is one flat object; lines and
 * CSV have a row a point. */
void points_reply(struct request *request, struct ask *ask, bool single);

#endif
