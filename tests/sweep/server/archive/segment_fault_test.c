/* The n-th file operation or allocation of a segment's writer fails, or is the last before a crash,
 * for every n: what the folder held before is held still, and the new segment is there whole or not
 * at all. */
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
#include <sys/syscall.h>
#include <unistd.h>

#include "archive/segment.h"
#include "base/cleanup.h"

enum mode { ONCE, SHORT, CRASH };

static long calls_left; /* until the one that fails; 0: none will */
static bool failed;     /* it was reached */
static enum mode mode;
static int error_given;

static bool fails_now(void)
{
    if (mode == CRASH && failed && calls_left == 0) {
        errno = EIO; /* nothing reaches the disk any more */
        return true;
    }
    if (calls_left == 0 || --calls_left > 0)
        return false;
    failed = true;
    errno = error_given;
    return true;
}

static void arm(long n, enum mode how, int error)
{
    calls_left = n;
    failed = false;
    mode = how;
    error_given = error;
}

static void disarm(void)
{
    calls_left = 0;
    mode = ONCE;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t size);

void *__wrap_malloc(size_t size)
{
    return mode == ONCE && fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return mode == ONCE && fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return mode == ONCE && fails_now() ? NULL : __real_realloc(p, size);
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    return __real_pread(fd, data, size, offset);
}

/* A crash or a full disk may leave the first part of a write. */
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (!fails_now())
        return __real_write(fd, data, size);
    int error = errno;
    bool first = calls_left == 0 && (mode == SHORT || mode == CRASH);
    ssize_t part = first && size > 1 ? __real_write(fd, data, size / 2) : 0;
    errno = error;
    return mode == SHORT && part > 0 ? part : -1;
}

int fdatasync(int fd)
{
    return mode != SHORT && fails_now() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return mode != SHORT && fails_now() ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return mode != SHORT && fails_now()
               ? -1
               : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    return mode == CRASH && fails_now() ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

/* ---- the folder --------------------------------------------------------------------------- */

enum { CHUNK = 1 << 20, TABLE = 5000 };

static uint8_t chunk[CHUNK], table[TABLE];
static char folder[64];
static int dir = -1;

static int write_segment(uint32_t first, uint32_t last)
{
    struct segment_writer *w = NULL;
    struct segment segment;
    uint64_t offset;

    int r = segment_begin(dir, 7, first, last, &w);
    for (size_t size = 64; r == 0 && size <= CHUNK; size *= 4)
        r = segment_put(w, chunk, size, &offset);
    if (r == 0)
        r = segment_finish(w, table, TABLE - last);
    if (r == 0)
        r = segment_commit(w, &segment);
    segment_writer_free(w);
    return r;
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *d = opendir(folder);

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* How many flushes the folder tells of; each segment is whole, nothing else lies there. */
static uint32_t look(void)
{
    struct segment *chain = NULL;
    size_t count;
    bool foreign;

    assert_int_equal(segment_chain(dir, &chain, &count, &foreign), 0);
    assert_false(foreign);
    assert_int_equal(count_files(), count);
    for (size_t i = 0; i < count; i++) {
        void *found = NULL;
        _cleanup_free_ uint8_t *bytes = malloc(CHUNK);
        assert_int_equal(segment_table(dir, &chain[i], &found), 0);
        assert_int_equal(chain[i].table_size, TABLE - chain[i].last);
        assert_memory_equal(found, table, chain[i].table_size);
        free(found);
        assert_int_equal(
            segment_read(dir, chain[i].name, chain[i].table_offset - CHUNK, bytes, CHUNK), 0);
        assert_memory_equal(bytes, chunk, CHUNK);
    }
    uint32_t last = count > 0 ? chain[count - 1].last : 0;
    free(chain);
    return last;
}

static int set_up(void **state)
{
    for (size_t i = 0; i < CHUNK; i++)
        chunk[i] = (uint8_t)((i * 2654435761u) >> 11);
    memcpy(table, chunk + 77, TABLE);
    snprintf(folder, sizeof folder, "/tmp/segment_fault_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : write_segment(1, 1);
}

static int tear_down(void **state)
{
    DIR *d = fdopendir(dir);

    for (struct dirent *e; (e = readdir(d));)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    return rmdir(folder);
}

static void remove_second(const char *name)
{
    assert_int_equal(segment_unlink(dir, name), 0);
    assert_int_equal(look(), 1);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void sweep(int error)
{
    long n = 1;

    for (;; n++) {
        arm(n, ONCE, error);
        int r = write_segment(2, 2);
        disarm();
        if (!failed)
            break;
        assert_true(r < 0);
        assert_int_equal(look(), 1);
        assert_int_equal(write_segment(2, 2), 0); /* the next try finds nothing in its way */
        assert_int_equal(look(), 2);
        remove_second("00000002-00000002.seg");
    }
    assert_true(n > 8);
    assert_int_equal(look(), 2);
}

static void what_failed_left_nothing_and_can_be_done_again(void **state)
{
    sweep(EIO);
}

static void a_full_disk_left_nothing(void **state)
{
    sweep(ENOSPC);
}

static void a_short_write_goes_on(void **state)
{
    long n = 1;

    for (;; n++) {
        arm(n, SHORT, 0);
        int r = write_segment(2, 2);
        disarm();
        assert_int_equal(r, 0);
        assert_int_equal(look(), 2);
        if (!failed)
            break;
        remove_second("00000002-00000002.seg");
    }
    assert_true(n > 1);
}

static void after_a_crash_a_segment_is_whole_or_not_there(void **state)
{
    long n = 1, with = 0, without = 0;

    for (;; n++) {
        arm(n, CRASH, EIO);
        int r = write_segment(2, 2);
        bool crashed = failed;
        disarm();
        uint32_t has = look();
        assert_true(has == 2 || (has == 1 && r < 0));
        with += has == 2;
        without += has == 1;
        if (has == 2)
            remove_second("00000002-00000002.seg");
        if (!crashed)
            break;
    }
    assert_true(without > 3 && with > 0);
}

static void a_merge_that_crashes_leaves_the_old_or_the_new(void **state)
{
    for (long n = 1;; n++) {
        assert_int_equal(write_segment(2, 2), 0);
        arm(n, CRASH, EIO);
        (void)write_segment(1, 2);
        bool crashed = failed;
        disarm();
        assert_int_equal(look(), 2); /* whichever: both flushes are there */
        if (!crashed)
            break;
        int r = segment_unlink(dir, "00000001-00000002.seg");
        if (r == 0) /* the merge was: what it replaced is gone */
            assert_int_equal(write_segment(1, 1), 0);
        (void)segment_unlink(dir, "00000002-00000002.seg");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_failed_left_nothing_and_can_be_done_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_left_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_write_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_crash_a_segment_is_whole_or_not_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_merge_that_crashes_leaves_the_old_or_the_new, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
