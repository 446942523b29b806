/* json.h: a writer of JSON text into a buf: commas, escapes and numbers, nothing else.
 *
 *     struct json j = JSON_INIT(&out);
 *     json_open(&j, '{');
 *     json_key(&j, "name"); json_put_text(&j, run->name);
 *     json_close(&j, '}');
 *
 * Text that is not UTF-8 comes out with U+FFFD for each bad piece. Doubles are the shortest text
 * that reads back equal; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity".
 * Errors stay in the buf: check buf_failed() once at the end. The caller keeps the nesting right.
 * Thread: one owner at a time. */
#ifndef TB_BASE_JSON_H
#define TB_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json {
    struct buf *out;
    bool comma; /* the next item needs one */
};

#define JSON_INIT(buffer) {.out = (buffer)}

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key); /* plain ASCII, written as it is */
void json_put_bytes(struct json *j, const char *data, size_t size); /* a string */
void json_put_text(struct json *j, const char *text);               /* NULL: null */
void json_put_i64(struct json *j, int64_t value);
void json_put_u64(struct json *j, uint64_t value);
void json_put_double(struct json *j, double value);
void json_put_finite(struct json *j, double value); /* not finite: null */
void json_put_bool(struct json *j, bool value);
void json_put_null(struct json *j);
/* Seconds since 1970 as RFC 3339 in UTC with milliseconds; null when not finite or out of range. */
void json_put_time(struct json *j, double wall_s);
/* Text that is JSON already. */
void json_put_raw(struct json *j, const char *data, size_t size);

/* The escaped inside of a JSON string, without the quotes. */
void json_escape(struct buf *out, const char *data, size_t size);

#endif
