/* sub.h: one client's interest in one run: its cursors there, and what it was told of the run.
 *
 * Subs hang in two places: in the client (by slot) and in the run's feed (a list). A scan goes
 * over the cursors of a changed run and may be cut when the message is full; it goes on where it
 * stopped. Thread: the live thread. */
#ifndef TB_LIVE_SUB_H
#define TB_LIVE_SUB_H

#include "live/cursor.h"

struct client;

struct sub {
    struct client *client;
    struct feed *feed;
    struct sub *previous, *next; /* in the feed */
    uint32_t slot;               /* in the client */
    struct cursor *cursors;
    uint32_t count, capacity;
    uint32_t scan;               /* the cursor to look at next */
    uint64_t seen, scanning;     /* feed version of the last whole scan, of the present one */
    size_t listed_seen;          /* of feed->listed */
    bool overflow_told;
    uint64_t damage_seen;
};

/* Joins the feed. NULL: out of memory. */
struct sub *sub_new(struct client *client, struct feed *feed, uint32_t slot);
/* Leaves the feed, frees cursors and perhaps topics and feed. Accepts NULL; returns NULL. */
struct sub *sub_free(struct sub *sub);

/* Adds a cursor; NULL: out of memory. Pointers to others of this sub are no longer valid. */
struct cursor *sub_add(struct sub *sub, struct topic *topic);
/* Removes one; the last one takes its place. */
void sub_remove(struct sub *sub, uint32_t index);

static inline bool sub_due(const struct sub *sub)
{
    return sub->scan > 0 || sub->seen != sub->feed->version;
}

#endif
