/* Keys of blobs: there and back, and what is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "provider/blobkey.h"

static struct text text_with(const char *data, size_t size)
{
    return (struct text){data, size};
}

static void writes_what_the_original_writes(void **state)
{
    _cleanup_(buf_done) struct buf out = BUF_INIT(1000);
    const struct blobkey key = {.experiment = {"", 0}, .run = {"train", 5},
                                .tag = {"input_image", 11}, .step = 6, .index = 2};

    assert_int_equal(blobkey_write(&key, &out), 0);
    assert_string_equal(buf_text(&out), "WyIiLCJ0cmFpbiIsImlucHV0X2ltYWdlIiw2LDJd");
}

static void any_name_comes_back(void **state)
{
    static const char odd[] = "a\"\\\n\0\xc3\xa9 b";
    const struct blobkey key = {.experiment = text_with("e", 1),
                                .run = text_with(odd, sizeof odd - 1),
                                .tag = text_with("", 0), .step = INT64_MIN,
                                .index = INT64_MAX, .nth = 3};
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct blobkey back;
    const char *why;

    for (size_t size = 0; size < 20; size++) { /* every rest of base64 */
        _cleanup_(buf_done) struct buf out = BUF_INIT(1000);
        struct blobkey k = key;
        k.tag = text_with("xxxxxxxxxxxxxxxxxxxx", size);
        assert_int_equal(blobkey_write(&k, &out), 0);
        for (size_t i = 0; i < out.length; i++)
            assert_non_null(strchr(letters, out.data[i]));
        assert_int_equal(blobkey_parse(text_with(out.data, out.length), &back, &why), 0);
        assert_true(text_equal(back.run, k.run) && text_equal(back.tag, k.tag));
        assert_true(back.step == k.step && back.index == k.index && back.nth == k.nth);
        blobkey_done(&back);
    }
}

static void what_is_no_key_is_said_so(void **state)
{
    /* "", no base64, bits left over, no JSON, too few, a negative index, no array */
    static const char *const wrong[] = {"", "%%", "W", "WyI", "bm9wZQ", "WyJhIiwiYiIsImMiLDFd",
                                        "WyIiLCJhIiwiYiIsMSwtMV0", "e30"};
    struct blobkey back;
    const char *why;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(blobkey_parse(text_with(wrong[i], strlen(wrong[i])), &back, &why),
                         -EINVAL);
    /* padding and blanks are taken */
    assert_int_equal(blobkey_parse(text_with("WyIiLCAiYSIsICJiIiwgMSwgMF0=", 28), &back, &why), 0);
    blobkey_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_original_writes),
        cmocka_unit_test(any_name_comes_back),
        cmocka_unit_test(what_is_no_key_is_said_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
