#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048 };

static _Atomic int current_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

size_t log_escape(char *out, size_t size, const char *text, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (size_t i = 0; i < length && n + 5 <= size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != 0x7f) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    if (size > 0)
        out[n] = '\0';
    return n;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const words[] = {"error: ", "warning: ", "", "debug: "};
    char text[LINE_MAX_BYTES], safe[LINE_MAX_BYTES];
    va_list args;

    if (level > log_level())
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    log_escape(safe, sizeof safe, text, MIN((size_t)n, sizeof text - 1));
    /* One call, so that lines of two threads do not mix. */
    fprintf(stderr, "tailboard: %s%s\n", words[level], safe);
}
