/* body.h: JSON bodies of requests other than for points. Part of http; see ask_read.c.
 * Thread: the worker's. */
#ifndef TB_HTTP_BODY_H
#define TB_HTTP_BODY_H

#include "http/request.h"

enum { BODY_TOKEN_BYTES = 256 };

/* No more than LIMIT_JSON_DEPTH brackets are open at once. */
bool body_is_shallow(const char *text, size_t size);
/* {"token": …}. False: a problem is the reply. */
bool body_token(struct request *request, char ret_token[BODY_TOKEN_BYTES]);

#endif
