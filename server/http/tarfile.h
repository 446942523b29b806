/* tarfile.h: headers of a tar archive (ustar, with pax records for what does not fit). Part of
 * http. Pure. Thread: any. */
#ifndef TB_HTTP_TARFILE_H
#define TB_HTTP_TARFILE_H

#include "base/buf.h"

enum { TARFILE_BLOCK = 512 };

/* Appends what comes before the content of a regular file. `path` may be any bytes. */
int tarfile_header(struct buf *out, const char *path, uint64_t size, double changed_s);
/* Zero bytes that fill the block behind `size` bytes of content. */
int tarfile_pad(struct buf *out, uint64_t size);
/* What ends an archive. */
int tarfile_end(struct buf *out);

/* Does the pattern fit the whole path? "*": any characters, also "/"; "?": one. Never slower than
 * the product of both lengths. */
bool tarfile_matches(const char *pattern, const char *path);

#endif
