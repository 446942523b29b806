/* Arrays sorted by name: where a name is or belongs, and room made and closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tail/sorted.h"

struct word {
    int weight;
    const char *text;
};

static const char *text_of(const void *item)
{
    return ((const struct word *)item)->text;
}

static const struct sorted words_kind = {sizeof(struct word), text_of};

static void names_stay_sorted_in_whatever_order_they_come(void **state)
{
    static const char *const come[] = {"m", "a", "z", "k", "b", "y", "zz"};
    static const char *const stand[] = {"a", "b", "k", "m", "y", "z", "zz"};
    struct word *words = NULL;
    size_t n = 0, capacity = 0;

    for (size_t i = 0; i < ARRAY_LEN(come); i++) {
        ptrdiff_t place = sorted_place(&words_kind, words, n, come[i]);
        assert_true(place < 0);
        assert_int_equal(sorted_open(&words_kind, &words, &n, &capacity, (size_t)~place), 0);
        words[~place] = (struct word){(int)i, come[i]};
    }
    assert_int_equal(n, ARRAY_LEN(stand));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(words[i].text, stand[i]);
        assert_int_equal(sorted_place(&words_kind, words, n, stand[i]), i);
    }
    sorted_close(&words_kind, words, &n, 2);
    assert_int_equal(~sorted_place(&words_kind, words, n, "k"), 2);
    assert_string_equal(words[2].text, "m");
    while (n > 0)
        sorted_close(&words_kind, words, &n, n - 1);
    assert_int_equal(~sorted_place(&words_kind, words, n, "a"), 0);
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_sorted_in_whatever_order_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
