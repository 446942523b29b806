/* The writer: the bytes of its records, and what it says when writing fails. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/error.h>
#include <eventfile/record.h>
#include <eventfile/writer.h>

#include "ef_builder.h"

struct fixture {
    int fd;
    ef_writer *writer;
    struct ef_builder b; /* what should be there */
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fd = memfd_create("writer_test", MFD_CLOEXEC)};
    *state = &f;
    return f.fd < 0 ? -1 : ef_writer_new(f.fd, &f.writer);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->writer)
        assert_int_equal(ef_writer_close(f->writer), 0);
    close(f->fd);
    ef_builder_done(&f->b);
    return 0;
}

static void assert_written(struct fixture *f, size_t size)
{
    uint8_t *data = malloc(size + 1);

    assert_non_null(data);
    assert_int_equal(pread(f->fd, data, size + 1, 0), size);
    assert_memory_equal(data, f->b.data, size);
    free(data);
}

static void test_nothing_is_written_before_flush(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(ef_writer_record(f->writer, "abc", 3), 0);
    assert_int_equal(fstat(f->fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(ef_writer_flush(f->writer), 0);
    ef_builder_record(&f->b, "abc", 3);
    assert_written(f, f->b.size);
}

static void test_records_of_every_size(void **state)
{
    struct fixture *f = *state;
    uint8_t *payload = malloc(300000);

    assert_non_null(payload);
    for (size_t i = 0; i < 300000; i++)
        payload[i] = (uint8_t)(i * 13 + i / 256);
    for (size_t size = 0; size < 300000; size = size * 5 / 3 + 1) {
        assert_int_equal(ef_writer_record(f->writer, payload, size), 0);
        ef_builder_record(&f->b, payload, size);
    }
    for (size_t size = 65500; size < 65560; size++) {
        assert_int_equal(ef_writer_record(f->writer, payload, size), 0);
        ef_builder_record(&f->b, payload, size);
    }
    assert_int_equal(ef_writer_flush(f->writer), 0);
    assert_written(f, f->b.size);
    free(payload);
}

static void test_scalars_are_as_tensorboard_writes_them(void **state)
{
    struct fixture *f = *state;
    double wall = EF_BUILDER_WALL;

    assert_int_equal(ef_writer_file_version(f->writer, wall), 0);
    assert_int_equal(ef_writer_scalar(f->writer, wall + 1, 5, "loss", 0.25f), 0);
    assert_int_equal(ef_writer_scalar(f->writer, wall + 2, -1, "", -1.5f), 0);
    assert_int_equal(ef_writer_flush(f->writer), 0);
    ef_builder_version(&f->b);
    ef_builder_scalar(&f->b, 5, "loss", 0.25f);
    ef_builder_scalar(&f->b, -1, "", -1.5f);
    assert_written(f, f->b.size);
}

static void test_tensor_scalar_is_the_one_of_the_format_page(void **state)
{
    struct fixture *f = *state;
    static const uint8_t payload[] = {0x09, 0xC4, 0x05, 0xB7, 0x3D, 0x99, 0xD6, 0xD7, 0x41, 0x10,
                                      0x4D, 0x2A, 0x25, 0x0A, 0x23, 0x0A, 0x08, 'a',  'c',  'c',
                                      'u',  'r',  'a',  'c',  'y',  0x42, 0x0A, 0x08, 0x01, 0x12,
                                      0x00, 0x22, 0x04, 0xA4, 0x70, 0x7D, 0x3F, 0x4A, 0x0B, 0x0A,
                                      0x09, 0x0A, 0x07, 's',  'c',  'a',  'l',  'a',  'r',  's'};
    double wall;

    memcpy(&wall, payload + 1, sizeof wall);
    assert_int_equal(ef_writer_scalar_tensor(f->writer, wall, 77, "accuracy", 0.99f), 0);
    assert_int_equal(ef_writer_flush(f->writer), 0);
    ef_builder_record(&f->b, payload, sizeof payload);
    assert_written(f, f->b.size);
}

static void test_long_tag(void **state)
{
    struct fixture *f = *state;
    char *tag = malloc(100001);

    assert_non_null(tag);
    memset(tag, 't', 100000);
    tag[100000] = '\0';
    assert_int_equal(ef_writer_scalar(f->writer, EF_BUILDER_WALL, 1, tag, 2), 0);
    assert_int_equal(ef_writer_flush(f->writer), 0);
    ef_builder_scalar(&f->b, 1, tag, 2);
    assert_written(f, f->b.size);
    free(tag);
}

static void test_created_file_begins_with_its_version(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/writer_test_XXXXXX";
    ef_writer *writer = NULL;
    struct stat st;

    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(ef_writer_create(path, EF_BUILDER_WALL, &writer), EF_ERR_IO);
    assert_int_equal(errno, EEXIST);
    assert_null(writer);
    unlink(path);
    assert_int_equal(ef_writer_create(path, EF_BUILDER_WALL, &writer), 0);
    assert_int_equal(ef_writer_session_start(writer, EF_BUILDER_WALL, 3), 0);
    assert_int_equal(ef_writer_sync(writer), 0);
    assert_int_equal(ef_writer_close(writer), 0);
    ef_builder_version(&f->b);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, f->b.size + 16 + 9 + 2 + 4);
    unlink(path);
}

static void test_first_error_stays(void **state)
{
    struct fixture *f = *state;
    ef_writer *writer;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)f;
    if (full < 0) {
        print_message("there is no /dev/full here\n");
        skip();
    }
    assert_int_equal(ef_writer_new(full, &writer), 0);
    assert_int_equal(ef_writer_record(writer, "abc", 3), 0);
    assert_int_equal(ef_writer_flush(writer), EF_ERR_IO);
    errno = 0;
    assert_int_equal(ef_writer_record(writer, "abc", 3), EF_ERR_IO);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(ef_writer_sync(writer), EF_ERR_IO);
    assert_int_equal(ef_writer_close(writer), EF_ERR_IO);
    close(full);
}

static void test_wrong_parameters(void **state)
{
    struct fixture *f = *state;
    ef_writer *writer = NULL;

    assert_int_equal(ef_writer_new(-1, &writer), EF_ERR_INVALID);
    assert_null(writer);
    assert_int_equal(ef_writer_record(f->writer, "", (size_t)EF_RECORD_MAX_BYTES + 1),
                     EF_ERR_INVALID);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_nothing_is_written_before_flush),
        test(test_records_of_every_size),
        test(test_scalars_are_as_tensorboard_writes_them),
        test(test_tensor_scalar_is_the_one_of_the_format_page),
        test(test_long_tag),
        test(test_created_file_begins_with_its_version),
        test(test_first_error_stays),
        test(test_wrong_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
