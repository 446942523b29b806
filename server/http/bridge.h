/* bridge.h: a WebSocket that came late, on a connection that libmicrohttpd owns already. Part of
 * http.
 *
 *   client ◄──► socket of the upgraded connection ◄── bridge ──► socket pair ◄──► live door
 *
 * Proxies that keep connections alive send an Upgrade as a later request. The live side wants a
 * connection from its first byte and answers the handshake itself. So the bridge writes the
 * request, as it came, into a socket pair, gives the other end to the live door, and swallows that
 * door's 101: the client has libmicrohttpd's.
 *
 * Thread: the worker's. */
#ifndef TB_HTTP_BRIDGE_H
#define TB_HTTP_BRIDGE_H

#include "http/worker.h"

/* Begins; on failure the connection is closed. The request's text is in client->request.body;
 * `handle` goes back through talk_upgrade_end(). */
void bridge_open(struct conn *client, int socket, const char *extra, size_t extra_size,
                 void *handle);
/* An event of the worker's epoll whose pointer is neither the worker's nor the daemon's. */
void bridge_event(struct worker *worker, void *end, uint32_t events);
/* Frees those that ended; after a batch of events. */
void bridge_reap(struct worker *worker);
/* Ends those whose handshake is not answered in time. */
void bridge_sweep(struct worker *worker, int64_t now);
void bridge_close_all(struct worker *worker);

#endif
