#include "ship/httpreply.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

void httpreply_clear(struct channel_reply *reply)
{
    struct buf body = reply->body;

    buf_clear(&body);
    body.max = LIMIT_REPLY_BODY_BYTES;
    *reply = (struct channel_reply){.body = body};
}

void httpreply_begin(struct httpreply *parser, struct channel_reply *reply, bool head)
{
    parser->state = HTTPREPLY_STATUS;
    parser->head = head;
    parser->close = parser->has_length = parser->chunked = parser->old = false;
    parser->left = 0;
    parser->header_bytes = parser->line_size = 0;
    parser->reply = reply;
    httpreply_clear(reply);
}

/* Digits only, the whole of it. */
static bool parse_number(const char *text, size_t size, uint64_t *ret)
{
    uint64_t n = 0;

    if (size == 0 || size > 19)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *ret = n;
    return true;
}

static bool parse_hex(const char *text, size_t size, uint64_t *ret)
{
    uint64_t n = 0;

    if (size == 0 || size > 15)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        n = n << 4 | (uint64_t)digit;
    }
    *ret = n;
    return true;
}

/* "OFFSET HEAD TAIL"; what is not so counts as not said. */
static void parse_check(struct channel_check *check, const char *text, size_t size)
{
    const char *head = memchr(text, ' ', size);
    uint64_t offset, head_crc, tail_crc;

    if (!head || size - (size_t)(head - text) != 18 || head[9] != ' ')
        return;
    if (!parse_number(text, (size_t)(head - text), &offset) || offset > INT64_MAX ||
        !parse_hex(head + 1, 8, &head_crc) || !parse_hex(head + 10, 8, &tail_crc))
        return;
    *check = (struct channel_check){true, offset, (uint32_t)head_crc, (uint32_t)tail_crc};
}

static bool is_name(const char *name, size_t size, const char *wanted)
{
    return strlen(wanted) == size && strncasecmp(name, wanted, size) == 0;
}

void httpreply_header(struct channel_reply *reply, const char *name, size_t name_size,
                      const char *value, size_t value_size)
{
    uint64_t n;

    if (is_name(name, name_size, "Upload-Offset")) {
        if (parse_number(value, value_size, &n) && n <= INT64_MAX) {
            reply->has_offset = true;
            reply->offset = n;
        }
    } else if (is_name(name, name_size, "Tailboard-Received")) {
        if (parse_number(value, value_size, &n) && n <= INT64_MAX)
            reply->received = n;
    } else if (is_name(name, name_size, "Upload-Complete")) {
        reply->complete = value_size == 2 && memcmp(value, "?1", 2) == 0;
    } else if (is_name(name, name_size, "Tailboard-Generation")) {
        if (parse_number(value, value_size, &n) && n > 0 && n <= UINT32_MAX) {
            reply->has_generation = true;
            reply->generation = (uint32_t)n;
        }
    } else if (is_name(name, name_size, "Tailboard-Check")) {
        parse_check(&reply->check, value, value_size);
    } else if (is_name(name, name_size, "Retry-After")) {
        if (parse_number(value, value_size, &n))
            reply->retry_after_s = (int)MIN(n, (uint64_t)LIMIT_RETRY_AFTER_S);
    }
}

/* ---- lines -------------------------------------------------------------------------------- */

static int status_line(struct httpreply *parser)
{
    const char *line = parser->line;
    uint64_t status;

    if (parser->line_size < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
        (line[7] != '0' && line[7] != '1') || !parse_number(line + 9, 3, &status) ||
        (parser->line_size > 12 && line[12] != ' ') || status < 100)
        return -EPROTO;
    parser->reply->status = (int)status;
    parser->old = parser->close = line[7] == '0';
    parser->state = HTTPREPLY_HEADERS;
    return 0;
}

/* What follows the empty line. */
static int headers_end(struct httpreply *parser)
{
    int status = parser->reply->status;

    if (status < 200) {
        if (status == 101)
            return -EPROTO;
        httpreply_begin(parser, parser->reply, parser->head); /* 100, 103: the answer follows */
        return 0;
    }
    if (parser->chunked && parser->has_length)
        return -EPROTO;
    if (parser->head || status == 204 || status == 304)
        parser->state = HTTPREPLY_DONE;
    else if (parser->chunked)
        parser->state = HTTPREPLY_CHUNK_SIZE;
    else if (parser->has_length)
        parser->state = parser->left ? HTTPREPLY_BODY : HTTPREPLY_DONE;
    else {
        parser->state = HTTPREPLY_TO_END;
        parser->close = true;
    }
    return 0;
}

static int framing_header(struct httpreply *parser, const char *name, size_t name_size,
                          const char *value, size_t value_size)
{
    uint64_t n;

    if (is_name(name, name_size, "Content-Length")) {
        if (!parse_number(value, value_size, &n) || (parser->has_length && n != parser->left))
            return -EPROTO;
        parser->has_length = true;
        parser->left = n;
    } else if (is_name(name, name_size, "Transfer-Encoding")) {
        if (!is_name(value, value_size, "chunked") || parser->chunked || parser->old)
            return -EPROTO;
        parser->chunked = true;
    } else if (is_name(name, name_size, "Connection")) {
        if (is_name(value, value_size, "close"))
            parser->close = true;
    }
    return 0;
}

static int header_line(struct httpreply *parser)
{
    const char *line = parser->line, *colon = memchr(line, ':', parser->line_size);

    if (parser->line_size == 0)
        return headers_end(parser);
    if (!colon || colon == line || line[0] == ' ' || line[0] == '\t' || colon[-1] == ' ')
        return -EPROTO;
    const char *value = colon + 1, *end = line + parser->line_size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t name_size = (size_t)(colon - line), value_size = (size_t)(end - value);
    httpreply_header(parser->reply, line, name_size, value, value_size);
    return framing_header(parser, line, name_size, value, value_size);
}

static int chunk_line(struct httpreply *parser)
{
    size_t size = parser->line_size;
    const char *extension = memchr(parser->line, ';', size);

    if (extension)
        size = (size_t)(extension - parser->line);
    while (size > 0 && parser->line[size - 1] == ' ')
        size--;
    if (!parse_hex(parser->line, size, &parser->left))
        return -EPROTO;
    parser->state = parser->left ? HTTPREPLY_CHUNK : HTTPREPLY_TRAILER;
    return 0;
}

static int whole_line(struct httpreply *parser)
{
    int r = 0;

    if (parser->line_size > 0 && parser->line[parser->line_size - 1] == '\r')
        parser->line_size--;
    if (memchr(parser->line, '\0', parser->line_size))
        return -EPROTO;
    switch (parser->state) {
    case HTTPREPLY_STATUS:
        r = status_line(parser);
        break;
    case HTTPREPLY_HEADERS:
        r = header_line(parser);
        break;
    case HTTPREPLY_CHUNK_SIZE:
        r = chunk_line(parser);
        break;
    case HTTPREPLY_CHUNK_END:
        r = parser->line_size == 0 ? 0 : -EPROTO;
        parser->state = HTTPREPLY_CHUNK_SIZE;
        break;
    default: /* HTTPREPLY_TRAILER */
        if (parser->line_size == 0)
            parser->state = HTTPREPLY_DONE;
    }
    parser->line_size = 0;
    return r;
}

/* ---- feeding ------------------------------------------------------------------------------ */

static ssize_t feed_line(struct httpreply *parser, const char *data, size_t size)
{
    const char *end = memchr(data, '\n', size);
    size_t n = end ? (size_t)(end - data) : size;

    if (n > sizeof parser->line - parser->line_size)
        return -EMSGSIZE;
    if (parser->header_bytes + n + 1 > LIMIT_REPLY_HEADER_BYTES &&
        parser->state != HTTPREPLY_CHUNK_SIZE && parser->state != HTTPREPLY_CHUNK_END)
        return -EMSGSIZE;
    memcpy(parser->line + parser->line_size, data, n);
    parser->line_size += n;
    parser->header_bytes += n + (end != NULL);
    if (!end)
        return (ssize_t)n;
    int r = whole_line(parser);
    return r < 0 ? r : (ssize_t)(n + 1);
}

static ssize_t feed_body(struct httpreply *parser, const char *data, size_t size)
{
    size_t n = parser->state == HTTPREPLY_TO_END ? size : MIN(size, parser->left);

    if (buf_add(&parser->reply->body, data, n) < 0)
        return -EMSGSIZE;
    if (parser->state == HTTPREPLY_TO_END)
        return (ssize_t)n;
    parser->left -= n;
    if (parser->left == 0)
        parser->state = parser->state == HTTPREPLY_BODY ? HTTPREPLY_DONE : HTTPREPLY_CHUNK_END;
    return (ssize_t)n;
}

ssize_t httpreply_feed(struct httpreply *parser, const char *data, size_t size)
{
    size_t done = 0;

    while (done < size && parser->state != HTTPREPLY_DONE) {
        bool body = parser->state == HTTPREPLY_BODY || parser->state == HTTPREPLY_CHUNK ||
                    parser->state == HTTPREPLY_TO_END;
        ssize_t n = body ? feed_body(parser, data + done, size - done)
                         : feed_line(parser, data + done, size - done);
        if (n < 0)
            return n;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int httpreply_end(struct httpreply *parser)
{
    if (parser->state != HTTPREPLY_TO_END)
        return -EPROTO;
    parser->state = HTTPREPLY_DONE;
    return 0;
}
