/* The table behaves as a plain list would, whatever is added and removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tail/hashindex.h"

static void it_behaves_as_a_list_would(void **state)
{
    enum { KEYS = 300, STEPS = 20000 };
    struct hashindex index = {0};
    static int values[KEYS];
    bool present[KEYS] = {false};
    uint32_t seed = 7;

    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        size_t key = (seed >> 8) % KEYS;
        uint64_t hash = hashindex_hash_number(key) % 50; /* many share one */
        hash = hash << 32 | key;
        if (present[key])
            hashindex_remove(&index, hash, &values[key]);
        else
            assert_int_equal(hashindex_add(&index, hash, &values[key]), 0);
        present[key] = !present[key];
        size_t other = (seed >> 16) % KEYS;
        hash = (hashindex_hash_number(other) % 50) << 32 | other;
        assert_ptr_equal(hashindex_find(&index, hash, NULL),
                         present[other] ? &values[other] : NULL);
    }
    hashindex_done(&index);
}

static bool is_key(const void *value, const void *key)
{
    return *(const int *)value == *(const int *)key;
}

static void equal_hashes_are_told_apart(void **state)
{
    struct hashindex index = {.equal = is_key};
    int values[] = {1, 2, 3}, four = 4;

    for (int i = 0; i < 3; i++)
        assert_int_equal(hashindex_add(&index, 5, &values[i]), 0);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(hashindex_find(&index, 5, &values[i]), &values[i]);
    assert_null(hashindex_find(&index, 5, &four));
    hashindex_remove(&index, 5, &values[1]);
    assert_null(hashindex_find(&index, 5, &values[1]));
    assert_ptr_equal(hashindex_find(&index, 5, &values[2]), &values[2]);
    hashindex_done(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_behaves_as_a_list_would),
        cmocka_unit_test(equal_hashes_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
