/* tunnel.h: a connection to a server, with TLS where it is asked for: bytes in, bytes out.
 *
 *   asker ─► tunnel ─┬─► socket                      (http)
 *                    └─► libcurl, loaded by name ─►  (https: its connection alone is used)
 *
 * Private to cli/. Thread: main. Results are -errno; of TLS trouble tunnel_error() tells more. */
#ifndef TB_CLI_TUNNEL_H
#define TB_CLI_TUNNEL_H

#include "ship/channel.h"

struct tunnel;

/* -ELIBACC: https, and libcurl cannot be loaded. *ret is set in any case but -ENOMEM. */
_must_check_ int tunnel_open(const struct server_name *server, struct tunnel **ret);
/* Accepts NULL; returns NULL. */
struct tunnel *tunnel_close(struct tunnel *tunnel);
_must_check_ int tunnel_send(struct tunnel *tunnel, const void *data, size_t size);
/* Bytes; 0: the end. */
_must_check_ ssize_t tunnel_receive(struct tunnel *tunnel, void *ret, size_t size);
/* What went wrong, for people; "": nothing but the error says it. */
const char *tunnel_error(const struct tunnel *tunnel);

#endif
