#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/idmap.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

static void an_empty_map_has_nothing(void **state)
{
    struct idmap map = {0};

    (void)state;
    assert_true(idmap_get(&map, 0) == IDMAP_NONE);
    idmap_remove(&map, 7);
    assert_null(idmap_find(&map, 1));
}

/* Against an array: any order of puts, replacements and removals gives the same content. */
static void a_map_equals_an_array(void **state)
{
    enum { KEYS = 500, STEPS = 200000 };
    static uint64_t model[KEYS];
    struct idmap map = {0};
    uint64_t seed = 42;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < KEYS; i++)
        model[i] = IDMAP_NONE;
    for (int step = 0; step < STEPS; step++) {
        uint64_t key = next_random(&seed) % KEYS;

        if (next_random(&seed) % 3) {
            uint64_t value = next_random(&seed);
            count += model[key] == IDMAP_NONE;
            model[key] = value;
            assert_int_equal(idmap_put(&map, key << 12, value), 0);
        } else {
            count -= model[key] != IDMAP_NONE;
            model[key] = IDMAP_NONE;
            idmap_remove(&map, key << 12);
        }
        assert_int_equal(map.count, count);
        if (step % 1000 == 0)
            for (uint64_t i = 0; i < KEYS; i++)
                assert_true(idmap_get(&map, i << 12) == model[i]);
    }
    idmap_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(a_map_equals_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
