#include "base/eventname.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static bool ends_with(const char *name, size_t length, const char *suffix)
{
    size_t n = strlen(suffix);

    return length >= n && memcmp(name + length - n, suffix, n) == 0;
}

bool eventname_temporary(const char *name)
{
    static const char *const temporary[] = {".tmp",      ".part",  ".partial",
                                            ".filepart", "_.gstmp", "~"};

    if (name[0] == '.')
        return true;
    size_t length = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(temporary); i++) {
        if (ends_with(name, length, temporary[i]))
            return true;
    }
    return false;
}

enum eventname eventname_class(const char *name)
{
    if (!strstr(name, "tfevents"))
        return EVENTNAME_OTHER;
    return eventname_temporary(name) ? EVENTNAME_TEMPORARY : EVENTNAME_EVENT;
}

/* Bytes of the UTF-8 character at s, 0 if there is none (overlong forms, surrogates and numbers
 * above U+10FFFF are none). */
static size_t utf8_length(const uint8_t *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        return (s[1] & 0xc0) == 0x80 ? 2 : 0;
    if ((s[0] & 0xf0) == 0xe0) {
        uint8_t low = s[0] == 0xe0 ? 0xa0 : 0x80, high = s[0] == 0xed ? 0x9f : 0xbf;
        return s[1] >= low && s[1] <= high && (s[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        uint8_t low = s[0] == 0xf0 ? 0x90 : 0x80, high = s[0] == 0xf4 ? 0x8f : 0xbf;
        if (s[1] < low || s[1] > high || (s[2] & 0xc0) != 0x80)
            return 0;
        return (s[3] & 0xc0) == 0x80 ? 4 : 0;
    }
    return 0;
}

char *eventname_utf8(const char *name)
{
    const uint8_t *s = (const uint8_t *)name;
    char *out = malloc(3 * strlen(name) + 1), *o = out;

    if (!out)
        return NULL;
    while (*s) {
        size_t n = utf8_length(s);
        if (n > 0) {
            memcpy(o, s, n);
            o += n;
            s += n;
        } else {
            memcpy(o, "\xef\xbf\xbd", 3);
            o += 3;
            s++;
        }
    }
    *o = '\0';
    return out;
}
