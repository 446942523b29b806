/* gate.h: what a request's head must look like before anything believes it. Part of http.
 *
 * libmicrohttpd reads requests leniently. What two parsers could read in two ways (a length and
 * chunks, two hosts, a control character) lets a request hide in another one behind a proxy, so
 * it is refused here, before the router. A pure function: tests and a fuzz target feed it alone.
 * Thread: any. */
#ifndef TB_HTTP_GATE_H
#define TB_HTTP_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "front/front.h"

struct gate_head {
    const char *method, *target, *version;
    const struct head_field *headers;
    size_t n_headers;
};

struct gate_verdict {
    int status;         /* 0: fine; else 400, 414, 417, 431, 501, 505 */
    const char *detail; /* static */
    uint64_t length;    /* announced size of the body; UINT64_MAX: chunked */
};

void gate_check(const struct gate_head *head, struct gate_verdict *ret);

#endif
