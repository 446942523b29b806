#include "front/classify.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* One side is a beginning of the other. */
static bool agrees(const char *data, size_t size, const char *word, size_t length)
{
    return memcmp(data, word, size < length ? size : length) == 0;
}

/* Copies "GET <prefix>/live" into out; 0 if the prefix is too long to be one. */
static size_t live_line(char *out, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);

    if (length + 10 > size)
        return 0;
    memcpy(out, "GET ", 4);
    memcpy(out + 4, prefix, length);
    memcpy(out + 4 + length, "/live", 5);
    return 9 + length;
}

struct header_line {
    const char *name, *value;
    size_t name_size, value_size;
};

/* The next line of a header; false at its end or where it is not sound. */
static bool next_line(const char **at, const char *end, struct header_line *ret)
{
    const char *line = *at, *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
    const char *colon;

    if (!stop || stop == line)
        return false;
    colon = memchr(line, ':', (size_t)(stop - line));
    if (!colon || colon == line)
        return false;
    ret->name = line;
    ret->name_size = (size_t)(colon - line);
    colon++;
    while (colon < stop && (*colon == ' ' || *colon == '\t'))
        colon++;
    ret->value = colon;
    ret->value_size = (size_t)(stop - colon);
    while (ret->value_size > 0 && (colon[ret->value_size - 1] == ' ' ||
                                   colon[ret->value_size - 1] == '\t'))
        ret->value_size--;
    *at = stop + 2;
    return true;
}

static bool is_token_char(unsigned char c)
{
    return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static bool line_is_sound(const struct header_line *line)
{
    for (size_t i = 0; i < line->name_size; i++)
        if (!is_token_char((unsigned char)line->name[i]))
            return false;
    for (size_t i = 0; i < line->value_size; i++) {
        unsigned char c = (unsigned char)line->value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool named(const struct header_line *line, const char *name)
{
    return line->name_size == strlen(name) && strncasecmp(line->name, name, line->name_size) == 0;
}

/* A whole header, request line included: exactly one Host and one "Upgrade: websocket", no body,
 * nothing that a parser could read in two ways. */
static bool is_websocket(const char *data, size_t size)
{
    const char *end = data + size, *at = memmem(data, size, "\r\n", 2);
    unsigned hosts = 0, upgrades = 0;
    struct header_line line;

    if (memchr(data, '\0', size) || (size_t)(at - data) > LIMIT_URL_BYTES)
        return false;
    if (at - data < 9 || memcmp(at - 9, " HTTP/1.1", 9) != 0)
        return false;
    for (const char *p = data; p < at; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    at += 2;
    while (next_line(&at, end, &line)) {
        if (!line_is_sound(&line) || named(&line, "content-length") ||
            named(&line, "transfer-encoding"))
            return false;
        hosts += named(&line, "host");
        if (!named(&line, "upgrade"))
            continue;
        upgrades++;
        if (line.value_size != 9 || strncasecmp(line.value, "websocket", 9) != 0)
            return false;
    }
    return end - at == 2 && hosts == 1 && upgrades == 1;
}

enum classify_kind classify(const char *data, size_t size, bool final, const char *prefix)
{
    char word[LIMIT_PATH_BYTES];
    size_t length = live_line(word, sizeof word, prefix);
    const char *stop;

    if (size == 0)
        return final ? CLASSIFY_HTTP : CLASSIFY_WAIT;
    if (agrees(data, size, PREFACE, sizeof PREFACE - 1)) {
        if (size >= sizeof PREFACE - 1)
            return CLASSIFY_GRPC;
        return final ? CLASSIFY_HTTP : CLASSIFY_WAIT;
    }
    if (length == 0 || !agrees(data, size, word, length))
        return CLASSIFY_HTTP;
    if (size > length && data[length] != ' ' && data[length] != '?')
        return CLASSIFY_HTTP;
    stop = memmem(data, size, "\r\n\r\n", 4);
    if (!stop)
        return final ? CLASSIFY_HTTP : CLASSIFY_WAIT;
    return is_websocket(data, (size_t)(stop - data) + 4) ? CLASSIFY_LIVE : CLASSIFY_HTTP;
}
