#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->length = 0;
    b->error = 0;
}

static int fail(struct buf *b, int error)
{
    if (!b->error)
        b->error = error;
    return error;
}

int buf_reserve(struct buf *b, size_t more)
{
    DCHECK(b->length <= b->capacity && b->max > 0);
    if (b->error)
        return b->error;
    if (more > b->max || b->length > b->max - more)
        return fail(b, -EMSGSIZE);
    if (b->length + more <= b->capacity)
        return 0;

    size_t want = MAX(b->length + more, MIN(b->capacity * 2, b->max));
    want = MAX(want, (size_t)64);
    char *data = realloc(b->data, want);
    if (!data)
        return fail(b, -ENOMEM);
    b->data = data;
    b->capacity = want;
    return 0;
}

int buf_add(struct buf *b, const void *data, size_t size)
{
    int r = buf_reserve(b, size);

    if (r < 0)
        return r;
    if (size > 0)
        memcpy(b->data + b->length, data, size);
    b->length += size;
    return 0;
}

int buf_str(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

int buf_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_pad(struct buf *b, size_t alignment)
{
    static const char zeros[64];

    DCHECK(alignment > 0 && alignment <= sizeof zeros);
    return buf_add(b, zeros, (alignment - b->length % alignment) % alignment);
}

int buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    int r;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        r = fail(b, -EINVAL);
    else if ((r = buf_reserve(b, (size_t)n + 1)) == 0) {
        vsnprintf(b->data + b->length, (size_t)n + 1, format, again);
        b->length += (size_t)n;
    }
    va_end(again);
    return r;
}

const char *buf_text(struct buf *b)
{
    if (buf_reserve(b, 1) < 0)
        return NULL;
    b->data[b->length] = '\0';
    return b->data;
}
