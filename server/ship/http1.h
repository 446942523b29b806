/* http1.h: a small HTTP/1.1 client over one socket, for http:// servers.
 *
 * Several requests may be under way (pipelining); while a body is sent, an answer that comes early
 * (a refusal) ends the sending. See channel.h for the rules; private to channel.c. */
#ifndef TB_SHIP_HTTP1_H
#define TB_SHIP_HTTP1_H

#include "ship/channel.h"

struct http1;

struct http1 *http1_new(const struct channel_options *options);
struct http1 *http1_free(struct http1 *http);
/* `auth`: a whole header line, or "". */
_must_check_ int http1_send(struct http1 *http, const struct channel_request *request,
                            const char *auth);
_must_check_ int http1_receive(struct http1 *http, struct channel_reply *ret, int timeout_ms);
unsigned http1_under_way(const struct http1 *http);
bool http1_room(const struct http1 *http);
int http1_fd(const struct http1 *http);
void http1_close(struct http1 *http);
const char *http1_error(const struct http1 *http);

#endif
