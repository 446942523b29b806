#include "archive/pathtext.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 character at `p` (closed by NUL), 0: it is none. */
static size_t character(const uint8_t *p)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3
               : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90))
        return 0; /* too long a form, a surrogate, beyond the last one */
    return n;
}

void pathtext_encode(char *ret, size_t size, const char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    const uint8_t *p = (const uint8_t *)path;
    size_t at = 0;

    while (*p) {
        size_t n = character(p);
        if (n > 1 || (n == 1 && *p >= 0x20 && *p != 0x7F && *p != '%')) {
            if (at + n >= size)
                break;
            memcpy(ret + at, p, n);
            at += n;
            p += n;
            continue;
        }
        if (at + 3 >= size)
            break;
        ret[at++] = '%';
        ret[at++] = hex[*p >> 4];
        ret[at++] = hex[*p & 15];
        p++;
    }
    ret[at] = '\0';
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int pathtext_decode(char *ret, size_t size, const char *text)
{
    size_t at = 0;

    for (; *text; text++) {
        char c = *text;
        if (c == '%') {
            int high = digit(text[1]), low = high < 0 ? -1 : digit(text[2]);
            if (low < 0 || high + low == 0)
                return -EINVAL;
            c = (char)(high << 4 | low);
            text += 2;
        }
        if (at + 1 >= size)
            return -ENAMETOOLONG;
        ret[at++] = c;
    }
    ret[at] = '\0';
    return 0;
}
