#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha1.h"

static void the_handshake_of_rfc_6455(void **state)
{
    const char *text = "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char proof[29];

    assert_int_equal(sha1_base64(text, strlen(text), proof), 0);
    assert_string_equal(proof, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_handshake_of_rfc_6455)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
