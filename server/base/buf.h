/* buf.h: a growing byte buffer that was told its maximum.
 *
 *     _cleanup_(buf_done) struct buf b = BUF_INIT(LIMIT_ANSWER_BYTES);
 *     if (buf_printf(&b, "%d", n) < 0) ...
 *
 * A failed append (no memory, or over the maximum) leaves the content as it was and marks the
 * buffer: later appends fail too, so that a caller may check once at the end with buf_failed().
 * Thread: one owner at a time. */
#ifndef TB_BASE_BUF_H
#define TB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct buf {
    char *data; /* not terminated, except by buf_text() */
    size_t length;
    size_t capacity;
    size_t max;
    int error; /* 0, -ENOMEM or -EMSGSIZE: the first failure */
};

#define BUF_INIT(maximum) {.max = (maximum)}

void buf_done(struct buf *b);            /* releases; the struct may be used again */
void buf_clear(struct buf *b);           /* length 0 and no error, memory kept */
int buf_reserve(struct buf *b, size_t more);
int buf_add(struct buf *b, const void *data, size_t size);
int buf_str(struct buf *b, const char *text);
int buf_char(struct buf *b, char c);
int buf_pad(struct buf *b, size_t alignment); /* zero bytes up to a multiple */
int buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);

/* The content as a terminated string owned by the buffer; "" when empty; NULL after an error. */
const char *buf_text(struct buf *b);

static inline int buf_failed(const struct buf *b)
{
    return b->error;
}

#endif
