/* eventfile/number.h: small floating-point formats, widened exactly to 32 bits.
 *
 * Thread: any. */
#ifndef EVENTFILE_NUMBER_H
#define EVENTFILE_NUMBER_H

#include <stdint.h>

/* IEEE half to the bits of a float; NaN keeps its payload. */
uint32_t number_from_half(uint16_t half);

/* 8 bits, 4 of exponent (bias 7), 3 of mantissa; no infinity, all ones is NaN. */
float number_from_e4m3fn(uint8_t bits);

/* The "fnuz" forms: no infinity, no negative zero, 0x80 is NaN. */
float number_from_fnuz(uint8_t bits, int mantissa_bits, int bias);

#endif
