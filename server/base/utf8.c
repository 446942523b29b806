#include "base/utf8.h"

size_t utf8_sequence(const unsigned char *p, size_t left, size_t *ret_bad)
{
    unsigned low = 0x80, high = 0xbf;
    size_t n;

    *ret_bad = 1;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    } else
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80, high = 0xbf;
    }
    return n;
}

bool utf8_is_sound(const char *text, size_t size)
{
    size_t bad;

    for (size_t i = 0; i < size;) {
        size_t n = utf8_sequence((const unsigned char *)text + i, size - i, &bad);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

void utf8_mend(struct buf *out, const char *text, size_t size)
{
    size_t start = 0, bad;

    for (size_t i = 0; i < size;) {
        size_t n = utf8_sequence((const unsigned char *)text + i, size - i, &bad);
        if (n > 0) {
            i += n;
            continue;
        }
        buf_add(out, text + start, i - start);
        buf_str(out, UTF8_REPLACEMENT);
        i += bad;
        start = i;
    }
    buf_add(out, text + start, size - start);
}
