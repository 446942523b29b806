#include "http/natural.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *text, size_t size)
{
    size_t n = 0;

    while (n < size && is_digit(text[n]))
        n++;
    return n;
}

/* Two runs of digits of any length, by their number. */
static int compare_numbers(const char *a, size_t a_size, const char *b, size_t b_size)
{
    while (a_size > 1 && *a == '0')
        a++, a_size--;
    while (b_size > 1 && *b == '0')
        b++, b_size--;
    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    return memcmp(a, b, a_size);
}

/* A "/" comes before all else, so that a part that ends is smaller than one that goes on. */
static int rank(char c)
{
    return c == '/' ? 0 : 1 + (unsigned char)c;
}

int natural_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t i = 0, k = 0, both = a_size < b_size ? a_size : b_size;
    int order;

    while (i < a_size && k < b_size) {
        size_t n = digits(a + i, a_size - i), m = digits(b + k, b_size - k);

        if (n > 0 && m > 0) {
            order = compare_numbers(a + i, n, b + k, m);
            if (order)
                return order;
            i += n;
            k += m;
        } else {
            if (a[i] != b[k])
                return rank(a[i]) - rank(b[k]);
            i++;
            k++;
        }
    }
    if (i < a_size || k < b_size)
        return i < a_size ? 1 : -1;
    order = both > 0 ? memcmp(a, b, both) : 0;
    return order ? order : (a_size > b_size) - (a_size < b_size);
}
