/* eventfile/value.h: one Summary.Value, by hand.
 *
 * Before: event.c has found the value's bytes in a summary. After: a filled struct ef_value whose
 * slices point into them. What is malformed or needs pieces joined is "unusual": event.c then gives
 * the whole event to reference.c, which decides. Thread: any. */
#ifndef EVENTFILE_VALUE_H
#define EVENTFILE_VALUE_H

#include <stdbool.h>

#include <eventfile/event.h>

#include "eventfile/tensor.h"

/* Every field of *ret_value but `metadata` (see has_metadata) is filled. False: unusual. */
bool value_decode(struct ef_slice bytes, struct ef_value *ret_value);

/* Makes a SCALAR or a TENSOR of a tensor member; tag and metadata are filled already. */
void value_from_tensor(struct ef_value *value, const struct tensor *t, struct ef_slice payload);

/* Walks a member that is kept as bytes: do its known fields carry their wire types? */
bool member_holds(enum ef_value_kind kind, struct ef_slice bytes);

#endif
