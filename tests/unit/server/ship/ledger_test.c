/* What was written is read back; anything torn counts as nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "ship/ledger.h"

struct seen {
    struct ledger_entry entries[8];
    char names[8][64];
    size_t count;
};

static int see(void *ctx, const struct ledger_entry *entry)
{
    struct seen *seen = ctx;

    assert_true(seen->count < 8);
    seen->entries[seen->count] = *entry;
    snprintf(seen->names[seen->count++], 64, "%s", entry->name);
    return 0;
}

static void make(struct buf *text)
{
    ledger_begin(text);
    ledger_add(text, &(struct ledger_entry){LEDGER_BEFORE, 0, 0, 5, 7, -3, "logs/a b"});
    ledger_add(text, &(struct ledger_entry){LEDGER_GOING, 2, 10, UINT64_MAX, 1, INT64_MAX,
                                            "logs/\xff\n%25/\x01"});
    ledger_add(text, &(struct ledger_entry){LEDGER_DONE, UINT32_MAX, 12, 12, 1, 0, "x"});
    ledger_end(text, 3);
    assert_int_equal(buf_failed(text), 0);
}

static void entries_come_back_as_they_were(void **state)
{
    struct buf text = BUF_INIT(65536);
    struct seen seen = {0};

    make(&text);
    assert_int_equal(ledger_parse((char *)buf_text(&text), see, &seen), 0);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.names[0], "logs/a b");
    assert_string_equal(seen.names[1], "logs/\xff\n%25/\x01");
    assert_int_equal(seen.entries[0].kind, LEDGER_BEFORE);
    assert_true(seen.entries[0].mtime_ns == -3 && seen.entries[0].inode == 7);
    assert_true(seen.entries[1].size == UINT64_MAX && seen.entries[1].mtime_ns == INT64_MAX);
    assert_true(seen.entries[2].generation == UINT32_MAX && seen.entries[2].durable == 12);
    buf_done(&text);
}

static void every_cut_counts_as_none(void **state)
{
    struct buf text = BUF_INIT(65536);

    make(&text);
    for (size_t cut = 0; cut < text.length; cut++) {
        struct seen seen = {0};
        char *copy = strndup(text.data, cut);
        assert_int_equal(ledger_parse(copy, see, &seen), -EBADMSG);
        assert_int_equal(seen.count, 0);
        free(copy);
    }
    buf_done(&text);
}

static void a_missing_line_counts_as_none(void **state)
{
    char text[] = "tailboard-ledger 1\nf 1 2 3 4 5 a\nend 2\n";
    char newer[] = "tailboard-ledger 2\nend 0\n";
    struct seen seen = {0};

    assert_int_equal(ledger_parse(text, see, &seen), -EBADMSG);
    assert_int_equal(ledger_parse(newer, see, &seen), -EBADMSG);
}

static void lines_that_are_none_are_passed_over(void **state)
{
    char text[] = "tailboard-ledger 1\nz 1 2 3 4 5 a\nf 1 2 3 4 5 %0\nf x\nf 1 2 3 4 5 %00\n"
                  "f 1 2 3 4 5 fine\nend 5\n";
    struct seen seen = {0};

    assert_int_equal(ledger_parse(text, see, &seen), 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names[0], "fine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_as_they_were),
        cmocka_unit_test(every_cut_counts_as_none),
        cmocka_unit_test(a_missing_line_counts_as_none),
        cmocka_unit_test(lines_that_are_none_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
