/* suggest_test.c: which word is near enough to be suggested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/suggest.h"

static const char *nearest(const char *word)
{
    static const char *const words[] = {"serve", "cat", "verify", "recover", "path_prefix"};
    struct suggest suggest;

    suggest_init(&suggest, word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        suggest_offer(&suggest, words[i]);
    return suggest.best;
}

static void mistyped_words_find_the_one_that_was_meant(void **state)
{
    assert_string_equal(nearest("sevre"), "serve");
    assert_string_equal(nearest("server"), "serve");
    assert_string_equal(nearest("act"), "cat");
    assert_string_equal(nearest("verfiy"), "verify");
    assert_string_equal(nearest("path-prefx"), "path_prefix");
}

static void words_that_were_begun_find_the_whole(void **state)
{
    assert_string_equal(nearest("rec"), "recover");
    assert_string_equal(nearest("path"), "path_prefix");
}

static void strange_words_find_nothing(void **state)
{
    assert_null(nearest("upload"));
    assert_null(nearest(""));
    assert_null(nearest("x"));
    assert_null(nearest("a word of a length that no command and no option would ever have"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistyped_words_find_the_one_that_was_meant),
        cmocka_unit_test(words_that_were_begun_find_the_whole),
        cmocka_unit_test(strange_words_find_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
