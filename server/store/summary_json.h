/* summary_json.h: a run, and a damage entry, as one JSON object: the same for the API and for live
 * messages.
 *
 * Part of store.h. It lives here because the HTTP API and the live side both write it and neither
 * may include the other. Thread: any. */
#ifndef TB_STORE_SUMMARY_JSON_H
#define TB_STORE_SUMMARY_JSON_H

#include "base/json.h"

struct run_summary;
struct damage_entry;

/* Appends the object. `now` is the wall time that ages are counted from. Errors stay in `out`. */
void run_summary_json(struct buf *out, const struct run_summary *summary, double now);

/* One entry of a damage list, likewise. */
void damage_entry_json(struct json *j, const struct damage_entry *entry);

#endif
