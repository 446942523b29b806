/* cursor.h: one client's place in one series, and the frames that bring it forward.
 *
 *   topic (what changed) ─► cursor ─► frames appended to the message being built
 *
 * Where several clients stand at the same place of a series, the frames are made once and copied
 * with the handle of each (it is in the frame's header only). Thread: the live thread. */
#ifndef TB_LIVE_CURSOR_H
#define TB_LIVE_CURSOR_H

#include "live/feed.h"

struct cursor {
    struct topic *topic;
    uint64_t ordinal; /* everything before it was sent */
    uint64_t seen;    /* the topic's version then */
    uint32_t handle;
    uint16_t cols;
    uint8_t view;
    bool refused;     /* of another epoch: `behind` is the answer */
};

/* Is there perhaps something to send? */
static inline bool cursor_due(const struct cursor *cursor)
{
    return cursor->seen != cursor->topic->version;
}

/* Appends the frames of what is new and moves the cursor behind them. 0; 1: the last frame is
 * `behind`, the watch is over; -ENOMEM, -EMSGSIZE: nothing was appended and nothing moved. */
_must_check_ int cursor_emit(struct cursor *cursor, struct buf *out);

#endif
