#include "base/double.h"

#include <inttypes.h>
#include <math.h>
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

size_t double_text(char out[DOUBLE_TEXT_BYTES], double value)
{
    int n = 0;

    DCHECK(isfinite(value));
    if (fabs(value) < 1e15 && value == floor(value))
        return whole(out, value);
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
