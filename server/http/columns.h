/* columns.h: the columns of an answer as text: JSON arrays, lines, CSV. Part of http.
 *
 * The numbers are those of the binary frames: integers as written, doubles shortest, NaN and the
 * infinities as words. Thread: the worker's. */
#ifndef TB_HTTP_COLUMNS_H
#define TB_HTTP_COLUMNS_H

#include "base/buf.h"
#include "store/store.h"

enum { COLUMNS_MAX = 18 };

struct column {
    const char *name;
    enum column_type { COLUMN_I64, COLUMN_F64, COLUMN_U32, COLUMN_VALUE } type;
    const void *data;
};

struct columns_view {
    const struct answer *answer;
    struct column list[COLUMNS_MAX];
    size_t count;
};

/* Which columns an answer has under a mask of COL_ bits. */
void columns_of(const struct answer *answer, uint32_t cols, struct columns_view *ret);
/* One number; `quoted`: words in quotes, as in JSON. */
void columns_put(struct buf *out, const struct columns_view *view, const struct column *column,
                 size_t row, bool quoted);
/* The attempt of a row. */
uint32_t columns_attempt(const struct answer *answer, size_t row);

#endif
