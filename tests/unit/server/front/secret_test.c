#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "front/secret.h"

static char dir[64];

static int set_up(void **state)
{
    strcpy(dir, "/tmp/secret_test.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void a_secret_is_made_once_and_kept(void **state)
{
    char first[SECRET_TEXT_BYTES], second[SECRET_TEXT_BYTES];
    struct stat st;
    bool made;

    assert_int_equal(secret_load(dir, "token", first, &made), 0);
    assert_true(made);
    assert_int_equal(strlen(first), 43);
    assert_int_equal(stat(path_of("token"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(secret_load(dir, "token", second, &made), 0);
    assert_false(made);
    assert_string_equal(first, second);
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
    char text[SECRET_TEXT_BYTES];
    bool made;

    assert_int_equal(secret_load(dir, "token", text, &made), 0);
    assert_int_equal(chmod(path_of("token"), 0640), 0);
    assert_int_equal(secret_load(dir, "token", text, &made), -EPERM);
}

static void a_link_in_its_place_is_refused(void **state)
{
    char text[SECRET_TEXT_BYTES];
    bool made;

    assert_int_equal(symlink("/etc/passwd", path_of("token")), 0);
    assert_int_equal(secret_load(dir, "token", text, &made), -ELOOP);
}

static void what_we_did_not_write_is_refused(void **state)
{
    char text[SECRET_TEXT_BYTES];
    int fd = open(path_of("token"), O_WRONLY | O_CREAT, 0600);
    bool made;

    assert_int_equal(write(fd, "short\n", 6), 6);
    close(fd);
    assert_int_equal(secret_load(dir, "token", text, &made), -EBADMSG);
}

static void directories_are_made_private(void **state)
{
    struct stat st;

    assert_int_equal(secret_dir(path_of("a/b")), 0);
    assert_int_equal(stat(path_of("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(secret_dir(path_of("a/b")), 0);
    assert_int_equal(secret_dir(""), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_is_made_once_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_others_can_read_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_link_in_its_place_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_we_did_not_write_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directories_are_made_private, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
