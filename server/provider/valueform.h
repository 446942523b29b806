/* valueform.h: a value of an event file as the tensor or the blobs that TensorBoard's readers make
 * of it.
 *
 * Old-style members become what newer writers would have written. A tensor comes out as it is, or,
 * where the Python client could not decode it, in a form that says the same. Thread: any. */
#ifndef TB_PROVIDER_VALUEFORM_H
#define TB_PROVIDER_VALUEFORM_H

#include <eventfile/event.h>

#include "provider/core.h"

/* Appends a serialized TensorProto. 0; -EBADMSG: this value is no tensor that can be shown;
 * -ENOMEM, -EMSGSIZE: the buffer's. */
_must_check_ int valueform_tensor(const struct ef_value *value, struct buf *out);

enum { VALUEFORM_NUMBER_BYTES = 12 };

/* Blobs of a value in a series of that plugin. *ret_count: how many; *ret_blob: the one of `index`,
 * if there are so many (a width or height is written to `number`). 0 or -EBADMSG. */
_must_check_ int valueform_blobs(const struct ef_value *value, struct text plugin, size_t index,
                                 size_t *ret_count, struct ef_slice *ret_blob,
                                 char number[VALUEFORM_NUMBER_BYTES]);

/* A series of blobs by its tensors' shape: every how many elements of string_val make one blob.
 * 0: such a tensor is none. */
unsigned valueform_stride(struct text plugin, unsigned rank, int64_t second_size);

#endif
