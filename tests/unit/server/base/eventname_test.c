/* Which names are event files, which are left out, and names that are not UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/eventname.h"

static void tfevents_anywhere_makes_an_event_file(void **state)
{
    static const char *const events[] = {
        "events.out.tfevents.1700000000.host", "events.out.tfevents.1.host.12.0.v2",
        "tfevents-1-GUID-x.tb", "x.out.tfevents", "events.out.tfevents.1.profile-empty",
        "events.out.tfevents.1.tmp.2", "mytfeventsfile",
    };
    static const char *const others[] = {"events.out.tfevent.1", "TFEVENTS", "checkpoint", ""};

    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        assert_int_equal(eventname_class(events[i]), EVENTNAME_EVENT);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(eventname_class(others[i]), EVENTNAME_OTHER);
}

static void names_of_unfinished_copies_are_left_out(void **state)
{
    static const char *const temporary[] = {
        ".events.out.tfevents.1.host.Ab3dE", "events.out.tfevents.1.tmp", "a.tfevents.part",
        "a.tfevents.partial", "a.tfevents.filepart", "a.tfevents_.gstmp", "a.tfevents~",
    };

    for (size_t i = 0; i < ARRAY_LEN(temporary); i++)
        assert_int_equal(eventname_class(temporary[i]), EVENTNAME_TEMPORARY);
}

static void what_is_not_utf8_is_replaced_byte_by_byte(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xff" "b", "a\xef\xbf\xbd" "b"},
        {"\xc3", "\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_free_ char *out = eventname_utf8(cases[i].in);
        assert_string_equal(out, cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tfevents_anywhere_makes_an_event_file),
        cmocka_unit_test(names_of_unfinished_copies_are_left_out),
        cmocka_unit_test(what_is_not_utf8_is_replaced_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
