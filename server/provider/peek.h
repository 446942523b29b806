/* peek.h: how many blobs a value has, without reading the blobs.
 *
 * Walks over the fields of a value in its file and passes the long ones. Nothing is checked by CRC
 * here (it was when the file was read, and will be when a blob is asked for): what does not look as
 * it should counts as no value. Thread: one owner at a time. */
#ifndef TB_PROVIDER_PEEK_H
#define TB_PROVIDER_PEEK_H

#include "provider/readback.h"

/* How many blobs; -EBADMSG: the value is no sequence of blobs; -errno. `kind`, `plugin`: the
 * series'. */
_must_check_ int64_t peek_blobs(struct readback *rb, const struct value_place *place,
                                enum series_kind kind, struct text plugin);

#endif
