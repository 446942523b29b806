/* scalar.h: what the bits of a value mean: number, order, and the integer that chunks store.
 *
 * Bits are kept as flow.h says (F32: 32 bits, F64: 64 bits, integers extended to 64).
 *   key    order within one kind, as int64; -0 and +0 are equal; NaN has no place in it
 *   image  a reversible integer near to its neighbours', for the codec; keeps every bit
 * No state; any thread. */
#ifndef TB_STORE_SCALAR_H
#define TB_STORE_SCALAR_H

#include <string.h>

#include "flow.h"

static inline double scalar_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t scalar_f64_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float scalar_f32(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static inline uint64_t scalar_f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Sign and magnitude as a two's complement number; -0 becomes 0. */
static inline int64_t scalar_key32(uint64_t bits)
{
    uint32_t x = (uint32_t)bits, negative = 0u - (x >> 31), magnitude = x & 0x7fffffffu;
    return (int32_t)((magnitude ^ negative) - negative);
}

static inline int64_t scalar_key64(uint64_t bits)
{
    uint64_t negative = 0u - (bits >> 63), magnitude = bits & INT64_MAX;
    return (int64_t)((magnitude ^ negative) - negative);
}

static inline bool scalar_is_unsigned(enum value_kind kind)
{
    return kind >= VALUE_U8;
}

static inline int64_t scalar_key(enum value_kind kind, uint64_t bits)
{
    if (kind == VALUE_F32)
        return scalar_key32(bits);
    if (kind == VALUE_F64)
        return scalar_key64(bits);
    return (int64_t)(scalar_is_unsigned(kind) ? bits ^ (UINT64_C(1) << 63) : bits);
}

/* Nearest double; exact but for 64-bit integers beyond 2^53. */
static inline double scalar_double(enum value_kind kind, uint64_t bits)
{
    if (kind == VALUE_F32)
        return scalar_f32(bits);
    if (kind == VALUE_F64)
        return scalar_f64(bits);
    return scalar_is_unsigned(kind) ? (double)bits : (double)(int64_t)bits;
}

static inline bool scalar_is_finite(enum value_kind kind, uint64_t bits)
{
    if (kind == VALUE_F32)
        return (bits & 0x7f800000u) != 0x7f800000u;
    return kind != VALUE_F64 || (bits >> 52 & 0x7ff) != 0x7ff;
}

static inline bool scalar_is_nan(enum value_kind kind, uint64_t bits)
{
    if (kind == VALUE_F32)
        return (bits & 0x7fffffffu) > 0x7f800000u;
    return kind == VALUE_F64 && (bits & INT64_MAX) > UINT64_C(0x7ff) << 52;
}

/* The integer that the codec stores, and back. -0 is the one below all others. */
static inline uint64_t scalar_image32(uint64_t bits)
{
    uint32_t x = (uint32_t)bits, negative = 0u - (x >> 31), magnitude = x & 0x7fffffffu;
    uint32_t image = (magnitude ^ negative) - negative;
    image |= x == 0x80000000u ? 0x80000000u : 0;
    return (uint64_t)(int64_t)(int32_t)image;
}

static inline uint64_t scalar_bits32(uint64_t image)
{
    uint32_t i = (uint32_t)image, negative = 0u - (i >> 31);
    return ((i ^ negative) - negative) | (negative & 0x80000000u);
}

static inline uint64_t scalar_image64(uint64_t bits)
{
    uint64_t negative = 0u - (bits >> 63), magnitude = bits & INT64_MAX;
    uint64_t image = (magnitude ^ negative) - negative;
    return image | (bits == UINT64_C(1) << 63 ? UINT64_C(1) << 63 : 0);
}

static inline uint64_t scalar_bits64(uint64_t image)
{
    uint64_t negative = 0u - (image >> 63);
    return ((image ^ negative) - negative) | (negative & UINT64_C(1) << 63);
}

/* <0, 0, >0: order of two finite numbers (or infinities), exact across kinds. */
int scalar_compare_mixed(enum value_kind a_kind, uint64_t a, enum value_kind b_kind, uint64_t b);

static inline int scalar_compare(enum value_kind a_kind, uint64_t a, enum value_kind b_kind,
                                 uint64_t b)
{
    if (__builtin_expect(a_kind != b_kind, 0))
        return scalar_compare_mixed(a_kind, a, b_kind, b);
    int64_t x = scalar_key(a_kind, a), y = scalar_key(b_kind, b);
    return (x > y) - (x < y);
}

/* True when the number is exactly a double (NaN: yes), or exactly a float32. */
bool scalar_fits_double(enum value_kind kind, uint64_t bits);
bool scalar_fits_float(double value);

/* Order of axis values: NaN after all numbers and equal among themselves, -0 = +0. */
static inline int scalar_compare_x(double a, double b)
{
    if (a < b)
        return -1;
    if (a > b)
        return 1;
    if (a == b)
        return 0;
    return (a != a) - (b != b);
}

#endif
