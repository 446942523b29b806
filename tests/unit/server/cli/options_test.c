/* options_test.c: one table parses flags and environment, and prints the help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

static struct {
    bool flag, other;
    const char *text;
    struct cli_list list;
    uint64_t number;
    double seconds;
} got;

static const struct cli_option table[] = {
    {.name = "flag", .letter = 'f', .type = CLI_FLAG, .value = &got.flag, .help = "a flag"},
    {.name = "other_flag", .letter = 'o', .type = CLI_FLAG, .value = &got.other,
     .help = "another", .env = "OPTIONS_TEST_FLAG"},
    {.name = "text", .letter = 't', .type = CLI_STRING, .value = &got.text, .meta = "WORD",
     .help = "a word\nand more", .env = "OPTIONS_TEST_TEXT"},
    {.name = "list", .type = CLI_LIST, .value = &got.list, .meta = "ITEM", .help = "many",
     .env = "OPTIONS_TEST_LIST"},
    {.name = "number", .letter = 'n', .type = CLI_UINT, .value = &got.number, .meta = "N",
     .help = "from 2 to 9", .min = 2, .max = 9},
    {.name = "seconds", .type = CLI_DOUBLE, .value = &got.seconds, .meta = "S", .help = "a time"},
    {0},
};

static const struct cli_command command = {.name = "test", .args = "FILE...", .summary = "Tests."};
static char *args[16];

/* Parses the words of a line. */
static int parse(const char *line)
{
    static char words[400];
    int argc = 0;

    memset(&got, 0, sizeof got);
    snprintf(words, sizeof words, "test %s", line);
    for (char *save = NULL, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        args[argc++] = w;
    args[argc] = NULL;
    return cli_parse(&command, table, argc, args);
}

static void options_take_their_values(void **state)
{
    assert_int_equal(parse("--flag --text=a --list x --list y --number 3 --seconds 0.5 in"), 11);
    assert_true(got.flag);
    assert_string_equal(got.text, "a");
    assert_int_equal(got.list.count, 2);
    assert_string_equal(got.list.items[1], "y");
    assert_int_equal(got.number, 3);
    assert_true(got.seconds == 0.5);
    assert_string_equal(args[11], "in");
}

static void underscores_and_dashes_are_equal(void **state)
{
    assert_int_equal(parse("--other-flag"), 2);
    assert_true(got.other);
    assert_int_equal(parse("--other_flag --no-other-flag"), 3);
    assert_false(got.other);
}

static void short_forms_may_be_joined(void **state)
{
    assert_int_equal(parse("-fon7 -t word"), 4);
    assert_true(got.flag && got.other);
    assert_int_equal(got.number, 7);
    assert_string_equal(got.text, "word");
}

static void operands_move_behind_the_options_in_their_order(void **state)
{
    assert_int_equal(parse("one -f two --number 4 three"), 4);
    assert_string_equal(args[4], "one");
    assert_string_equal(args[5], "two");
    assert_string_equal(args[6], "three");
    assert_true(got.flag);
    assert_int_equal(got.number, 4);
}

static void two_dashes_end_the_options(void **state)
{
    assert_int_equal(parse("one -- -f - --text"), 2);
    assert_string_equal(args[2], "one");
    assert_string_equal(args[3], "-f");
    assert_string_equal(args[4], "-");
    assert_false(got.flag);
}

static void wrong_calls_are_refused(void **state)
{
    static const char *const wrong[] = {
        "--flaag", "--number", "--number 1", "--number 10", "--number x", "--number -3",
        "--number 99999999999999999999999", "--seconds 1s", "--seconds nan", "-x", "-n",
        "--flag=perhaps", "--no-text", "--no-", "--=", "---flag", "--seconds=",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (parse(wrong[i]) != -2)
            fail_msg("accepted: %s", wrong[i]);
    }
}

static void a_list_has_its_limit(void **state)
{
    char *argv[2 * 65 + 2] = {(char *)"test"};

    memset(&got, 0, sizeof got);
    for (int i = 0; i < 65; i++) {
        argv[1 + 2 * i] = (char *)"--list";
        argv[2 + 2 * i] = (char *)"x";
    }
    assert_int_equal(cli_parse(&command, table, 1 + 2 * 64, argv), 1 + 2 * 64);
    memset(&got, 0, sizeof got);
    assert_int_equal(cli_parse(&command, table, 1 + 2 * 65, argv), -2);
}

static void the_environment_comes_first_and_flags_win(void **state)
{
    setenv("OPTIONS_TEST_TEXT", "from-env", 1);
    setenv("OPTIONS_TEST_FLAG", "yes", 1);
    setenv("OPTIONS_TEST_LIST", "env", 1);
    assert_int_equal(parse(""), 1);
    assert_string_equal(got.text, "from-env");
    assert_true(got.other);
    assert_string_equal(got.list.items[0], "env");
    assert_int_equal(parse("--text t --no-other-flag --list a --list b"), 8);
    assert_string_equal(got.text, "t");
    assert_false(got.other);
    assert_int_equal(got.list.count, 2);
    assert_string_equal(got.list.items[0], "a");
    setenv("OPTIONS_TEST_FLAG", "perhaps", 1);
    assert_int_equal(parse(""), -2);
    unsetenv("OPTIONS_TEST_TEXT");
    unsetenv("OPTIONS_TEST_FLAG");
    unsetenv("OPTIONS_TEST_LIST");
}

static void help_is_known_to_every_table_and_wins_over_mistakes(void **state)
{
    assert_int_equal(parse("--number x --help"), -1);
    assert_int_equal(parse("-h"), -1);
    assert_int_equal(parse("-- --help"), 2);
}

static void help_names_every_option(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cli_help(out, &command, table);
    fclose(out);
    for (size_t i = 0; table[i].name; i++) {
        assert_non_null(strstr(text, table[i].name));
        if (table[i].env)
            assert_non_null(strstr(text, table[i].env));
    }
    assert_non_null(strstr(text, "Usage: tailboard test [OPTION...] FILE...\n"));
    assert_non_null(strstr(text, "  -t, --text WORD"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_take_their_values),
        cmocka_unit_test(underscores_and_dashes_are_equal),
        cmocka_unit_test(short_forms_may_be_joined),
        cmocka_unit_test(operands_move_behind_the_options_in_their_order),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(a_list_has_its_limit),
        cmocka_unit_test(the_environment_comes_first_and_flags_win),
        cmocka_unit_test(help_is_known_to_every_table_and_wins_over_mistakes),
        cmocka_unit_test(help_names_every_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
