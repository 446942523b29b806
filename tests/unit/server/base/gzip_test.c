#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/gzip.h"

static void any_cut_unpacks_to_the_same(void **state)
{
    static char text[100000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * i / 777);
    for (size_t piece = 1; piece < sizeof text; piece = piece * 7 + 3) {
        _cleanup_(buf_done) struct buf packed = BUF_INIT(1 << 20), back = BUF_INIT(1 << 20);
        struct gzip *gzip = gzip_new();

        for (size_t i = 0; i < sizeof text; i += piece) {
            size_t n = MIN(piece, sizeof text - i);
            assert_int_equal(gzip_add(gzip, text + i, n, i + n == sizeof text, &packed), 0);
        }
        gzip_free(gzip);
        assert_int_equal(gzip_unpack(packed.data, packed.length, &back), 0);
        assert_int_equal(back.length, sizeof text);
        assert_memory_equal(back.data, text, sizeof text);
    }
}

static void nothing_packs_to_an_empty_file(void **state)
{
    _cleanup_(buf_done) struct buf packed = BUF_INIT(100000), back = BUF_INIT(100000);
    struct gzip *gzip = gzip_new();

    assert_int_equal(gzip_add(gzip, "", 0, true, &packed), 0);
    gzip_free(gzip);
    assert_int_equal(gzip_unpack(packed.data, packed.length, &back), 0);
    assert_int_equal(back.length, 0);
}

static void what_is_no_gzip_is_an_error(void **state)
{
    _cleanup_(buf_done) struct buf back = BUF_INIT(100000);

    assert_int_equal(gzip_unpack("not gzip", 8, &back), -EBADMSG);
}

static void the_output_has_a_limit(void **state)
{
    _cleanup_(buf_done) struct buf packed = BUF_INIT(1 << 20), back = BUF_INIT(20000);
    static const char zeros[100000];
    struct gzip *gzip = gzip_new();

    assert_int_equal(gzip_add(gzip, zeros, sizeof zeros, true, &packed), 0);
    gzip_free(gzip);
    assert_int_equal(gzip_unpack(packed.data, packed.length, &back), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_unpacks_to_the_same),
        cmocka_unit_test(nothing_packs_to_an_empty_file),
        cmocka_unit_test(what_is_no_gzip_is_an_error),
        cmocka_unit_test(the_output_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
