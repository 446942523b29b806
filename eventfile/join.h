/* eventfile/join.h: puts the pieces of a message back together.
 *
 * Protobuf lets a singular message come in several pieces, which merge as if their bytes stood one
 * behind another. protobuf-c does not merge members of a oneof (it keeps the last piece), and the
 * library hands such members on as bytes: so the pieces are joined before. No writer is known to do
 * this. Before: the guard scan has found the event well-formed. After: reference.c. */
#ifndef EVENTFILE_JOIN_H
#define EVENTFILE_JOIN_H

#include <eventfile/event.h>

#include "eventfile/arena.h"

/* The event itself if nothing has to be joined, else an equal one in the arena. 0, EF_ERR_NOMEM. */
EF_MUST_CHECK int join_event(struct arena *arena, struct ef_slice event, struct ef_slice *ret);

#endif
