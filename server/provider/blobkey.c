#include "provider/blobkey.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/json.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int blobkey_write(const struct blobkey *key, struct buf *out)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(1u << 20);
    struct json j = JSON_INIT(&text);

    json_open(&j, '[');
    json_put_bytes(&j, key->experiment.data, key->experiment.size);
    json_put_bytes(&j, key->run.data, key->run.size);
    json_put_bytes(&j, key->tag.data, key->tag.size);
    json_put_i64(&j, key->step);
    json_put_u64(&j, key->index);
    if (key->nth > 0)
        json_put_u64(&j, key->nth);
    json_close(&j, ']');
    if (buf_failed(&text))
        return buf_failed(&text);
    const unsigned char *p = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.length; i += 3) {
        size_t left = text.length - i;
        unsigned bits = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        const char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63],
                              letters[bits >> 6 & 63], letters[bits & 63]};
        buf_add(out, four, left > 2 ? 4 : left + 1);
    }
    return buf_failed(out);
}

static int decode(struct text text, struct buf *out)
{
    unsigned bits = 0, have = 0;
    size_t digits = text.size;

    while (digits > 0 && text.data[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++) {
        const char *at = text.data[i] ? strchr(letters, text.data[i]) : NULL;
        if (!at)
            return -EINVAL;
        bits = bits << 6 | (unsigned)(at - letters);
        have += 6;
        if (have >= 8) {
            have -= 8;
            buf_char(out, (char)(bits >> have));
            bits &= (1u << have) - 1;
        }
    }
    return digits % 4 == 1 || bits != 0 ? -EINVAL : 0;
}

static bool take_text(const json_t *item, struct text *ret)
{
    if (!json_is_string(item))
        return false;
    *ret = (struct text){json_string_value(item), json_string_length(item)};
    return true;
}

static bool take_number(const json_t *item, int64_t *ret)
{
    if (!json_is_integer(item))
        return false;
    *ret = json_integer_value(item);
    return true;
}

int blobkey_parse(struct text text, struct blobkey *ret, const char **ret_why)
{
    _cleanup_(buf_done) struct buf json = BUF_INIT(LIMIT_BLOB_KEY_BYTES);
    json_error_t error;
    int64_t index = 0, nth = 0;

    *ret_why = "it is not base64";
    if (text.size == 0 || text.size > LIMIT_BLOB_KEY_BYTES || decode(text, &json) < 0)
        return -EINVAL;
    if (buf_failed(&json))
        return -ENOMEM;
    *ret_why = "it is not a JSON array of five elements";
    json_t *array = json_loadb(json.data, json.length, JSON_ALLOW_NUL, &error);
    size_t n = json_array_size(array);
    struct blobkey key = {.memory = array};
    if (!json_is_array(array) || (n != 5 && n != 6) ||
        !take_text(json_array_get(array, 0), &key.experiment) ||
        !take_text(json_array_get(array, 1), &key.run) ||
        !take_text(json_array_get(array, 2), &key.tag) ||
        !take_number(json_array_get(array, 3), &key.step) ||
        !take_number(json_array_get(array, 4), &index) || index < 0 ||
        (n == 6 && (!take_number(json_array_get(array, 5), &nth) || nth < 0))) {
        json_decref(array);
        return -EINVAL;
    }
    key.index = (uint64_t)index;
    key.nth = (uint64_t)nth;
    *ret = key;
    return 0;
}

void blobkey_done(struct blobkey *key)
{
    json_decref(key->memory);
    key->memory = NULL;
}
