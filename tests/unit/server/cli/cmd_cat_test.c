/* cat: text for people, JSON for programs, damage on standard error. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "ef_builder.h"
#include "ef_command.h"

static struct ef_command command;

static int cat(const struct ef_builder *b, const char *args)
{
    char path[] = "/tmp/cat_test_XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    ef_builder_save(b, path);
    ef_command_run(&command, cmd_cat.run, path, args);
    unlink(path);
    return command.exit_code;
}

static void test_text(void **state)
{
    struct ef_builder b = {0};

    ef_builder_version(&b);
    ef_builder_scalar(&b, 7, "loss", 0.1f);
    ef_builder_scalar(&b, -8, "bad\x1b[31m", -INFINITY);
    ef_builder_blob(&b, 1000, 1);
    assert_int_equal(cat(&b, "cat %s"), CLI_OK);
    assert_string_equal(command.out, "0  2023-11-14T22:13:20.000Z  file_version brain.Event:2\n"
                                     "7  2023-11-14T22:13:21.000Z  loss  0.1\n"
                                     "-8  2023-11-14T22:13:22.000Z  bad\\x1b[31m  -Infinity\n"
                                     "0  2023-11-14T22:13:23.000Z  graph_def, 1000 bytes\n");
    ef_builder_done(&b);
}

static void test_json(void **state)
{
    struct ef_builder b = {0};

    ef_builder_version(&b);
    ef_builder_scalar(&b, 7, "loss", NAN);
    assert_int_equal(cat(&b, "cat --json %s"), CLI_OK);
    assert_non_null(strstr(command.out, "\"offset\":0,\"wall_time\":1700000000,\"step\":0,"
                                        "\"kind\":\"file_version\",\"text\":\"brain.Event:2\"}\n"));
    assert_non_null(strstr(command.out,
                           "\"offset\":40,\"wall_time\":1700000001,\"step\":7,\"tag\":\"loss\","
                           "\"kind\":\"scalar\",\"type\":\"f32\",\"value\":\"NaN\"}\n"));
    ef_builder_done(&b);
}

static void test_chosen_tags(void **state)
{
    struct ef_builder b = {0};

    ef_builder_version(&b);
    ef_builder_scalar(&b, 1, "loss", 1);
    ef_builder_scalar(&b, 2, "accuracy", 2);
    assert_int_equal(cat(&b, "cat --tag accuracy %s"), CLI_OK);
    assert_string_equal(command.out, "2  2023-11-14T22:13:22.000Z  accuracy  2\n");
    ef_builder_done(&b);
}

static void test_damage_is_named_and_passed(void **state)
{
    struct ef_builder b = {0};

    ef_builder_scalars(&b, 1, 3);
    ef_builder_damage_payload(&b, 1);
    assert_int_equal(cat(&b, "cat %s"), CLI_NO);
    assert_string_equal(command.out, "1  2023-11-14T22:13:20.000Z  loss  1\n"
                                     "3  2023-11-14T22:13:22.000Z  loss  3\n");
    assert_non_null(strstr(command.err, ": at 42, 42 bytes left out: payload\n"));
    ef_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_chosen_tags),
        cmocka_unit_test(test_damage_is_named_and_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
