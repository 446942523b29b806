/* pathtext.h: a file name's bytes as text, and back, without loss.
 *
 * Names on disk are bytes; the catalog and the journals are UTF-8. Control characters, '%' and
 * bytes that are not UTF-8 become %XX; everything else stays as it is. Thread: any. */
#ifndef TB_ARCHIVE_PATHTEXT_H
#define TB_ARCHIVE_PATHTEXT_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/limits.h"

#define PATHTEXT_BYTES (3 * LIMIT_PATH_BYTES + 1)

/* Cut at the end if `size` is less than PATHTEXT_BYTES and the path is that long. */
void pathtext_encode(char *ret, size_t size, const char *path);
/* -EINVAL: a broken %XX, or one that stands for NUL; -ENAMETOOLONG. */
_must_check_ int pathtext_decode(char *ret, size_t size, const char *text);

#endif
