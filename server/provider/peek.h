/* peek.h: how many blobs a value has, without reading the blobs.
 *
 * Walks over the fields of a value in its file and passes the long ones. Nothing is checked by CRC
 * here (it was when the file was read, and will be when a blob is asked for): what does not look as
 * it should counts as no value. Thread: one owner at a time. */
#ifndef TB_PROVIDER_PEEK_H
#define TB_PROVIDER_PEEK_H

#include "provider/readback.h"

/* How many blobs; -EBADMSG: the value is no sequence of blobs; -errno. Where the look at the file
 * does not tell (an unusual encoding), the whole record is read. */
_must_check_ int64_t peek_count(struct readback *rb, const struct value_place *place,
                                const struct series_summary *series);

#endif
