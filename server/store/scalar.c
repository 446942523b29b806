#include "store/scalar.h"

#include "base/check.h"

int scalar_compare_mixed(enum value_kind a_kind, uint64_t a, enum value_kind b_kind, uint64_t b)
{
    bool a_float = a_kind <= VALUE_F64, b_float = b_kind <= VALUE_F64;
    if (!a_float && !b_float) {
        bool a_negative = !scalar_is_unsigned(a_kind) && (int64_t)a < 0;
        bool b_negative = !scalar_is_unsigned(b_kind) && (int64_t)b < 0;
        if (a_negative != b_negative)
            return a_negative ? -1 : 1;
        return (a > b) - (a < b);
    }
    if (!a_float || !b_float) {
        /* A whole part that fits no 64-bit integer is decided by the double alone. */
        double x = scalar_double(a_kind, a), y = scalar_double(b_kind, b);
        if (x != y)
            return x < y ? -1 : 1;
        if (x >= 0x1p64 || x < -0x1p63)
            return a_float ? 1 : -1;
        uint64_t whole = x < 0 ? (uint64_t)(int64_t)x : (uint64_t)x;
        uint64_t l = a_float ? whole : a, r = b_float ? whole : b;
        if (x < 0)
            return ((int64_t)l > (int64_t)r) - ((int64_t)l < (int64_t)r);
        return (l > r) - (l < r);
    }
    double x = scalar_double(a_kind, a), y = scalar_double(b_kind, b);
    return (x > y) - (x < y);
}

bool scalar_fits_double(enum value_kind kind, uint64_t bits)
{
    if (kind <= VALUE_F64)
        return true;
    uint64_t magnitude = bits;
    if (!scalar_is_unsigned(kind) && (int64_t)bits < 0)
        magnitude = 0u - bits;
    return magnitude <= UINT64_C(1) << 53;
}

bool scalar_fits_float(double value)
{
    if (value != value) {
        /* Payload bits that a float32 cannot hold would be lost. */
        uint64_t bits = scalar_f64_bits(value);
        return (bits & ((UINT64_C(1) << 29) - 1)) == 0 && (bits >> 51 & 1) != 0;
    }
    if (value - value != 0)
        return true; /* infinite */
    if (value > 0x1.fffffep127 || value < -0x1.fffffep127)
        return false;
    return (double)(float)value == value;
}
