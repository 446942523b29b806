/* metrics.h: figures of all modules as OpenMetrics lines for GET /metrics.
 *
 * The names are part of the interface: docs/operations.md lists them. Thread: any. */
#ifndef TB_METRICS_H
#define TB_METRICS_H

#include "base/buf.h"
#include "index.h"
#include "ingest/ingest.h"
#include "store/store.h"
#include "tail/tail.h"

/* struct live_stats, without its header: the live side may not be built in. */
struct metrics_live {
    uint64_t clients, watches, messages, bytes, interval_us;
};

struct metrics {
    struct tail_stats tail;
    struct ingest_stats ingest;
    struct store_stats store;
    struct index_stats index; /* zero: there is none */
    struct metrics_live live;
};

/* All memory of the store by scalar point; 0 without points. */
double metrics_bytes_per_point(const struct store_stats *store);

/* Appends the lines, without the closing "# EOF". */
void metrics_write(const struct metrics *metrics, struct buf *out);

#endif
