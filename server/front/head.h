/* head.h: the head of a request as both doors look at it, and problems as both say them. Part of
 * front.h: HTTP and WebSocket requests are read by different code, but what a header says, and
 * how a refusal is worded, must not differ. Pure functions. Thread: any. */
#ifndef TB_FRONT_HEAD_H
#define TB_FRONT_HEAD_H

#include <stddef.h>

#include "base/buf.h"

struct head_field {
    const char *name, *value; /* terminated as well */
    size_t name_size, value_size;
};

/* The value of the first field of that name, NULL if there is none; *ret_count (or NULL) says how
 * often it was sent. */
const char *head_find(const struct head_field *fields, size_t count, const char *name,
                      unsigned *ret_count);
/* The value of a field that was sent once; else NULL. */
const char *head_only(const struct head_field *fields, size_t count, const char *name);

/* "Not Found" for 404, …. */
const char *head_title(int status);
/* Appends a problem document (RFC 9457). Errors stay in `out`. */
void head_problem(struct buf *out, int status, const char *code, const char *detail);

#endif
