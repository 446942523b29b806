/* write.h: one member of a JSON object in one call, for the routes. Part of http. Thread: any. */
#ifndef TB_HTTP_WRITE_H
#define TB_HTTP_WRITE_H

#include "base/json.h"
#include "store/store.h"

static inline void write_text(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    json_put_text(j, value);
}

static inline void write_bytes(struct json *j, const char *key, struct text value)
{
    json_key(j, key);
    json_put_bytes(j, value.data, value.size);
}

static inline void write_u64(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_put_u64(j, value);
}

static inline void write_i64(struct json *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_put_i64(j, value);
}

static inline void write_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_put_bool(j, value);
}

/* NaN and the infinities as words. */
static inline void write_double(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_put_double(j, value);
}

/* null where it is not finite. */
static inline void write_finite(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_put_finite(j, value);
}

/* A number as it was written: integers whole, doubles shortest. */
void write_number(struct json *j, enum value_kind kind, uint64_t bits);
/* The same as plain text, for CSV. */
void write_number_text(struct buf *out, enum value_kind kind, uint64_t bits);

#endif
