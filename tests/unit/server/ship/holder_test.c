/* A file belongs to the process tree that writes it; readers do not count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ship/holder.h"
#include "ship/spool.h"

static char dir[] = "/tmp/holder-XXXXXX";

/* A child that holds the file open until it is killed. */
static pid_t hold(const char *path, int flags)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (open(path, flags) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_writer_below_us_makes_it_ours(void **state)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "%s/file", dir);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(holder_of(&st), HOLDER_NOBODY);
    pid_t reader = hold(path, O_RDONLY);
    assert_int_equal(holder_of(&st), HOLDER_NOBODY);
    pid_t writer = hold(path, O_WRONLY);
    assert_int_equal(holder_of(&st), HOLDER_OURS);
    /* Seen by a process that is not above the writer, it is somebody else's. */
    pid_t other = fork();
    if (other == 0)
        _exit(holder_of(&st) == HOLDER_OTHERS ? 0 : 1);
    int status;
    waitpid(other, &status, 0);
    assert_int_equal(status, 0);
    end(reader);
    end(writer);
    assert_int_equal(holder_of(&st), HOLDER_NOBODY);
}

static void only_living_runs_beside_ours_contest(void **state)
{
    struct spool own, rank, other;

    assert_int_equal(spool_open(&own, dir, "R1", 1, 0), 0);
    assert_int_equal(spool_open(&rank, dir, "R1", 1, 1), 0);
    assert_false(holder_contested(&own)); /* the same run */
    assert_int_equal(spool_open(&other, dir, "R2", 1, 0), 0);
    assert_true(holder_contested(&own));
    spool_close(&other); /* its folder stays, its process is gone */
    assert_false(holder_contested(&own));
    spool_close(&own);
    spool_close(&rank);
}

static int make(void **state)
{
    return mkdtemp(dir) ? 0 : -1;
}

static int clear(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_below_us_makes_it_ours),
        cmocka_unit_test(only_living_runs_beside_ours_contest),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
