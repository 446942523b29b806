/* tablefields.h: fields of a segment's table, taken one by one from hostile bytes.
 *
 * A field that is not there, or not what it may be, makes the reading bad: it gives zeros from then
 * on, so that callers may look once at the end of a row. Included by restore.c alone; no state but
 * the reading's own. Thread: the one that restores. */
#ifndef TB_STORE_TABLEFIELDS_H
#define TB_STORE_TABLEFIELDS_H

#include <stdlib.h>
#include <string.h>

#include "store/store.h"

struct fields {
    const uint8_t *at, *end;
    bool bad;
};

static inline void take(struct fields *in, void *ret, size_t size)
{
    if (in->bad || (size_t)(in->end - in->at) < size) {
        in->bad = true;
        memset(ret, 0, size);
        return;
    }
    memcpy(ret, in->at, size);
    in->at += size;
}

static inline uint8_t take_u8(struct fields *in)
{
    uint8_t x;
    take(in, &x, sizeof x);
    return x;
}

static inline uint32_t take_u32(struct fields *in)
{
    uint32_t x;
    take(in, &x, sizeof x);
    return x;
}

static inline uint64_t take_u64(struct fields *in)
{
    uint64_t x;
    take(in, &x, sizeof x);
    return x;
}

static inline int64_t take_i64(struct fields *in)
{
    int64_t x;
    take(in, &x, sizeof x);
    return x;
}

static inline double take_f64(struct fields *in)
{
    double x;
    take(in, &x, sizeof x);
    return x;
}

/* Points into the table. */
static inline struct text take_text(struct fields *in, size_t most)
{
    uint32_t size = take_u32(in);

    if (in->bad || size > most || (size_t)(in->end - in->at) < size) {
        in->bad = true;
        return (struct text){"", 0};
    }
    struct text text = {(const char *)in->at, size};
    in->at += size;
    return text;
}

/* The number of rows that follow, each of at least `row` bytes. */
static inline uint32_t take_count(struct fields *in, size_t row)
{
    uint32_t count = take_u32(in);

    if (!in->bad && count > (size_t)(in->end - in->at) / row)
        in->bad = true;
    return in->bad ? 0 : count;
}

/* A terminated copy of a name without NUL. NULL: bad, or out of memory. */
static inline char *take_string(struct fields *in, size_t most)
{
    struct text text = take_text(in, most);

    if (text.size > 0 && memchr(text.data, 0, text.size))
        in->bad = true;
    return in->bad ? NULL : strndup(text.data, text.size);
}

#endif
