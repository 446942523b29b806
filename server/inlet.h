/* inlet.h: between the tailer and what decodes: the calls whose parameters differ in type.
 *
 *   tail ── struct tail_sink ──► inlet ──► ingest, index
 *
 * A part of the wiring: neither side knows the other one. Threads: those of tail.h's sink. */
#ifndef TB_INLET_H
#define TB_INLET_H

#include "index.h"
#include "ingest/ingest.h"
#include "tail/tail.h"

struct inlet { /* filled before the tailer starts */
    struct ingest *ingest;
    struct index *index; /* NULL: none */
};

/* Lives as long as `inlet`. */
struct tail_sink inlet_sink(struct inlet *inlet);

#endif
