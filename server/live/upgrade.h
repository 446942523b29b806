/* upgrade.h: the request that opens a WebSocket: checked before any library sees it.
 *
 *   fd ─ peeked header ─► upgrade_read ─► admitted: a request of our own wording for the library
 *                                     └─► refused: an answer to be sent
 *
 * The library gets a request that we wrote: nothing of the client's header reaches its parser but
 * the key, whose form is checked. So its limits and its extensions cannot be met from outside.
 * A pure function over bytes. Thread: the live thread. */
#ifndef TB_LIVE_UPGRADE_H
#define TB_LIVE_UPGRADE_H

#include "base/buf.h"
#include "front/front.h"

#define UPGRADE_PROTOCOL "tailboard.v1"

struct upgrade {
    bool admitted;
    size_t size;     /* bytes of the client's header; 0: it is not whole */
    char text[2048]; /* admitted: the request for the library; else the answer */
    char code[48];   /* refused: why */
};

/* `data` is what came so far. Never fails: what cannot be admitted is refused. */
void upgrade_read(const char *data, size_t size, const struct peer *peer, struct auth *auth,
                  const char *prefix, struct upgrade *ret);

#endif
