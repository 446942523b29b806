#include "archive_world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

extern char **environ;

struct archive_world *archive_world_new(void)
{
    struct archive_world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    snprintf(world->dir, sizeof world->dir, "/tmp/archive-test-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->options = (struct archive_options){.dir = world->dir, .reserve_bytes = 1};
    return world;
}

void archive_world_open(struct archive_world *world)
{
    struct archive_holder holder;

    assert_int_equal(archive_open(&world->options, &world->archive, &holder), 0);
}

void archive_world_close(struct archive_world *world)
{
    world->archive = archive_close(world->archive);
}

static void run_command(const char *const argv[])
{
    pid_t pid;
    int status;

    assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

void archive_world_free(struct archive_world *world)
{
    archive_world_close(world);
    run_command((const char *[]){"rm", "-rf", world->dir, NULL});
    free(world);
}

struct archive_run *archive_world_run(struct archive_world *world, const char *id)
{
    const struct archive_run_info info = {.id = id, .name = id, .experiment = "logs",
                                          .source = "/somewhere", .kind = ARCHIVE_RUN_FOUND};
    struct archive_run *run;

    assert_int_equal(archive_run(world->archive, &info, &run), 0);
    return run;
}

struct archive_file *archive_world_file(struct archive_run *run, const char *path,
                                        const char *source)
{
    struct archive_file *file;

    assert_int_equal(archive_new_file(run, path, source, &file), 0);
    return file;
}

/* ---- waiting ------------------------------------------------------------------------------ */

struct archive_wait {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
    int result;
};

struct archive_wait *archive_wait_new(void)
{
    struct archive_wait *wait = calloc(1, sizeof *wait);

    assert_non_null(wait);
    pthread_mutex_init(&wait->lock, NULL);
    pthread_cond_init(&wait->cond, NULL);
    return wait;
}

void archive_wait_done(void *ctx, int result)
{
    struct archive_wait *wait = ctx;

    pthread_mutex_lock(&wait->lock);
    wait->done = true;
    wait->result = result;
    pthread_cond_signal(&wait->cond);
    pthread_mutex_unlock(&wait->lock);
}

int archive_wait_free(struct archive_wait *wait)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&wait->lock);
    while (!wait->done)
        assert_int_equal(pthread_cond_timedwait(&wait->cond, &wait->lock, &until), 0);
    int result = wait->result;
    pthread_mutex_unlock(&wait->lock);
    pthread_mutex_destroy(&wait->lock);
    pthread_cond_destroy(&wait->cond);
    free(wait);
    return result;
}

void archive_world_sync(struct archive_run *run)
{
    struct archive_wait *wait = archive_wait_new();

    assert_int_equal(archive_sync(run, archive_wait_done, wait), 0);
    assert_int_equal(archive_wait_free(wait), 0);
}

/* ---- from outside ------------------------------------------------------------------------- */

static void path_of(const struct archive_world *world, const char *path, char *ret, size_t size)
{
    int n = snprintf(ret, size, "%s/%s", world->dir, path);

    assert_true(n > 0 && (size_t)n < size);
}

uint8_t *archive_world_read(struct archive_world *world, const char *path, size_t *ret_size)
{
    char at[4096];
    struct stat st;

    path_of(world, path, at, sizeof at);
    _cleanup_close_ int fd = open(at, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *data = malloc((size_t)st.st_size + 1);
    assert_non_null(data);
    assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
    data[st.st_size] = '\0';
    *ret_size = (size_t)st.st_size;
    return data;
}

void archive_world_write(struct archive_world *world, const char *path, const void *data,
                         size_t size)
{
    char at[4096];

    path_of(world, path, at, sizeof at);
    for (char *slash = at + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(at, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    _cleanup_close_ int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
}

bool archive_world_exists(struct archive_world *world, const char *path)
{
    char at[4096];

    path_of(world, path, at, sizeof at);
    return access(at, F_OK) == 0;
}

struct archive_world *archive_world_crash(struct archive_world *world)
{
    struct archive_world *copy = archive_world_new();
    char from[256];

    snprintf(from, sizeof from, "%s/.", world->dir);
    run_command((const char *[]){"cp", "-a", from, copy->dir, NULL});
    return copy;
}
