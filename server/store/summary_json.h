/* summary_json.h: a run as one JSON object, the same for GET /runs and for live messages.
 *
 * Part of store.h. It lives here because the HTTP API and the live side both write it and neither
 * may include the other. Thread: any. */
#ifndef TB_STORE_SUMMARY_JSON_H
#define TB_STORE_SUMMARY_JSON_H

#include "base/buf.h"

struct run_summary;

/* Appends the object. `now` is the wall time that ages are counted from. Errors stay in `out`. */
void run_summary_json(struct buf *out, const struct run_summary *summary, double now);

#endif
