/* Segments as files: what is written is read, what is torn is noticed, and which files make a
 * chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/segment.h"

static char folder[64];
static int dir = -1;

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/segment_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    return dir < 0;
}

static int tear_down(void **state)
{
    DIR *d = fdopendir(dir);

    for (struct dirent *e; (e = readdir(d));)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    return rmdir(folder);
}

static const uint64_t words[4] = {1, 2, 3, 4};
static const char table[] = "a table";

static struct segment_writer *begin(uint64_t chain, uint32_t first, uint32_t last)
{
    struct segment_writer *w;
    uint64_t offset;

    assert_int_equal(segment_begin(dir, chain, first, last, &w), 0);
    assert_int_equal(segment_put(w, words, sizeof words, &offset), 0);
    assert_int_equal(offset, 64);
    assert_int_equal(segment_put(w, words, 8, &offset), 0);
    assert_int_equal(offset, 96);
    return w;
}

static struct segment put_file(uint64_t chain, uint32_t first, uint32_t last)
{
    struct segment_writer *w = begin(chain, first, last);
    struct segment segment;

    assert_int_equal(segment_finish(w, table, sizeof table), 0);
    assert_int_equal(segment_commit(w, &segment), 0);
    segment_writer_free(w);
    return segment;
}

static void test_what_was_written_is_read(void **state)
{
    struct segment made = put_file(7, 1, 10), opened;
    uint64_t read[4];
    void *bytes;

    assert_string_equal(made.name, "00000001-0000000a.seg");
    assert_int_equal(segment_open(dir, made.name, &opened), 0);
    assert_memory_equal(&opened, &made, sizeof made);
    assert_int_equal(opened.table_offset, 104);
    assert_int_equal(segment_table(dir, &opened, &bytes), 0);
    assert_memory_equal(bytes, table, sizeof table);
    free(bytes);
    assert_int_equal(segment_read(dir, opened.name, 64, read, sizeof read), 0);
    assert_memory_equal(read, words, sizeof words);
    assert_int_equal(segment_read(dir, opened.name, opened.size - 8, read, sizeof read), -EIO);
    assert_int_equal(segment_read(dir, "none.seg", 0, read, 8), -ENOENT);
}

static size_t load(const char *name, uint8_t **ret)
{
    int fd = openat(dir, name, O_RDONLY);
    struct stat st;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *ret = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, *ret, (size_t)st.st_size), st.st_size);
    close(fd);
    return (size_t)st.st_size;
}

static void store(const char *name, const uint8_t *bytes, size_t size)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* 0: the file is taken for good. */
static int look(const char *name)
{
    struct segment segment;
    void *bytes;
    int r = segment_open(dir, name, &segment);

    if (r == 0)
        r = segment_table(dir, &segment, &bytes);
    if (r == 0)
        free(bytes);
    return r;
}

/* Chunks have CRCs of their own. */
static void test_every_flipped_bit_outside_of_chunks_is_noticed(void **state)
{
    struct segment made = put_file(7, 1, 1);
    uint8_t *bytes;
    size_t size = load(made.name, &bytes);

    for (size_t i = 0; i < size; i++) {
        bool padding = i >= made.table_offset + made.table_size && i < size - 64;
        if ((i >= 64 && i < made.table_offset) || padding)
            continue;
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            store(made.name, bytes, size);
            int r = look(made.name);
            if (r != -EBADMSG && r != -EPROTO)
                fail_msg("byte %zu, bit %d: %d", i, bit, r);
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
    free(bytes);
}

static void test_every_cut_and_every_longer_file_is_noticed(void **state)
{
    struct segment made = put_file(7, 1, 1);
    uint8_t *bytes;
    size_t size = load(made.name, &bytes);

    for (size_t cut = 0; cut < size; cut++) {
        store(made.name, bytes, cut);
        if (look(made.name) != -EBADMSG)
            fail_msg("cut at %zu is not noticed", cut);
    }
    bytes = realloc(bytes, size + 64);
    memset(bytes + size, 0, 64);
    store(made.name, bytes, size + 64);
    assert_int_equal(look(made.name), -EBADMSG);
    free(bytes);
}

static void expect_chain(const char *names)
{
    struct segment *chain;
    char got[200] = "";
    size_t count;
    bool foreign;

    assert_int_equal(segment_chain(dir, &chain, &count, &foreign), 0);
    assert_false(foreign);
    for (size_t i = 0; i < count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%x-%x ", chain[i].first,
                 chain[i].last);
    assert_string_equal(got, names);
    free(chain);
}

static bool exists(const char *name)
{
    return faccessat(dir, name, F_OK, 0) == 0;
}

static void test_the_widest_files_without_a_gap_make_the_chain(void **state)
{
    expect_chain("");
    put_file(7, 2, 2);
    expect_chain("");
    assert_false(exists("00000002-00000002.seg"));
    put_file(7, 1, 1);
    put_file(7, 2, 2);
    put_file(7, 3, 3);
    expect_chain("1-1 2-2 3-3 ");
    put_file(7, 2, 3); /* a merge that ended before the old files were removed */
    put_file(7, 4, 4);
    expect_chain("1-1 2-3 4-4 ");
    assert_false(exists("00000003-00000003.seg"));
    put_file(7, 6, 6); /* behind a gap */
    expect_chain("1-1 2-3 4-4 ");
    assert_false(exists("00000006-00000006.seg"));
    put_file(8, 5, 5); /* of another chain */
    expect_chain("1-1 2-3 4-4 ");
}

static void test_a_bad_file_ends_the_chain_and_temporary_ones_go(void **state)
{
    struct segment_writer *w = begin(7, 9, 9);
    uint8_t junk[100] = {1};

    put_file(7, 1, 1);
    put_file(7, 2, 2);
    put_file(7, 3, 3);
    store("00000002-00000002.seg", junk, sizeof junk);
    store("somebody's.txt", junk, sizeof junk);
    assert_true(exists("00000009-00000009.seg.tmp"));
    expect_chain("1-1 ");
    assert_false(exists("00000009-00000009.seg.tmp"));
    assert_false(exists("00000003-00000003.seg"));
    assert_true(exists("somebody's.txt"));
    segment_writer_free(w);
}

static void test_a_newer_version_is_left_alone(void **state)
{
    struct segment made = put_file(7, 1, 1), *chain;
    uint8_t *bytes;
    size_t size = load(made.name, &bytes), count;
    bool foreign;

    bytes[4] = 2;
    store(made.name, bytes, size);
    free(bytes);
    assert_int_equal(segment_chain(dir, &chain, &count, &foreign), 0);
    assert_true(foreign);
    assert_int_equal(count, 0);
    assert_true(exists(made.name));
    free(chain);
}

static void test_what_was_not_committed_is_not_there(void **state)
{
    struct segment_writer *w = begin(7, 1, 1);

    assert_int_equal(segment_finish(w, table, sizeof table), 0);
    segment_writer_free(w);
    assert_false(exists("00000001-00000001.seg"));
    assert_false(exists("00000001-00000001.seg.tmp"));
    expect_chain("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_flipped_bit_outside_of_chunks_is_noticed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut_and_every_longer_file_is_noticed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_widest_files_without_a_gap_make_the_chain, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bad_file_ends_the_chain_and_temporary_ones_go,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_newer_version_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_not_committed_is_not_there, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
