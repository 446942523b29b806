/* The n-th allocation, read, open, stat or watch fails, for every n: the tailer goes on, and in the
 * end every record was given once. A start that fails leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "base/log.h"
#include "tail_world.h"

#define EVENTS "events.out.tfevents.1"

enum { LAST = 200 };

static _Atomic long calls_left; /* until the one that fails; 0: none will */
static atomic_bool on_main_thread;

static bool fails_now(int error)
{
    if (tail_world_inside || atomic_load(&calls_left) == 0)
        return false;
    if ((syscall(SYS_gettid) == getpid()) != atomic_load(&on_main_thread))
        return false;
    if (atomic_fetch_sub(&calls_left, 1) != 1)
        return false;
    errno = error;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails_now(ENOMEM) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now(ENOMEM) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails_now(ENOMEM) ? NULL : __real_realloc(p, size);
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    return fails_now(EIO) ? -1 : __real_pread(fd, data, size, offset);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return __real_write(fd, data, size);
}

/* The C library's own, made over their siblings. */

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails_now(EMFILE) ? -1 : openat(AT_FDCWD, path, flags, mode);
}

int stat(const char *restrict path, struct stat *restrict st)
{
    return fails_now(EIO) ? -1 : fstatat(AT_FDCWD, path, st, 0);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return fails_now(ENOSPC) ? -1 : (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static bool all_is_there(struct tail_world *world, void *ctx)
{
    static const struct {
        const char *run;
        size_t n;
    } expected[] = {{"a", 12}, {"b/c", 22}, {"late", 4}};
    size_t fine = 0;

    clock_advance(&world->clock, 50 * NS_PER_MS); /* retries become due */
    for (size_t i = 0; i < world->n_runs; i++) {
        for (size_t j = 0; j < ARRAY_LEN(expected); j++) {
            struct tail_world_run *run = world->runs[i];
            struct tail_world_file *file = tail_world_file(run, EVENTS, 1);
            fine += strcmp(run->name, expected[j].run) == 0 && file &&
                    file->shown == expected[j].n;
        }
    }
    return fine == ARRAY_LEN(expected);
}

static void one_call_fails(long n, bool polled)
{
    struct tail_world *world = tail_world_new();
    char what[64];

    world->clock.now_ns = clock_ns(NULL);
    world->clock.wall_base_s = clock_wall_s(NULL) - (double)world->clock.now_ns / 1e9;
    world->options.clock = &world->clock;
    world->options.force_poll = polled;
    world->options.poll_ms = 50;
    tail_world_append(world, "a/" EVENTS, 0, 10);
    tail_world_append(world, "b/c/" EVENTS, 0, 20);
    atomic_store(&on_main_thread, false);
    atomic_store(&calls_left, n);
    tail_world_start(world);
    tail_world_append(world, "a/" EVENTS, 10, 2);
    tail_world_append(world, "b/c/" EVENTS, 20, 2);
    tail_world_append(world, "late/" EVENTS, 0, 4);
    snprintf(what, sizeof what, "all records, though call %ld failed", n);
    tail_world_wait(world, all_is_there, NULL, what);
    atomic_store(&calls_left, 0);
    tail_world_free(world);
}

static void whatever_fails_once_no_record_is_lost(void **state)
{
    log_set_level(LOG_ERROR);
    for (long n = 1; n <= LAST; n++)
        one_call_fails(n, true);
}

static void a_failed_start_leaves_nothing_behind(void **state)
{
    bool failed = true;

    for (long n = 1; failed; n++) {
        struct tail_world *world = tail_world_new();
        atomic_store(&on_main_thread, true);
        atomic_store(&calls_left, n);
        int r = tail_start(&world->options, &world->tail);
        failed = atomic_exchange(&calls_left, 0) <= 0;
        assert_true(r == 0 || r == -ENOMEM);
        tail_world_free(world);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_start_leaves_nothing_behind),
        cmocka_unit_test(whatever_fails_once_no_record_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
