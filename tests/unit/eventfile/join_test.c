/* join_test.c: pieces of messages come out in one, and everything else as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eventfile/join.h"

#include "event_message.h"

static struct ef_slice join(struct arena *arena, const struct event_message *m)
{
    struct ef_slice out;

    assert_int_equal(join_event(arena, (struct ef_slice){m->bytes, m->size}, &out), 0);
    return out;
}

static void assert_joins_to(const struct event_message *from, const struct event_message *to)
{
    struct arena arena = {0};
    struct ef_slice out = join(&arena, from);

    assert_int_equal(out.size, to->size);
    assert_memory_equal(out.data, to->bytes, to->size);
    arena_done(&arena);
}

static void an_event_without_pieces_stays_as_it_is(void **state)
{
    struct event_message value = {0}, event;

    event_message_text(&value, 1, "loss");
    event_message_float(&value, 2, 0.5f);
    event = event_message_of_value(&value);
    assert_joins_to(&event, &event);
}

static void pieces_of_a_tensor_become_one(void **state)
{
    struct event_message one = {0}, two = {0}, both = {0}, value = {0}, joined = {0};

    event_message_number(&one, 1, 1);
    event_message_float(&two, 5, 0.5f);
    event_message_number(&both, 1, 1);
    event_message_float(&both, 5, 0.5f);
    event_message_inner(&value, 8, &one);
    event_message_text(&value, 1, "t");
    event_message_inner(&value, 8, &two);
    event_message_text(&joined, 1, "t");
    event_message_inner(&joined, 8, &both);
    struct event_message from = event_message_of_value(&value);
    struct event_message to = event_message_of_value(&joined);
    assert_joins_to(&from, &to);
}

static void metadata_joins_down_to_the_plugin(void **state)
{
    struct event_message name = {0}, content = {0}, plugin = {0}, first = {0}, second = {0};
    struct event_message whole = {0}, value = {0}, joined = {0};

    event_message_text(&name, 1, "scalars");
    event_message_text(&content, 2, "c");
    event_message_text(&plugin, 1, "scalars");
    event_message_text(&plugin, 2, "c");
    event_message_inner(&first, 1, &name);
    event_message_inner(&second, 1, &content);
    event_message_inner(&whole, 1, &plugin);
    event_message_inner(&value, 9, &first);
    event_message_inner(&value, 9, &second);
    event_message_inner(&joined, 9, &whole);
    struct event_message from = event_message_of_value(&value);
    struct event_message to = event_message_of_value(&joined);
    assert_joins_to(&from, &to);
}

static void a_member_between_ends_what_was_before(void **state)
{
    struct event_message summary = {0}, event = {0}, to = {0};

    event_message_text(&summary, 1, "");
    event_message_inner(&event, 5, &summary);
    event_message_text(&event, 3, "version");
    event_message_inner(&event, 5, &summary);
    event_message_inner(&to, 5, &summary);
    assert_joins_to(&event, &to);
    event_message_text(&event, 3, "version"); /* and now the version counts */
    to.size = 0;
    event_message_text(&to, 3, "version");
    assert_joins_to(&event, &to);
}

static void unknown_fields_stay(void **state)
{
    struct event_message event = {0};

    event_message_text(&event, 99, "kept");
    event_message_number(&event, 2, 3);
    assert_joins_to(&event, &event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_without_pieces_stays_as_it_is),
        cmocka_unit_test(pieces_of_a_tensor_become_one),
        cmocka_unit_test(metadata_joins_down_to_the_plugin),
        cmocka_unit_test(a_member_between_ends_what_was_before),
        cmocka_unit_test(unknown_fields_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
