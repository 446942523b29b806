/* What is given is in the file, and a disk that takes nothing ends the recording alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/pty.h"
#include "launch/recorder.h"

static atomic_int troubles;

static void on_trouble(void *ctx, const char *text)
{
    assert_true(strlen(text) > 0);
    atomic_fetch_add(&troubles, 1);
}

static void both_streams_are_written_in_order(void **state)
{
    char paths[2][40] = {"/tmp/recorder-XXXXXX", "/tmp/recorder-XXXXXX"};
    const char *const names[2] = {paths[0], paths[1]};
    struct recorder *recorder;
    static char piece[100003];

    for (int i = 0; i < 2; i++)
        close(mkstemp(paths[i]));
    assert_int_equal(recorder_start(names, on_trouble, NULL, &recorder), 0);
    for (int i = 0; i < 60; i++) { /* more than the buffers hold */
        memset(piece, 'a' + i % 26, sizeof piece);
        recorder_add(recorder, 0, piece, sizeof piece);
        recorder_add(recorder, 1, "x", 1);
    }
    assert_null(recorder_stop(recorder));
    int fd = open(paths[0], O_RDONLY);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(read(fd, piece, sizeof piece), sizeof piece);
        for (size_t k = 0; k < sizeof piece; k += 997)
            assert_int_equal(piece[k], 'a' + i % 26);
    }
    assert_int_equal(read(fd, piece, 1), 0);
    close(fd);
    struct stat st;
    assert_int_equal(stat(paths[1], &st), 0);
    assert_int_equal(st.st_size, 60);
    assert_int_equal(atomic_load(&troubles), 0);
    unlink(paths[0]);
    unlink(paths[1]);
}

static void a_full_disk_is_said_once_and_the_rest_is_dropped(void **state)
{
    const char *const names[2] = {"/dev/full", "/dev/full"};
    struct recorder *recorder;
    static char piece[65536];

    atomic_store(&troubles, 0);
    assert_int_equal(recorder_start(names, on_trouble, NULL, &recorder), 0);
    for (int i = 0; i < 100; i++)
        recorder_add(recorder, i % 2, piece, sizeof piece);
    assert_null(recorder_stop(recorder));
    assert_int_equal(atomic_load(&troubles), 1);
}

static void a_terminal_hands_bytes_on_as_they_are(void **state)
{
    char bytes[64];
    int master = -1, slave = -1;
    int like = posix_openpt(O_RDWR | O_NOCTTY);

    if (like < 0 || pty_open(like, &master, &slave) < 0) {
        print_message("no pseudo-terminal can be had here\n");
        skip();
    }
    assert_true(isatty(slave));
    assert_int_equal(write(slave, "a\nb\r\n\t\x1b[0m", 9), 9);
    assert_int_equal(read(master, bytes, sizeof bytes), 9);
    assert_memory_equal(bytes, "a\nb\r\n\t\x1b[0m", 9);
    close(like);
    close(master);
    close(slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_streams_are_written_in_order),
        cmocka_unit_test(a_full_disk_is_said_once_and_the_rest_is_dropped),
        cmocka_unit_test(a_terminal_hands_bytes_on_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
