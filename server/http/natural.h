/* natural.h: the order of tags that people expect: "layer2" before "layer10". Part of http.
 *
 * By "/"-parts, runs of digits by their number; equal so far: bytewise. Thread: any. */
#ifndef TB_HTTP_NATURAL_H
#define TB_HTTP_NATURAL_H

#include <stddef.h>

/* Below, at or above zero. Zero only for equal bytes. */
int natural_compare(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
