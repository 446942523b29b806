/* double.h: numbers as the shortest decimal text that reads back as the same number.
 *
 * Both functions write a JSON number (no "+", no "inf") for a finite value and return its length;
 * the text is terminated. -0.0 is "-0.0". Thread: any. */
#ifndef TB_BASE_DOUBLE_H
#define TB_BASE_DOUBLE_H

#include <stddef.h>

#define DOUBLE_TEXT_BYTES 32

size_t double_text(char out[DOUBLE_TEXT_BYTES], double value);
/* The shortest text that reads back equal as a float. */
size_t double_float_text(char out[DOUBLE_TEXT_BYTES], float value);

#endif
