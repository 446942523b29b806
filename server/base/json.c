#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/double.h"
#include "base/utf8.h"

/* Before each item: the comma if one is due; after it one will be. */
static void item(struct json *j)
{
    if (j->comma)
        buf_char(j->out, ',');
    j->comma = true;
}

void json_open(struct json *j, char bracket)
{
    item(j);
    buf_char(j->out, bracket);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    buf_char(j->out, bracket);
    j->comma = true;
}

void json_key(struct json *j, const char *key)
{
    item(j);
    buf_char(j->out, '"');
    buf_str(j->out, key);
    buf_add(j->out, "\":", 2);
    j->comma = false;
}

static void escape_control(struct buf *out, unsigned char c)
{
    static const char letters[] = "btn fr";

    if (c >= 8 && c <= 13 && c != 11) {
        buf_char(out, '\\');
        buf_char(out, letters[c - 8]);
    } else
        buf_printf(out, "\\u%04x", c);
}

void json_escape(struct buf *out, const char *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t start = 0, i = 0;

    while (i < size) {
        size_t bad, n = utf8_sequence(p + i, size - i, &bad);

        if (n > 1 || (n == 1 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f)) {
            i += n;
            continue;
        }
        buf_add(out, data + start, i - start);
        if (n == 0) {
            buf_str(out, "\xef\xbf\xbd");
            i += bad;
        } else if (p[i] == '"' || p[i] == '\\') {
            buf_char(out, '\\');
            buf_char(out, (char)p[i++]);
        } else
            escape_control(out, p[i++]);
        start = i;
    }
    buf_add(out, data + start, i - start);
}

void json_put_bytes(struct json *j, const char *data, size_t size)
{
    item(j);
    buf_char(j->out, '"');
    json_escape(j->out, data, size);
    buf_char(j->out, '"');
}

void json_put_text(struct json *j, const char *text)
{
    if (text)
        json_put_bytes(j, text, strlen(text));
    else
        json_put_null(j);
}

void json_put_i64(struct json *j, int64_t value)
{
    item(j);
    buf_printf(j->out, "%" PRId64, value);
}

void json_put_u64(struct json *j, uint64_t value)
{
    item(j);
    buf_printf(j->out, "%" PRIu64, value);
}

void json_put_double(struct json *j, double value)
{
    char text[DOUBLE_TEXT_BYTES];

    item(j);
    if (isnan(value))
        buf_str(j->out, "\"NaN\"");
    else if (isinf(value))
        buf_str(j->out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        buf_add(j->out, text, double_text(text, value));
}

void json_put_finite(struct json *j, double value)
{
    if (isfinite(value))
        json_put_double(j, value);
    else
        json_put_null(j);
}

void json_put_bool(struct json *j, bool value)
{
    item(j);
    buf_str(j->out, value ? "true" : "false");
}

void json_put_null(struct json *j)
{
    item(j);
    buf_str(j->out, "null");
}

void json_put_time(struct json *j, double wall_s)
{
    struct tm tm;
    char text[64];

    /* Years 0 to 9999. */
    if (!isfinite(wall_s) || wall_s < -62167219200.0 || wall_s >= 253402300799.0) {
        json_put_null(j);
        return;
    }
    int64_t ms = (int64_t)floor(wall_s * 1000.0 + 0.5);
    int64_t rest = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - rest) / 1000);

    if (!gmtime_r(&seconds, &tm)) {
        json_put_null(j);
        return;
    }
    snprintf(text, sizeof text, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)rest);
    json_put_raw(j, text, strlen(text));
}

void json_put_raw(struct json *j, const char *data, size_t size)
{
    item(j);
    buf_add(j->out, data, size);
}
