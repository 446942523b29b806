#include "http/fields.h"

#include <string.h>

#include "base/cleanup.h"

enum { DIGITS_MAX = 15 };

static bool digits(const char *text, size_t size, uint64_t *ret)
{
    uint64_t value = 0;

    if (size == 0 || size > DIGITS_MAX || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *ret = value;
    return true;
}

bool fields_number(const char *text, uint64_t *ret)
{
    return text && digits(text, strlen(text), ret);
}

bool fields_flag(const char *text, bool *ret)
{
    if (!text || text[0] != '?' || (text[1] != '0' && text[1] != '1') || text[2] != '\0')
        return false;
    *ret = text[1] == '1';
    return true;
}

bool fields_place(const char *text, uint64_t *ret_offset, uint64_t *ret_length)
{
    const char *dash = text ? strchr(text, '-') : NULL;
    uint64_t offset, length;

    if (!dash || !digits(text, (size_t)(dash - text), &offset) ||
        !fields_number(dash + 1, &length) || length == 0)
        return false;
    *ret_offset = offset;
    *ret_length = length;
    return true;
}

bool fields_places(const char *text)
{
    char place[64];
    uint64_t offset, length;

    for (;;) {
        size_t size = strcspn(text, ", ");

        if (size >= sizeof place)
            return false;
        memcpy(place, text, size);
        place[size] = '\0';
        if (!fields_place(place, &offset, &length))
            return false;
        text += size;
        if (!*text)
            return true;
        if (*text++ != ',')
            return false;
        text += strspn(text, " ");
    }
}

/* ---- digests ----------------------------------------------------------------------------- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Exactly the 43 characters and one "=" that 32 bytes are. */
static bool decode(const char *text, size_t size, uint8_t out[SHA256_BYTES])
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    if (size != 44 || text[43] != '=')
        return false;
    for (size_t i = 0; i < 43; i++) {
        const char *at = text[i] ? strchr(base64, text[i]) : NULL;

        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - base64);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return n == SHA256_BYTES && (bits & 3) == 0;
}

bool fields_digest(const char *text, uint8_t ret_sha256[SHA256_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    bool found = false;

    while (text && *text) {
        size_t name = strcspn(text, "=,"), size;
        const char *value;

        if (strncmp(text + name, "=:", 2) != 0)
            return false;
        value = text + name + 2;
        size = strcspn(value, ":");
        if (value[size] != ':')
            return false;
        if (name == 7 && memcmp(text, "sha-256", 7) == 0) {
            if (found || !decode(value, size, digest))
                return false;
            found = true;
        }
        text = value + size + 1;
        text += strspn(text, " \t");
        if (*text && *text++ != ',')
            return false;
        text += strspn(text, " \t");
    }
    if (found)
        memcpy(ret_sha256, digest, sizeof digest);
    return found;
}

void fields_put_digest(const uint8_t sha256[SHA256_BYTES], char out[FIELDS_DIGEST_BYTES])
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 9;

    memcpy(out, "sha-256=:", 9);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        bits = bits << 8 | sha256[i];
        for (have += 8; have >= 6; have -= 6)
            out[n++] = base64[bits >> (have - 6) & 63];
    }
    out[n++] = base64[bits << (6 - have) & 63];
    memcpy(out + n, "=:", 3);
}

/* ---- ranges ------------------------------------------------------------------------------ */

enum fields_range fields_range(const char *text, uint64_t size, uint64_t *ret_from,
                               uint64_t *ret_to)
{
    const char *dash;
    uint64_t from, last = UINT64_MAX;
    bool has_from;

    if (!text || strncmp(text, "bytes=", 6) != 0)
        return RANGE_NONE;
    text += 6;
    dash = strchr(text, '-');
    if (!dash)
        return RANGE_NONE;
    has_from = dash > text;
    if (has_from && !digits(text, (size_t)(dash - text), &from))
        return RANGE_NONE;
    if (dash[1] ? !fields_number(dash + 1, &last) : !has_from)
        return RANGE_NONE;
    if (!has_from) { /* the last so many bytes */
        if (last == 0 || size == 0)
            return RANGE_NEVER;
        *ret_from = size - MIN(last, size);
        *ret_to = size;
        return RANGE_FITS;
    }
    if (last < from)
        return RANGE_NONE;
    if (from >= size)
        return RANGE_NEVER;
    *ret_from = from;
    *ret_to = last >= size ? size : last + 1;
    return RANGE_FITS;
}
