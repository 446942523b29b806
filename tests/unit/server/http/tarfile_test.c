/* Tar headers as other programs read them, patterns without a slow case. */
#include "http/tarfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void a_short_name_is_one_block(void **state)
{
    struct buf out = BUF_INIT(1 << 20);

    assert_int_equal(tarfile_header(&out, "logs/a", 513, 12.5), 0);
    assert_int_equal(out.length, TARFILE_BLOCK);
    assert_string_equal(out.data, "logs/a");
    assert_string_equal(out.data + 124, "00000001001"); /* size, octal */
    assert_int_equal(out.data[156], '0');
    assert_memory_equal(out.data + 257, "ustar", 6);
    assert_int_equal(tarfile_pad(&out, 513), 0);
    assert_int_equal(out.length, TARFILE_BLOCK + 511);
    buf_done(&out);
}

static void long_names_and_huge_sizes_have_a_record_in_front(void **state)
{
    struct buf out = BUF_INIT(1 << 20);
    char name[301];

    memset(name, 'n', 300);
    name[300] = '\0';
    assert_int_equal(tarfile_header(&out, name, UINT64_C(1) << 40, NAN), 0);
    assert_int_equal(out.data[156], 'x');
    assert_int_equal(out.length % TARFILE_BLOCK, 0);
    /* The record's own length counts its digits. */
    assert_memory_equal(out.data + TARFILE_BLOCK, "310 path=nnn", 12);
    assert_non_null(memmem(out.data, out.length, " size=1099511627776\n", 20));
    buf_done(&out);
}

static void nothing_is_padded_behind_whole_blocks(void **state)
{
    struct buf out = BUF_INIT(1 << 20);

    assert_int_equal(tarfile_pad(&out, 0), 0);
    assert_int_equal(tarfile_pad(&out, 1024), 0);
    assert_int_equal(out.length, 0);
    assert_int_equal(tarfile_end(&out), 0);
    assert_int_equal(out.length, 1024);
    buf_done(&out);
}

static void patterns_fit_whole_paths(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool fits;
    } rows[] = {
        {"", "", true},          {"", "a", false},         {"a", "a", true},
        {"a", "ab", false},      {"*", "a/b/c", true},     {"*.pkl", "outputs/m.pkl", true},
        {"*.pkl", "m.pkl.x", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
        {"a*b*c", "aXbYbZc", true},  {"a*b*c", "acb", false}, {"**a**", "bab", true},
        {"logs/*", "outputs/logs/x", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(tarfile_matches(rows[i].pattern, rows[i].path), rows[i].fits);
}

static void a_hostile_pattern_is_not_slow(void **state)
{
    enum { STARS = 2000, LENGTH = 4000 };
    char *pattern = calloc(1, 2 * STARS + 2), *path = calloc(1, LENGTH + 1);

    for (int i = 0; i < STARS; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    pattern[2 * STARS] = 'b';
    memset(path, 'a', LENGTH);
    assert_false(tarfile_matches(pattern, path));
    free(pattern);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_name_is_one_block),
        cmocka_unit_test(long_names_and_huge_sizes_have_a_record_in_front),
        cmocka_unit_test(nothing_is_padded_behind_whole_blocks),
        cmocka_unit_test(patterns_fit_whole_paths),
        cmocka_unit_test(a_hostile_pattern_is_not_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
