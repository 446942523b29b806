/* respond.h: from a reply to libmicrohttpd's response. Part of http.
 *
 * Adds what every answer has (security headers, Vary, the epoch), compresses, and turns producers
 * into streams. Thread: the worker's. */
#ifndef TB_HTTP_RESPOND_H
#define TB_HTTP_RESPOND_H

#include "http/request.h"

struct MHD_Connection;

/* What respond needs of the worker while a producer waits. */
struct respond_host {
    void *ctx;
    /* The producer has nothing: suspend the connection, and resume it when it is ready or due. */
    void (*suspend)(void *ctx, struct producer *producer);
    /* So many bytes of body were handed to libmicrohttpd. */
    void (*sent)(void *ctx, size_t bytes);
};

/* Queues the reply; takes over its body and producer. `host` must live until the request is
 * completed. 0, or -EIO: the connection must be closed. */
_must_check_ int respond_send(struct MHD_Connection *connection, struct request *request,
                              const struct respond_host *host);

/* Does the client take gzip? */
bool respond_takes_gzip(const char *accept_encoding);

#endif
