/* The n-th write, sync, rename, link or allocation of the archive's threads fails, for every n:
 * archiving goes on by itself, nothing is acknowledged that is not there, and in the end the
 * archive equals what was given. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <cmocka.h>

#include "archive_world.h"
#include "base/log.h"

#define EVENTS "logs/events.out.tfevents.1"

enum { SIZE = 100000, MOST = 200 };

static _Atomic long calls_left; /* until the one that fails; 0: none will */
static _Atomic int error_given;
static long call_failed; /* for who reads a failure */

static bool fails_now(void)
{
    if (atomic_load(&calls_left) <= 0 || syscall(SYS_gettid) == getpid())
        return false;
    if (atomic_fetch_sub(&calls_left, 1) != 1)
        return false;
    errno = atomic_load(&error_given);
    return true;
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
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails_now() ? NULL : __real_realloc(p, size);
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    return __real_pread(fd, data, size, offset);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return fails_now() ? -1 : __real_write(fd, data, size);
}

/* The C library's own, made over the system call. SQLite gets the same ones. */

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (fails_now())
        return -1;
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    return fails_now() ? -1 : syscall(SYS_pwritev, fd, iov, n, offset, 0);
}

int fdatasync(int fd)
{
    return fails_now() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fails_now() ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails_now() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    return fails_now() ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return fails_now() ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int ftruncate(int fd, off_t size)
{
    return fails_now() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

static void give(struct archive_file *file, const uint8_t *data, uint64_t end, int fd)
{
    for (uint64_t at; (at = archive_received(file)) < end;) {
        int r = archive_append(file, at, data + at, (size_t)(end - at), fd);
        assert_true(r == 0 || r == -ENOSPC || r == -EIO || r == -ERANGE);
        nanosleep(&(struct timespec){.tv_nsec = r < 0 ? 10000000 : 0}, NULL);
    }
}

/* Until all of it is acknowledged; who sends without a file of his own sends again. */
static void wait_durable(struct archive_file *file, const uint8_t *data, uint64_t end, int fd)
{
    for (int i = 0; archive_durable(file) < end; i++) {
        give(file, data, end, fd);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        if (i == 5000)
            fail_msg("not durable: %llu of %llu, call %ld, error %d",
                     (unsigned long long)archive_durable(file), (unsigned long long)end,
                     call_failed, atomic_load(&error_given));
    }
}

static void expect_file(struct archive_world *world, const char *path, const uint8_t *data,
                        size_t size)
{
    size_t has;
    uint8_t *found = archive_world_read(world, path, &has);

    assert_non_null(found);
    assert_int_equal(has, size);
    assert_memory_equal(found, data, size);
    free(found);
}

static void one_call_fails(long n, int error, const uint8_t *data)
{
    struct archive_world *world = archive_world_new();
    const struct archive_event event = {.id = "e", .kind = "started", .source = "agent",
                                        .rank = -1, .data = "{}"};
    char path[256];

    archive_world_write(world, "source", data, SIZE);
    snprintf(path, sizeof path, "%s/source", world->dir);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    archive_world_open(world);
    atomic_store(&error_given, error);
    atomic_store(&calls_left, n);
    call_failed = n;
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *followed = archive_world_file(run, EVENTS, "");
    struct archive_file *sent = archive_world_file(run, "outputs/model", "agent");
    give(followed, data, 500, fd);
    wait_durable(sent, data, 60000, -1);
    struct archive_file *second = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_add_event(run, &event, NULL, NULL), 0);
    give(second, data, SIZE, fd);
    wait_durable(sent, data, SIZE, -1);
    wait_durable(second, data, SIZE, fd);
    wait_durable(followed, data, 500, fd);
    archive_world_sync(run);
    atomic_store(&calls_left, 0);
    archive_world_close(world);
    archive_world_open(world);
    expect_file(world, "runs/r1/generations/1/" EVENTS, data, 500);
    expect_file(world, "runs/r1/files/" EVENTS, data, SIZE);
    expect_file(world, "runs/r1/files/outputs/model", data, SIZE);
    archive_world_free(world);
}

static void sweep(int error, long step)
{
    uint8_t *data = malloc(SIZE);

    assert_non_null(data);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)((i * 2654435761u) >> 8);
    const char *only = getenv("FAULT_CALL"); /* one of them, again */
    for (long n = only ? strtol(only, NULL, 10) : 1; n < MOST;
         n += n < 40 ? step : 11) {
        one_call_fails(n, error, data);
        if (only)
            break;
    }
    free(data);
}

static void whatever_fails_once_all_bytes_are_kept(void **state)
{
    sweep(EIO, 1);
}

static void whatever_is_full_once_all_bytes_are_kept(void **state)
{
    sweep(ENOSPC, 5);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_once_all_bytes_are_kept),
        cmocka_unit_test(whatever_is_full_once_all_bytes_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
