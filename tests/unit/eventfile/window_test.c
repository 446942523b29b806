/* The window over a file, and the buffers that all readers share. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/reader.h>

#include "ef_builder.h"
#include "eventfile/window.h"

enum { SIZE = 5 << 20 };

static struct {
    int reads;
    uint64_t end;
} file;

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8));
}

static ssize_t read_at(void *ctx, void *data, size_t size, uint64_t offset)
{
    uint8_t *bytes = data;

    file.reads++;
    if (offset >= file.end)
        return 0;
    if (size > file.end - offset)
        size = (size_t)(file.end - offset);
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(offset + i);
    return (ssize_t)size;
}

static const struct ef_source source = {.read_at = read_at};

static int setup(void **state)
{
    static struct ef_window window;

    window = (struct ef_window){0};
    file.reads = 0;
    file.end = SIZE;
    *state = &window;
    return 0;
}

static int teardown(void **state)
{
    ef_window_release(*state);
    return 0;
}

static void assert_loads(struct ef_window *window, uint64_t offset, uint64_t want)
{
    assert_int_equal(ef_window_load(window, &source, offset, want, SIZE), 0);
    assert_true(window->size >= want);
    assert_int_equal(window->offset, offset);
    for (size_t i = 0; i < window->size; i += i < 64 || i + 64 > window->size ? 1 : 4099)
        assert_int_equal(ef_window_data(window)[i], byte_at(offset + i));
}

static void test_what_is_held_is_not_read_again(void **state)
{
    assert_loads(*state, 0, 12);
    assert_loads(*state, 1000, 12);
    assert_loads(*state, 500000, 400000);
    assert_int_equal(file.reads, 1);
    assert_loads(*state, EF_READ_BYTES - 5, 12);
    assert_int_equal(file.reads, 2);
    assert_loads(*state, 3, 12); /* backwards: nothing of it is held */
    assert_int_equal(file.reads, 3);
}

static void test_large_wishes_grow_the_buffer(void **state)
{
    assert_loads(*state, 100, 12);
    assert_loads(*state, 2000, 4u << 20);
    assert_loads(*state, 2000, (4u << 20) + 5000);
    assert_loads(*state, (4u << 20) - 7, 12);
}

static void test_small_steps(void **state)
{
    struct ef_window *window = *state;

    window->step = 100;
    assert_loads(window, 50, 12);
    assert_int_equal(window->size, 100);
    assert_loads(window, 140, 250);
    assert_int_equal(window->size, 310);
}

static void test_source_shorter_than_told(void **state)
{
    struct ef_window *window = *state;

    file.end = 1000;
    assert_int_equal(ef_window_load(window, &source, 990, 50, SIZE), 0);
    assert_int_equal(window->size, 10);
    assert_int_equal(ef_window_load(window, &source, 2000, 50, SIZE), 0);
    assert_int_equal(window->size, 0);
}

static void test_buffers_are_used_again(void **state)
{
    struct ef_window *window = *state;

    assert_loads(window, 0, 12);
    const uint8_t *buffer = window->data;
    ef_window_release(window);
    assert_loads(window, 0, 12);
    assert_ptr_equal(window->data, buffer);
    ef_readbuf_give(NULL);
}

static void test_idle_readers_hold_little(void **state)
{
    enum { READERS = 1000 };
    static ef_reader *readers[READERS];
    struct ef_builder b = {0};
    struct ef_item item;

    ef_builder_scalars(&b, 0, 100);
    int fd = ef_builder_fd(&b);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(ef_reader_new(&readers[i]), 0);
        ef_reader_attach(readers[i], fd);
        ef_reader_tell(readers[i], b.size, 0, 0);
        while (ef_reader_next(readers[i], &item) > 0)
            ;
    }
    size_t each = (mallinfo2().uordblks - before) / READERS;
    print_message("%zu bytes an idle reader\n", each);
    assert_true(each < 2048);
    for (int i = 0; i < READERS; i++)
        ef_reader_free(readers[i]);
    close(fd);
    ef_builder_done(&b);
}

static void *read_many_times(void *arg)
{
    const int *fd = arg;
    size_t records = 0;

    for (int i = 0; i < 50; i++) {
        ef_reader *reader;
        struct ef_item item;
        if (ef_reader_new(&reader) < 0)
            return NULL;
        ef_reader_attach(reader, *fd);
        ef_reader_tell(reader, (uint64_t)lseek(*fd, 0, SEEK_END), 0, INT64_MAX / 2);
        while (ef_reader_next(reader, &item) > 0)
            records += item.records;
        ef_reader_free(reader);
    }
    return (void *)(uintptr_t)records;
}

static void test_threads_share_the_buffers(void **state)
{
    struct ef_builder b = {0};
    pthread_t threads[4];

    ef_builder_scalars(&b, 0, 3000);
    ef_builder_damage_header(&b, 1000);
    int fd = ef_builder_fd(&b);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_many_times, &fd), 0);
    for (int i = 0; i < 4; i++) {
        void *records;
        pthread_join(threads[i], &records);
        assert_int_equal((uintptr_t)records, 50 * 2999);
    }
    close(fd);
    ef_builder_done(&b);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_what_is_held_is_not_read_again),
        test(test_large_wishes_grow_the_buffer),
        test(test_small_steps),
        test(test_source_shorter_than_told),
        test(test_buffers_are_used_again),
        test(test_idle_readers_hold_little),
        test(test_threads_share_the_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
