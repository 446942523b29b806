/* secret.h: small files that only their owner may read. Part of front.
 *
 * The server secret and the token live in the state directory, mode 0600. They are made once, of
 * 256 random bits, in a way that two servers starting together agree on one. A file that others
 * could read is refused: it is no secret any more. Thread: the starting one. */
#ifndef TB_FRONT_SECRET_H
#define TB_FRONT_SECRET_H

#include <stdbool.h>

#include "base/cleanup.h"

enum { SECRET_TEXT_BYTES = 64 }; /* 256 bits as base64url are 43 characters */

/* Reads DIR/NAME, or makes it. 0; -EPERM: not ours alone; -EBADMSG: not what we write; -errno. */
_must_check_ int secret_load(const char *dir, const char *name,
                             char ret_text[SECRET_TEXT_BYTES], bool *ret_made);
/* Makes the directory and its parents, new ones with mode 0700. 0 or -errno. */
_must_check_ int secret_dir(const char *dir);

#endif
