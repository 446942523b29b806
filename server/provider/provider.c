#include "provider/provider.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/utf8.h"
#include "provider/core.h"

/* ---- errors and texts --------------------------------------------------------------------- */

int provider_fail(struct provider_error *ret, int r, const char *format, ...)
{
    char text[sizeof ret->text];
    struct buf mended = BUF_INIT(3 * sizeof text);
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    utf8_mend(&mended, text, strlen(text));
    size_t size = MIN(mended.length, sizeof ret->text - 1);
    while (size < mended.length && size > 0 && ((unsigned char)mended.data[size] & 0xc0) == 0x80)
        size--; /* not in the middle of a character */
    if (size > 0)
        memcpy(ret->text, mended.data, size);
    ret->text[size] = '\0';
    buf_done(&mended);
    return r;
}

int provider_broken(struct provider_error *ret, int r)
{
    switch (r) {
    case -ENOMEM:
        return provider_fail(ret, r, "out of memory");
    case -EOVERFLOW:
        return provider_fail(ret, r,
                             "the answer would be too long; ask for fewer points or series");
    default:
        return provider_fail(ret, r, "what was kept cannot be read: %s", strerror(-r));
    }
}

int text_compare(struct text a, struct text b)
{
    size_t size = MIN(a.size, b.size);
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

struct texts_block {
    struct texts_block *older;
    char text[];
};

char *texts_copy(struct texts *texts, const char *data, size_t size)
{
    struct texts_block *block = malloc(sizeof *block + size + 1);

    if (!block)
        return NULL;
    if (size > 0)
        memcpy(block->text, data, size);
    block->text[size] = '\0';
    block->older = texts->newest;
    texts->newest = block;
    return block->text;
}

static int take(struct texts *texts, const struct buf *made, struct text *ret)
{
    char *copy = buf_failed(made) ? NULL : texts_copy(texts, made->data, made->length);

    if (!copy)
        return -ENOMEM;
    *ret = (struct text){copy, made->length};
    return 0;
}

int texts_mend(struct texts *texts, struct text text, struct text *ret)
{
    _cleanup_(buf_done) struct buf made = BUF_INIT(SIZE_MAX);

    if (utf8_is_sound(text.data, text.size)) {
        *ret = text;
        return 0;
    }
    utf8_mend(&made, text.data, text.size);
    return take(texts, &made, ret);
}

int texts_tag(struct texts *texts, struct text tag, struct text *ret)
{
    _cleanup_(buf_done) struct buf made = BUF_INIT(SIZE_MAX);
    char hash[TAGNAME_HASH_DIGITS + 1];

    if (utf8_is_sound(tag.data, tag.size)) {
        *ret = tag;
        return 0;
    }
    utf8_mend(&made, tag.data, tag.size);
    if (sha256_hex(tag.data, tag.size, TAGNAME_HASH_DIGITS, hash) == 0) {
        buf_char(&made, '#');
        buf_str(&made, hash);
    }
    return take(texts, &made, ret);
}

void texts_done(struct texts *texts)
{
    while (texts->newest) {
        struct texts_block *block = texts->newest;
        texts->newest = block->older;
        free(block);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

int provider_new(const struct provider_options *options, struct provider **ret,
                 struct provider_error *ret_error)
{
    _cleanup_(buf_done) struct buf location = BUF_INIT(SIZE_MAX);
    struct provider *provider = calloc(1, sizeof *provider);

    if (!provider)
        return provider_broken(ret_error, -ENOMEM);
    provider->options = *options;
    int r = hints_parse(&provider->hints, options->samples);
    const char *where = options->location ? options->location : "";
    utf8_mend(&location, where, strlen(where));
    provider->options.location = buf_text(&location) ? strdup(buf_text(&location)) : NULL;
    if (r == 0 && !provider->options.location)
        r = -ENOMEM;
    if (r < 0) {
        hints_done(&provider->hints);
        free((char *)provider->options.location);
        free(provider);
        return r == -EINVAL ? provider_fail(ret_error, r, "'%s': expected NAME=COUNT or NAME=all",
                                            options->samples)
                            : provider_broken(ret_error, r);
    }
    memo_init(&provider->heads);
    memo_init(&provider->lengths);
    *ret = provider;
    return 0;
}

struct provider *provider_free(struct provider *provider)
{
    if (!provider)
        return NULL;
    memo_done(&provider->heads);
    memo_done(&provider->lengths);
    hints_done(&provider->hints);
    free((char *)provider->options.location);
    free(provider);
    return NULL;
}

const char *provider_location(const struct provider *provider)
{
    return provider->options.location;
}
