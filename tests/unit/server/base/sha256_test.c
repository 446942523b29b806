/* SHA-256 against the published examples (FIPS 180-2, appendix B). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"

static void the_published_examples_hold(void **state)
{
    char hex[SHA256_HEX_BYTES];

    assert_int_equal(sha256_hex("abc", 3, 64, hex), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sha256_hex("", 0, 64, hex), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void digits_are_cut(void **state)
{
    char hex[SHA256_HEX_BYTES];

    assert_int_equal(sha256_hex("abc", 3, 7, hex), 0);
    assert_string_equal(hex, "ba7816b");
    assert_int_equal(sha256_hex("abc", 3, 0, hex), 0);
    assert_string_equal(hex, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_hold),
        cmocka_unit_test(digits_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
