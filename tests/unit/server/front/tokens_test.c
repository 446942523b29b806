/* Further tokens: kept as hashes in a file that two processes change. */
#include "front/tokens.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sha256.h"

static char dir[64];

static int start(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/tokens-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static enum auth_right right_of(struct tokens *tokens, const char *text)
{
    uint8_t hash[32];

    assert_int_equal(sha256(text, strlen(text), hash), 0);
    return tokens_find(tokens, hash, NULL);
}

static void what_one_adds_the_other_knows(void **state)
{
    struct tokens server, tool;
    char text[64], id[9];

    assert_int_equal(tokens_init(&server, dir), 0);
    assert_int_equal(tokens_init(&tool, dir), 0);
    assert_int_equal(right_of(&server, "x"), 0);
    assert_int_equal(tokens_add(&tool, "for ci", AUTH_WRITE, text, id), 0);
    assert_int_equal(right_of(&server, text), AUTH_WRITE);
    assert_int_equal(tokens_find_id(&server, id), AUTH_WRITE);
    assert_int_equal(tokens_revoke(&tool, id), 0);
    assert_int_equal(right_of(&server, text), 0);
    assert_int_equal(tokens_revoke(&tool, id), -ENOENT);
    tokens_done(&server);
    tokens_done(&tool);
}

static void the_text_is_kept_nowhere(void **state)
{
    struct tokens tokens;
    char text[64], id[9], path[96], held[512] = "";
    struct stat st;
    FILE *file;

    assert_int_equal(tokens_init(&tokens, dir), 0);
    assert_int_equal(tokens_add(&tokens, "a b", AUTH_READ, text, id), 0);
    snprintf(path, sizeof path, "%s/tokens", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(held, sizeof held, file));
    fclose(file);
    assert_null(strstr(held, text));
    assert_non_null(strstr(held, " read "));
    tokens_done(&tokens);
}

static void odd_names_and_lines_are_not_taken(void **state)
{
    struct tokens tokens;
    char text[64], id[9], path[96], name[80];
    struct token_row *rows;
    size_t count;
    FILE *file;

    assert_int_equal(tokens_init(&tokens, dir), 0);
    memset(name, 'n', 65);
    name[65] = '\0';
    assert_int_equal(tokens_add(&tokens, name, AUTH_READ, text, id), -EINVAL);
    assert_int_equal(tokens_add(&tokens, "a\nb", AUTH_READ, text, id), -EINVAL);
    snprintf(path, sizeof path, "%s/tokens", dir);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs("\n12345678\n12345678 read 00 1 x\n12345678 root aa 1 x\n", file);
    fclose(file);
    assert_int_equal(tokens_add(&tokens, "", AUTH_ADMIN, text, id), 0);
    assert_int_equal(tokens_list(&tokens, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].right, AUTH_ADMIN);
    free(rows);
    tokens_done(&tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_adds_the_other_knows, start, stop),
        cmocka_unit_test_setup_teardown(the_text_is_kept_nowhere, start, stop),
        cmocka_unit_test_setup_teardown(odd_names_and_lines_are_not_taken, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
