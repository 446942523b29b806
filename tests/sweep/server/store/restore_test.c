/* Every bit flipped, and every cut, of a small segment: it is noticed when it is restored or read,
 * never a wrong point, never a crash. (The file's own CRCs over the table are left out here: the
 * table's reader must stand alone.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/restore.h"
#include "store/snapshot.h"
#include "store_chain.h"
#include "store_expect.h"

static const struct text tag = {"loss", 4};
enum { POINTS = 200 };

static void make_chain(struct chain *chain)
{
    static const struct run_info info = {"r1", "run", "experiment", "/logs/run", false};
    static const struct series_meta scalar = {.kind = SERIES_SCALAR, .plugin = {"scalars", 7}};
    static const struct series_meta image = {.kind = SERIES_IMAGE};
    struct store *store = store_new(NULL);
    struct run *run = store_run(store, &info);
    struct generation *g = run_generation(run, "", "a", 1);
    struct lane *lane = generation_lane(g, tag, &scalar, 0);
    struct lane *pictures = generation_lane(g, (struct text){"pic", 3}, &image, 5);
    struct damage damage = {.offset = 7, .length = 3, .reason = 1, .found_wall_s = 5};
    struct place place = {.offset = POINTS * 10};

    for (int i = 0; i < POINTS; i++) {
        struct reference reference = {i, i, (uint64_t)i, 3, (uint64_t)i};
        generation_event(g, (uint64_t)i * 10, 1000 + i, true);
        assert_int_equal(lane_add(lane, i, 1000 + i, VALUE_F64, (uint64_t)i * 77777), 0);
        if (i % 50 == 0)
            assert_int_equal(lane_add_reference(pictures, &reference), 0);
    }
    assert_int_equal(generation_session_start(g, POINTS), 0);
    assert_int_equal(generation_damage(g, &damage), 0);
    assert_int_equal(run_commit(run), 0);
    generation_place(g, &place);
    assert_int_equal(chain_flush(chain, run, 0, false, true, true), 1);
    store_free(store);
}

/* True when a store was made and gave all points, as they were. Wrong ones fail the test. */
static bool restores(struct chain *chain, bool exact)
{
    struct store *store = store_new(NULL);
    struct query query = {.axis = AXIS_STEP};
    struct answer a;
    bool whole = false;
    int r;
    struct run *run = chain_restore(chain, store, &r);
    struct series *series = run ? run_find_series(run, (struct text){"", 0}, tag) : NULL;

    if (!run)
        assert_true(r == -EBADMSG || r == -ESTALE);
    if (series && series_query(series, &query, &a) == 0) {
        whole = a.count == POINTS && a.kind == VALUE_F64;
        for (size_t i = 0; whole && i < a.count; i++)
            whole = a.step[i] == (int64_t)i && a.bits[i] == i * 77777 &&
                    a.wall[i] == 1000 + (double)i;
        assert_true(whole || !exact);
        answer_done(&a);
    }
    store_free(store);
    return whole;
}

static void test_every_flipped_bit_of_a_chunk_is_noticed(void **state)
{
    struct chain chain = {0};

    make_chain(&chain);
    assert_true(restores(&chain, true));
    struct chain_file *f = chain.files[0];
    for (size_t i = 64; i < f->size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            f->data[i] ^= (uint8_t)(1 << bit);
            if (restores(&chain, true))
                fail_msg("byte %zu, bit %d is not noticed", i, bit);
            f->data[i] ^= (uint8_t)(1 << bit);
        }
    }
    chain_done(&chain);
}

/* What the table says is behind a CRC: here only that nothing breaks. */
static void test_no_flipped_bit_of_a_table_breaks_anything(void **state)
{
    struct chain chain = {0};

    make_chain(&chain);
    struct buf *table = &chain.files[0]->table;
    for (size_t i = 0; i < table->length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            table->data[i] = (char)(table->data[i] ^ (1 << bit));
            restores(&chain, false);
            table->data[i] = (char)(table->data[i] ^ (1 << bit));
        }
    }
    chain_done(&chain);
}

static void test_every_cut_of_a_table_is_noticed(void **state)
{
    struct chain chain = {0};

    make_chain(&chain);
    struct buf *table = &chain.files[0]->table;
    size_t length = table->length;
    for (size_t cut = 0; cut < length; cut++) {
        char *copy = malloc(cut + 1), *whole = table->data;
        memcpy(copy, whole, cut);
        table->data = copy;
        table->length = cut;
        assert_false(restores(&chain, true));
        table->data = whole;
        free(copy);
    }
    table->length = length;
    assert_true(restores(&chain, true));
    chain_done(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_flipped_bit_of_a_chunk_is_noticed),
        cmocka_unit_test(test_no_flipped_bit_of_a_table_breaks_anything),
        cmocka_unit_test(test_every_cut_of_a_table_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
