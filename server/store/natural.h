/* natural.h: the order in which people expect names: "run2" before "run10", "a/b" under "a".
 *
 * "/" separates parts and sorts before everything; runs of digits compare as numbers; the rest
 * bytewise. Names that differ only in leading zeros are ordered bytewise, so the order is total.
 * No state; any thread. */
#ifndef TB_STORE_NATURAL_H
#define TB_STORE_NATURAL_H

#include <stddef.h>

int natural_compare(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
