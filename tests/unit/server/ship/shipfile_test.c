/* Is a file at its source the one that the server holds? By content, as far as both go. */
#include "ship/shipfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include <eventfile/crc32c.h>

#include "base/cleanup.h"
#include "ship/shiprun.h"

enum { SIZE = 10000 };

static uint8_t held[SIZE], other[SIZE];
static struct shiproot root;

/* A file of this process, which has sent nothing of it yet. */
static struct shipfile *on_disk(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/shipfile-XXXXXX";
    struct shipfile *file = shipfile_new(&root, path, "logs/a", SHIPFILE_FOLLOW);

    assert_non_null(file);
    file->fd = mkstemp(path);
    assert_true(file->fd >= 0);
    unlink(path);
    assert_int_equal(write(file->fd, data, size), size);
    file->facts.size = file->limit = size;
    return file;
}

/* The server's proof over its first `end` bytes. */
static struct channel_check proof(const uint8_t *data, size_t end)
{
    size_t n = MIN(end, (size_t)4096);

    return (struct channel_check){true, end, ef_crc32c(data, n), ef_crc32c(data + end - n, n)};
}

static int compared(const uint8_t *data, size_t size, const struct channel_check *check)
{
    struct shipfile *file = on_disk(data, size);
    int equal = shipfile_compare(file, check);

    shipfile_free(file);
    return equal;
}

static void a_shorter_file_is_compared_as_far_as_it_goes(void **state)
{
    static const size_t sizes[] = {1, 63, 64, 65, 4095, 4096, 4097, 8192, 9999, SIZE};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct channel_check check = proof(held, sizes[i]);
        assert_int_equal(compared(held, sizes[i], &check), 1);
        assert_int_equal(compared(held, SIZE, &check), 1); /* longer is no difference */
        assert_int_equal(compared(other, sizes[i], &check), 0);
    }
    struct channel_check none = proof(held, 0);
    assert_int_equal(compared(other, SIZE, &none), 1);
}

static void what_cannot_be_compared_is_another_file(void **state)
{
    struct channel_check check = proof(held, SIZE);

    assert_int_equal(compared(held, 4095, &check), 0); /* the server proves nothing shorter */
    assert_int_equal(compared(held, 4096, &check), 1);
    assert_int_equal(compared(other, 4096, &check), 0);
}

static void what_was_sent_is_remembered(void **state)
{
    struct channel_check check = proof(held, SIZE);
    struct shipfile *file = on_disk(held, SIZE);
    uint8_t piece[SIZE];

    shipfile_resume(file, 1, 0);
    assert_int_equal(shipfile_read(file, piece, SIZE), SIZE);
    assert_int_equal(ftruncate(file->fd, 1000), 0);
    file->facts.size = 1000;
    assert_int_equal(shipfile_compare(file, &check), 1);
    assert_int_equal(pwrite(file->fd, other, 1000, 0), 1000);
    assert_int_equal(shipfile_compare(file, &check), 0);
    shipfile_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shorter_file_is_compared_as_far_as_it_goes),
        cmocka_unit_test(what_cannot_be_compared_is_another_file),
        cmocka_unit_test(what_was_sent_is_remembered),
    };

    for (size_t i = 0; i < SIZE; i++) {
        held[i] = (uint8_t)(i * 7 / 3);
        other[i] = (uint8_t)(held[i] ^ 1);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
