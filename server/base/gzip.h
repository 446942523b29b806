/* gzip.h: bytes in, gzip out, a piece at a time; and the way back for small things.
 *
 * Quick rather than small: answers are made once and sent once. By ISA-L where there is one, else
 * by zlib (docs/decisions/compression.md). Thread: one owner at a time. */
#ifndef TB_BASE_GZIP_H
#define TB_BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct gzip;

struct gzip *gzip_new(void); /* NULL when out of memory */
struct gzip *gzip_free(struct gzip *gzip);

/* Compresses `size` bytes and appends what is ready to `out`; `last` ends the stream.
 * 0, or the buffer's error. */
_must_check_ int gzip_add(struct gzip *gzip, const void *data, size_t size, bool last,
                          struct buf *out);

/* Appends the unpacked form of a whole gzip file to `out`, whose maximum limits it.
 * 0; -EBADMSG; the buffer's error. */
_must_check_ int gzip_unpack(const void *data, size_t size, struct buf *out);

#endif
