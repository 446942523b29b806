/* eventfile/number.c: half, float8 and the numbers of enum ef_number. */
#include "eventfile/number.h"

#include <math.h>
#include <string.h>

#include <eventfile/event.h>

uint32_t number_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t mantissa = half & 0x3ff;

    if (exponent == 0x1f)
        return sign | 0x7f800000 | mantissa << 13;
    if (exponent != 0)
        return sign | (exponent + 127 - 15) << 23 | mantissa << 13;
    if (mantissa == 0)
        return sign;
    /* a denormal of half is a normal float: move the first one bit to its place */
    unsigned shift = (unsigned)__builtin_clz(mantissa) - 21;
    return sign | (113 - shift) << 23 | ((mantissa << shift) & 0x3ff) << 13;
}

static float small_float(uint8_t bits, int mantissa_bits, int bias)
{
    int exponent = (bits & 0x7f) >> mantissa_bits;
    int mantissa = bits & ((1 << mantissa_bits) - 1);
    float value = exponent == 0 ? ldexpf((float)mantissa, 1 - bias - mantissa_bits)
                                : ldexpf((float)(mantissa + (1 << mantissa_bits)),
                                         exponent - bias - mantissa_bits);

    return bits & 0x80 ? -value : value;
}

float number_from_e4m3fn(uint8_t bits)
{
    if ((bits & 0x7f) == 0x7f)
        return NAN;
    return small_float(bits, 3, 7);
}

float number_from_fnuz(uint8_t bits, int mantissa_bits, int bias)
{
    if (bits == 0x80)
        return NAN;
    return small_float(bits, mantissa_bits, bias);
}

double ef_number_double(enum ef_number number, uint64_t bits)
{
    double d;
    float f;
    uint32_t word = (uint32_t)bits;

    switch (number) {
    case EF_NUMBER_F32:
        memcpy(&f, &word, sizeof f);
        return (double)f;
    case EF_NUMBER_F64:
        memcpy(&d, &bits, sizeof d);
        return d;
    case EF_NUMBER_I8:
    case EF_NUMBER_I16:
    case EF_NUMBER_I32:
    case EF_NUMBER_I64:
        return (double)(int64_t)bits;
    default:
        return (double)bits;
    }
}
