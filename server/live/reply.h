/* reply.h: the text messages of the server, each appended to a buffer as one JSON object.
 *
 * welcome, error, series, damage, runs, beat and bye as in docs/formats/live.md. Those that may
 * grow large say only a part and return true when there is more. Thread: the live thread. */
#ifndef TB_LIVE_REPLY_H
#define TB_LIVE_REPLY_H

#include "live/client.h"
#include "live/hub.h"

void reply_welcome(struct buf *out, const struct hub *hub);
void reply_error(struct buf *out, const struct client_error *error);
void reply_bye(struct buf *out, enum bye why);
/* What every watched run's newest commit and byte are, and how it is followed. */
void reply_beat(struct buf *out, struct client *client);
/* New series or new damage of one of the client's runs. false: nothing was left to say. */
bool reply_sub(struct buf *out, struct sub *sub);
/* Runs that changed; nothing is appended when none passes the filter. true: there is more. */
bool reply_runs(struct buf *out, struct client *client);

#endif
