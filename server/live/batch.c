/* batch.c: one binary message of a client: the frames of all its cursors that are due.
 *
 * Goes over the subs of changed runs and their cursors until all were seen or the message is
 * full; then the next message goes on where this one stopped. Thread: the live thread. */
#include "base/check.h"
#include "live/client.h"
#include "live/hub.h"

/* What one message may still take. */
struct room {
    size_t bytes; /* length of the buffer at which it is full */
    unsigned series;
};

static bool full(const struct room *room, const struct buf *out)
{
    return room->series == 0 || out->length >= room->bytes;
}

/* true: all cursors of the sub were looked at. */
static bool scan(struct client *client, struct sub *sub, struct buf *out, struct room *room)
{
    if (sub->scan == 0)
        sub->scanning = sub->feed->version;
    while (sub->scan < sub->count) {
        struct cursor *cursor = &sub->cursors[sub->scan];

        if (!cursor_due(cursor)) {
            sub->scan++;
            continue;
        }
        if (full(room, out))
            return false;
        room->series--;
        int r = cursor_emit(cursor, out);
        if (r == 1) /* over: another takes its place here */
            client_remove(client, sub, sub->scan);
        else
            sub->scan++;
        if (r < 0) /* no memory: at the next commit again */
            cursor->seen = 0;
    }
    sub->scan = 0;
    sub->seen = sub->scanning;
    return true;
}

bool client_points(struct client *client, struct buf *out)
{
    struct room room = {out->length + LIMIT_LIVE_BATCH_BYTES, LIMIT_LIVE_BATCH_SERIES};

    for (uint32_t left = client->n_subs; left > 0; left--) {
        struct sub *sub = client->subs[client->scan_slot];

        if (sub && sub_due(sub) && !scan(client, sub, out, &room))
            return true;
        client->scan_slot = (client->scan_slot + 1) % client->n_subs;
    }
    return false;
}

bool client_may_send_points(const struct client *client)
{
    return client->due && !client->paused &&
           client->sent - client->acked <= LIMIT_UNACKED_BYTES;
}
