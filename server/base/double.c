#include "base/double.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Whole numbers of up to 15 digits need no search. */
static size_t whole(char *out, double value)
{
    if (value == 0.0)
        return (size_t)snprintf(out, DOUBLE_TEXT_BYTES, "%s", signbit(value) ? "-0.0" : "0");
    return (size_t)snprintf(out, DOUBLE_TEXT_BYTES, "%" PRId64, (int64_t)value);
}

/* A positive double as mantissa * 2^exponent. */
struct parts {
    uint64_t mantissa;
    int exponent;
};

/* 5^0 to 5^27: what fits into 64 bits. */
static uint64_t power_of_5(int n)
{
    uint64_t power = 1, base = 5;

    for (; n > 0; n >>= 1, base *= base)
        if (n & 1)
            power *= base;
    return power;
}

static struct parts take_apart(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    int biased = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);

    if (biased == 0)
        return (struct parts){fraction, -1074};
    return (struct parts){fraction | UINT64_C(1) << 52, biased - 1075};
}

/* The nearest n to value * 10^k, exactly: value * 10^k = mantissa * 5^k / 2^shift, which fits into
 * 128 bits. False: outside of what this can do. *ret_back: n / 10^k reads back as the value. */
static bool scale(struct parts v, int k, uint64_t *ret_n, bool *ret_back)
{
    int shift = -(v.exponent + k);
    unsigned __int128 product, n, above;

    if (k < 0 || k > 27 || shift <= 0 || shift > 120)
        return false;
    uint64_t fives = power_of_5(k);
    product = (unsigned __int128)v.mantissa * fives;
    n = (product + ((unsigned __int128)1 << (shift - 1))) >> shift;
    if (n > UINT64_MAX)
        return false;
    above = n << shift;
    /* Half of the way to the next double is fives / 2; below a power of two only half of that. */
    if (above >= product)
        *ret_back = 2 * (above - product) < fives;
    else
        *ret_back = (v.mantissa == UINT64_C(1) << 52 ? 4 : 2) * (product - above) < fives;
    *ret_n = (uint64_t)n;
    return true;
}

/* "e-07", as printf writes it. */
static int put_exponent(char *out, int exponent)
{
    return snprintf(out, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* Digits of n * 10^-k without zeros at the end, as "%g" would write them. */
static size_t put_decimal(char *out, bool negative, uint64_t n, int k)
{
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, n), point = count - k;
    char *p = out;

    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (negative)
        *p++ = '-';
    if (point < -3 || point > 17) {
        *p++ = digits[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)count - 1);
            p += count - 1;
        }
        p += put_exponent(p, point - 1);
    } else if (point <= 0) {
        memcpy(p, "0.", 2);
        p += 2;
        memset(p, '0', (size_t)-point);
        p += -point;
        memcpy(p, digits, (size_t)count);
        p += count;
    } else {
        int before = count < point ? count : point;

        memcpy(p, digits, (size_t)before);
        p += before;
        memset(p, '0', (size_t)(point - before));
        p += point - before;
        if (count > before) {
            *p++ = '.';
            memcpy(p, digits + before, (size_t)(count - before));
            p += count - before;
        }
    }
    *p = '\0';
    return (size_t)(p - out);
}

/* By exact arithmetic in 128 bits, for values near enough to 1: 10^-11 to 10^15 or so. 0: it
 * cannot. */
static size_t exact_text(char *out, double value)
{
    struct parts v = take_apart(fabs(value));
    int power = (int)floor(log10(fabs(value)));
    uint64_t n;
    bool back;

    for (int digits = 15; digits <= 17; digits++) {
        if (!scale(v, digits - 1 - power, &n, &back))
            return 0;
        if (back || digits == 17)
            return put_decimal(out, value < 0, n, digits - 1 - power);
    }
    return 0;
}

size_t double_text(char out[DOUBLE_TEXT_BYTES], double value)
{
    int n = 0;

    DCHECK(isfinite(value));
    if (fabs(value) < 1e15 && value == floor(value))
        return whole(out, value);
    size_t length = fabs(value) > 1e-12 && fabs(value) < 1e16 ? exact_text(out, value) : 0;
    if (length > 0)
        return length;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(out, DOUBLE_TEXT_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return (size_t)n;
}

size_t double_float_text(char out[DOUBLE_TEXT_BYTES], float value)
{
    int n = 0;

    DCHECK(isfinite(value));
    if (fabsf(value) < 1e7f && value == floorf(value))
        return whole(out, value);
    for (int digits = 6; digits <= 9; digits++) {
        n = snprintf(out, DOUBLE_TEXT_BYTES, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    return (size_t)n;
}
