/* tagcache_test.c: tags of all lengths find their own lane, whatever order they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/tagcache.h"

static struct text text(const char *s)
{
    return (struct text){s, strlen(s)};
}

static void a_new_tag_is_not_found(void **state)
{
    struct tagcache cache = {0};

    assert_null(tagcache_find(&cache, text("loss"), SERIES_SCALAR));
    assert_null(tagcache_first(&cache, text("loss")));
    assert_non_null(tagcache_add(&cache, text("loss"), SERIES_SCALAR));
    assert_null(tagcache_find(&cache, text("acc"), SERIES_SCALAR));
    assert_non_null(tagcache_find(&cache, text("loss"), SERIES_SCALAR));
    tagcache_done(&cache);
}

static void the_empty_tag_is_a_tag(void **state)
{
    struct tagcache cache = {0};
    struct text empty = {NULL, 0};

    assert_non_null(tagcache_add(&cache, empty, SERIES_SCALAR));
    assert_non_null(tagcache_find(&cache, empty, SERIES_SCALAR));
    assert_null(tagcache_find(&cache, text("x"), SERIES_SCALAR));
    tagcache_done(&cache);
}

/* Tags that share head, tail or length: only all bytes together tell them apart. */
static void similar_tags_are_told_apart_at_every_length(void **state)
{
    struct tagcache cache = {0};
    char tag[64];

    for (size_t length = 1; length < 48; length++)
        for (size_t at = 0; at < length; at++) {
            memset(tag, 'a', length);
            tag[at] = 'b';
            assert_null(tagcache_find(&cache, (struct text){tag, length}, SERIES_SCALAR));
            struct tagcache_entry *e =
                tagcache_add(&cache, (struct text){tag, length}, SERIES_SCALAR);
            e->lane = (struct lane *)(uintptr_t)(length * 100 + at);
        }
    for (int round = 0; round < 3; round++)
        for (size_t length = 47; length > 0; length--)
            for (size_t at = 0; at < length; at += round + 1) {
                memset(tag, 'a', length);
                tag[at] = 'b';
                struct tagcache_entry *e =
                    tagcache_find(&cache, (struct text){tag, length}, SERIES_SCALAR);
                assert_ptr_equal(e->lane, (void *)(uintptr_t)(length * 100 + at));
            }
    tagcache_done(&cache);
}

static void one_tag_may_have_several_kinds_and_remembers_its_first(void **state)
{
    struct tagcache cache = {0};
    char tag[16];

    tagcache_add(&cache, text("both"), SERIES_TEXT);
    tagcache_add(&cache, text("both"), SERIES_SCALAR);
    for (int i = 0; i < 100; i++) { /* the table grows and is filled anew */
        snprintf(tag, sizeof tag, "tag%d", i);
        tagcache_add(&cache, text(tag), SERIES_SCALAR);
    }
    assert_int_equal(tagcache_first(&cache, text("both"))->kind, SERIES_TEXT);
    assert_int_equal(tagcache_find(&cache, text("both"), SERIES_SCALAR)->kind, SERIES_SCALAR);
    assert_int_equal(tagcache_find(&cache, text("both"), SERIES_TEXT)->kind, SERIES_TEXT);
    assert_null(tagcache_find(&cache, text("both"), SERIES_IMAGE));
    tagcache_done(&cache);
}

static void lanes_can_be_forgotten_and_kinds_stay(void **state)
{
    struct tagcache cache = {0};

    tagcache_add(&cache, text("x"), SERIES_TEXT)->lane = (struct lane *)&cache;
    tagcache_forget_lanes(&cache);
    assert_null(tagcache_find(&cache, text("x"), SERIES_TEXT)->lane);
    assert_int_equal(tagcache_first(&cache, text("x"))->kind, SERIES_TEXT);
    tagcache_clear(&cache);
    assert_null(tagcache_first(&cache, text("x")));
    tagcache_done(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_tag_is_not_found),
        cmocka_unit_test(the_empty_tag_is_a_tag),
        cmocka_unit_test(similar_tags_are_told_apart_at_every_length),
        cmocka_unit_test(one_tag_may_have_several_kinds_and_remembers_its_first),
        cmocka_unit_test(lanes_can_be_forgotten_and_kinds_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
