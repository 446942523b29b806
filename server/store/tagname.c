#include "store/tagname.h"

#include <string.h>

#include "base/sha256.h"

enum { HASH_DIGITS = TAGNAME_HASH_DIGITS };
#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the sound sequence at p, or 0. */
static size_t sequence(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] > 0xf4 || n > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < n; i++) {
        if (p[i] < low || p[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

bool tagname_is_utf8(struct text tag)
{
    for (size_t i = 0; i < tag.size;) {
        size_t n = sequence((const unsigned char *)tag.data + i, tag.size - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

bool tagname_may_be_shown(struct text name)
{
    return memmem(name.data, name.size, REPLACEMENT, 3) && tagname_is_utf8(name);
}

void tagname_escape(struct buf *out, struct text tag)
{
    char hash[HASH_DIGITS + 1];

    json_escape(out, tag.data, tag.size);
    if (!tagname_is_utf8(tag) && sha256_hex(tag.data, tag.size, HASH_DIGITS, hash) == 0) {
        buf_char(out, '#');
        buf_str(out, hash);
    }
}

void tagname_put(struct json *j, struct text tag)
{
    if (tagname_is_utf8(tag)) {
        json_put_bytes(j, tag.data, tag.size);
        return;
    }
    json_put_raw(j, "\"", 1);
    tagname_escape(j->out, tag);
    buf_char(j->out, '"');
}

static bool shown_as(struct text tag, const struct buf *want)
{
    _cleanup_(buf_done) struct buf have = BUF_INIT(6 * LIMIT_TAG_BYTES + 16);

    tagname_escape(&have, tag);
    return !buf_failed(&have) && have.length == want->length &&
           memcmp(have.data, want->data, have.length) == 0;
}

struct series *tagname_find(struct run *run, struct text dir, struct text shown)
{
    _cleanup_(buf_done) struct buf want = BUF_INIT(6 * LIMIT_TAG_BYTES + 16);
    _cleanup_free_ struct series_summary *list = NULL;
    struct series *series = run_find_series(run, dir, shown);
    size_t count;

    if (series || !tagname_may_be_shown(shown))
        return series;
    json_escape(&want, shown.data, shown.size);
    if (buf_failed(&want) || run_series(run, VIEW_ALL, &list, &count) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!tagname_is_utf8(list[i].tag) && list[i].dir.size == dir.size &&
            memcmp(list[i].dir.data, dir.data, dir.size) == 0 && shown_as(list[i].tag, &want))
            return list[i].series;
    return NULL;
}
