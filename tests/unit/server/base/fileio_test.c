/* Whole writes, and reads that are short at the end of a file only. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileio.h"

static void what_is_written_is_read_at_its_offset(void **state)
{
    FILE *file = tmpfile();
    char bytes[16];

    assert_non_null(file);
    int fd = fileno(file);
    assert_int_equal(fileio_write(fd, "0123456789", 10), 0);
    assert_int_equal(fileio_read(fd, bytes, 4, 3), 4);
    assert_memory_equal(bytes, "3456", 4);
    assert_int_equal(fileio_read(fd, bytes, sizeof bytes, 3), 7);
    assert_memory_equal(bytes, "3456789", 7);
    assert_int_equal(fileio_read(fd, bytes, sizeof bytes, 10), 0);
    fclose(file);
}

static void errors_are_told(void **state)
{
    char byte;

    assert_int_equal(fileio_write(-1, "x", 1), -EBADF);
    assert_int_equal(fileio_read(-1, &byte, 1, 0), -EBADF);
    assert_int_equal(fileio_write(-1, "", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_at_its_offset),
        cmocka_unit_test(errors_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
