#include "store/natural.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at `at` without leading zeros; *at moves behind them. */
static const char *number_at(const char *text, size_t size, size_t *at, size_t *ret_length)
{
    while (*at < size && text[*at] == '0')
        (*at)++;
    size_t start = *at;
    while (*at < size && is_digit(text[*at]))
        (*at)++;
    *ret_length = *at - start;
    return text + start;
}

/* "/" before all other bytes. */
static int rank(char c)
{
    return c == '/' ? -1 : (unsigned char)c;
}

int natural_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t i = 0, j = 0;

    while (i < a_size && j < b_size) {
        if (is_digit(a[i]) && is_digit(b[j])) {
            size_t x_length, y_length;
            const char *x = number_at(a, a_size, &i, &x_length);
            const char *y = number_at(b, b_size, &j, &y_length);
            if (x_length != y_length)
                return x_length < y_length ? -1 : 1;
            int order = memcmp(x, y, x_length);
            if (order != 0)
                return order < 0 ? -1 : 1;
            continue;
        }
        if (a[i] != b[j])
            return rank(a[i]) < rank(b[j]) ? -1 : 1;
        i++;
        j++;
    }
    if (i < a_size || j < b_size)
        return i < a_size ? 1 : -1;
    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    int order = a_size > 0 ? memcmp(a, b, a_size) : 0;
    return (order > 0) - (order < 0);
}
