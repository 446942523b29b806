/* eventfile/join.h: puts the pieces of singular messages back together.
 *
 * Protobuf lets a singular message come in several pieces, which merge as if their bytes stood one
 * behind another. protobuf-c keeps only the last piece of a oneof member, and of merged messages it
 * loses plain proto3 numbers; and the library hands members on as bytes. So pieces are joined
 * before. No writer is known to make them. Before: the guard scan has found the event well-formed.
 * After: reference.c unpacks the result. */
#ifndef EVENTFILE_JOIN_H
#define EVENTFILE_JOIN_H

#include <eventfile/event.h>

#include "eventfile/arena.h"

/* *ret_event is an equal event in the arena without pieces. 0, EF_ERR_NOMEM. */
EF_MUST_CHECK int join_event(struct arena *arena, struct ef_slice event,
                             struct ef_slice *ret_event);

#endif
