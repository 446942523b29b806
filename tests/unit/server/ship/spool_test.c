/* The spool on disk: a kill at any step leaves the old or the new state, never a mixture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ship/spool.h"

static int make_dir(void **state)
{
    char *dir = strdup("/tmp/spool-test-XXXXXX");

    *state = mkdtemp(dir);
    return *state ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[200];

    snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

static void read_back(const struct spool *spool, const char *name, const char *want)
{
    struct buf text = BUF_INIT(1u << 20);

    assert_int_equal(spool_read(spool, name, &text), 0);
    assert_string_equal(buf_text(&text), want);
    buf_done(&text);
}

static void one_living_process_has_a_spool(void **state)
{
    struct spool one, two;

    assert_int_equal(spool_open(&one, *state, "R", 1, 0), 0);
    assert_int_equal(spool_open(&two, *state, "R", 1, 0), -EBUSY);
    assert_int_equal(spool_open(&two, *state, "R", 1, 1), 0); /* another rank's */
    spool_close(&two);
    char *path = strdup(one.dir);
    spool_close(&one);
    assert_int_equal(spool_open_path(&two, path), 0);
    spool_remove(&two);
    spool_close(&two);
    assert_int_equal(spool_open_path(&two, path), -ENOENT);
    free(path);
}

static void files_are_replaced_as_a_whole(void **state)
{
    struct spool spool;

    assert_int_equal(spool_open(&spool, *state, "W", 1, 0), 0);
    assert_int_equal(spool_write(&spool, "run.json", "first", 5), 0);
    assert_int_equal(spool_write(&spool, "run.json", "second and longer", 17), 0);
    read_back(&spool, "run.json", "second and longer");
    spool_close(&spool);
}

/* A child writes and is killed after a random time; what is there is one of the two states. */
static void a_kill_in_the_middle_leaves_old_or_new(void **state)
{
    static char a[60000], b[60000];
    struct spool spool;

    memset(a, 'a', sizeof a - 1);
    memset(b, 'b', sizeof b - 1);
    assert_int_equal(spool_open(&spool, *state, "K", 1, 0), 0);
    assert_int_equal(spool_write(&spool, "ledger", a, sizeof a - 1), 0);
    for (int i = 0; i < 40; i++) {
        pid_t pid = fork();
        if (pid == 0)
            for (;;) {
                if (spool_write(&spool, "ledger", b, sizeof b - 1) < 0 ||
                    spool_write(&spool, "ledger", a, sizeof a - 1) < 0)
                    _exit(1);
            }
        usleep((useconds_t)(i * 137 % 4000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        struct buf text = BUF_INIT(1u << 20);
        assert_int_equal(spool_read(&spool, "ledger", &text), 0);
        assert_int_equal(text.length, sizeof a - 1);
        assert_true(strcmp(buf_text(&text), a) == 0 || strcmp(buf_text(&text), b) == 0);
        buf_done(&text);
    }
    spool_close(&spool);
}

static void a_torn_last_line_stays_alone(void **state)
{
    struct spool spool;
    char path[200];

    assert_int_equal(spool_open(&spool, *state, "T", 1, 0), 0);
    assert_int_equal(spool_append(&spool, "events.jsonl", "one"), 0);
    snprintf(path, sizeof path, "%s/events.jsonl", spool.dir);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "to", 2), 2);
    close(fd);
    assert_int_equal(spool_append(&spool, "events.jsonl", "three"), 0);
    read_back(&spool, "events.jsonl", "one\nto\nthree\n");
    spool_close(&spool);
}

static void an_id_is_kept_with_its_directory_and_not_with_a_copy(void **state)
{
    char first[SPOOL_ID_BYTES], again[SPOOL_ID_BYTES], copy[SPOOL_ID_BYTES], command[600];
    char original[200], other[200];

    snprintf(original, sizeof original, "%s/original", (char *)*state);
    snprintf(other, sizeof other, "%s/copy", (char *)*state);
    assert_int_equal(mkdir(original, 0700), 0);
    assert_int_equal(spool_id(original, "dir-id", "FRESH1", first), 0);
    assert_string_equal(first, "FRESH1");
    assert_int_equal(spool_id(original, "dir-id", "FRESH2", again), 0);
    assert_string_equal(again, "FRESH1");
    snprintf(command, sizeof command, "cp -a '%s' '%s'", original, other);
    assert_int_equal(system(command), 0);
    assert_int_equal(spool_id(other, "dir-id", "FRESH3", copy), 0);
    assert_string_equal(copy, "FRESH3");
    assert_int_equal(spool_id(other, "dir-id", "FRESH4", copy), 0);
    assert_string_equal(copy, "FRESH3");
}

static void several_processes_agree_on_an_id(void **state)
{
    char ids[4][SPOOL_ID_BYTES], base[200], name[40];
    int fds[2];

    snprintf(base, sizeof base, "%s", (char *)*state);
    for (int round = 0; round < 20; round++) {
        snprintf(name, sizeof name, "id-%d", round);
        assert_int_equal(pipe(fds), 0);
        for (int i = 0; i < 4; i++)
            if (fork() == 0) {
                char fresh[20], id[SPOOL_ID_BYTES] = "";
                snprintf(fresh, sizeof fresh, "P%d", i);
                int r = spool_id(base, name, fresh, id);
                _exit(r < 0 || write(fds[1], id, sizeof id) != (ssize_t)sizeof id);
            }
        for (int i = 0, status; i < 4; i++) {
            assert_true(wait(&status) > 0 && status == 0);
            assert_int_equal(read(fds[0], ids[i], sizeof ids[i]), sizeof ids[i]);
            assert_string_equal(ids[i], ids[0]);
        }
        close(fds[0]);
        close(fds[1]);
    }
}

static void a_place_that_cannot_be_written_says_so(void **state)
{
    struct spool spool;
    char id[SPOOL_ID_BYTES];

    assert_true(spool_open(&spool, "/proc/nowhere", "R", 1, 0) < 0);
    assert_true(spool_id("/proc/nowhere", "dir-id", "FRESH", id) < 0);
    assert_string_equal(id, "FRESH");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_living_process_has_a_spool),
        cmocka_unit_test(files_are_replaced_as_a_whole),
        cmocka_unit_test(a_kill_in_the_middle_leaves_old_or_new),
        cmocka_unit_test(a_torn_last_line_stays_alone),
        cmocka_unit_test(an_id_is_kept_with_its_directory_and_not_with_a_copy),
        cmocka_unit_test(several_processes_agree_on_an_id),
        cmocka_unit_test(a_place_that_cannot_be_written_says_so),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
