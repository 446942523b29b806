/* The hash is SHA-256, for every length and however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/sha256.h"

static void equal_to_the_library_for_every_length_and_cut(void **state)
{
    uint8_t data[700], want[32], got[32];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 13);
    for (size_t size = 0; size <= sizeof data; size++) {
        struct digest d;
        digest_init(&d);
        size_t cut = size ? size * 31 % size : 0;
        digest_add(&d, data, cut);
        digest_get(&d, got); /* in between: changes nothing */
        digest_add(&d, data + cut, size - cut);
        digest_get(&d, got);
        assert_int_equal(sha256(data, size, want), 0);
        assert_memory_equal(got, want, 32);
    }
}

static void base64_is_that_of_the_header(void **state)
{
    struct digest d;
    uint8_t hash[32];
    char text[DIGEST_BASE64_BYTES];

    digest_init(&d);
    digest_get(&d, hash);
    digest_base64(hash, text);
    assert_string_equal(text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_the_library_for_every_length_and_cut),
        cmocka_unit_test(base64_is_that_of_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
