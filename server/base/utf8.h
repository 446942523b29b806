/* utf8.h: what is sound UTF-8. Thread: any. */
#ifndef TB_BASE_UTF8_H
#define TB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Length of the sound sequence at p, of which `left` > 0 bytes are there; 0 if it is none: then
 * *ret_bad bytes are one error. */
size_t utf8_sequence(const unsigned char *p, size_t left, size_t *ret_bad);
bool utf8_is_sound(const char *text, size_t size);
/* Appends the text with U+FFFD for each bad piece. */
void utf8_mend(struct buf *out, const char *text, size_t size);

#endif
