#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "front/credential.h"

#define TOKEN "0123456789abcdefghijABCDEFGHIJ0123456789-_x"

static struct credential made(const char *secret)
{
    struct credential c;

    assert_int_equal(credential_init(&c, secret, TOKEN), 0);
    return c;
}

static void only_the_token_fits(void **state)
{
    struct credential c = made("secret");

    assert_true(credential_token_fits(&c, TOKEN, strlen(TOKEN)));
    assert_false(credential_token_fits(&c, TOKEN, strlen(TOKEN) - 1));
    assert_false(credential_token_fits(&c, "", 0));
}

static void a_cookie_lives_until_its_expiry(void **state)
{
    struct credential c = made("secret"), other = made("another secret");
    char cookie[CREDENTIAL_COOKIE_BYTES];

    assert_int_equal(credential_cookie(&c, 1000, cookie), 0);
    assert_true(credential_cookie_fits(&c, cookie, strlen(cookie), 999));
    assert_false(credential_cookie_fits(&c, cookie, strlen(cookie), 1000));
    assert_false(credential_cookie_fits(&other, cookie, strlen(cookie), 999));
    assert_string_not_equal(c.cookie_name, other.cookie_name);
}

static void every_changed_byte_of_a_cookie_is_noticed(void **state)
{
    struct credential c = made("secret");
    char cookie[CREDENTIAL_COOKIE_BYTES];

    assert_int_equal(credential_cookie(&c, 2000000000, cookie), 0);
    for (size_t i = 0; i < strlen(cookie); i++) {
        char kept = cookie[i];

        cookie[i] ^= 1;
        assert_false(credential_cookie_fits(&c, cookie, strlen(cookie), 1));
        cookie[i] = kept;
        assert_false(credential_cookie_fits(&c, cookie, i, 1));
    }
    assert_false(credential_cookie_fits(&c, "v1.x.09.", 8, 1));
}

static void a_cookie_of_another_token_is_dead(void **state)
{
    struct credential c = made("secret"), after;
    char cookie[CREDENTIAL_COOKIE_BYTES];

    assert_int_equal(credential_init(&after, "secret", "another token"), 0);
    assert_int_equal(credential_cookie(&c, 2000000000, cookie), 0);
    assert_false(credential_cookie_fits(&after, cookie, strlen(cookie), 1));
}

static void a_key_belongs_to_its_cookie(void **state)
{
    struct credential c = made("secret");
    char a[CREDENTIAL_COOKIE_BYTES], b[CREDENTIAL_COOKIE_BYTES], key[CREDENTIAL_KEY_BYTES];

    assert_int_equal(credential_cookie(&c, 1000, a), 0);
    assert_int_equal(credential_cookie(&c, 1001, b), 0);
    assert_int_equal(credential_key(&c, a, strlen(a), key), 0);
    assert_true(credential_key_fits(&c, a, strlen(a), key));
    assert_false(credential_key_fits(&c, b, strlen(b), key));
    assert_false(credential_key_fits(&c, a, strlen(a), ""));
}

static void base64url_goes_both_ways(void **state)
{
    static const uint8_t data[] = {0, 255, 62, 63, 250, 1, 2};
    char text[16];
    uint8_t back[16];

    for (size_t n = 0; n <= sizeof data; n++) {
        credential_base64url(data, n, text);
        assert_true(credential_is_text(text, strlen(text)));
        assert_int_equal(credential_unbase64url(text, strlen(text), back), n);
        assert_memory_equal(back, data, n);
    }
    assert_int_equal(credential_unbase64url("a+b", 3, back), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_token_fits),
        cmocka_unit_test(a_cookie_lives_until_its_expiry),
        cmocka_unit_test(every_changed_byte_of_a_cookie_is_noticed),
        cmocka_unit_test(a_cookie_of_another_token_is_dead),
        cmocka_unit_test(a_key_belongs_to_its_cookie),
        cmocka_unit_test(base64url_goes_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
