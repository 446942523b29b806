/* verify and recover on real files: what they print, what they leave, how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "ef_builder.h"
#include "ef_command.h"

static struct ef_command command;

struct fixture {
    char dir[32];
    struct ef_builder b;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.dir = "/tmp/verify_test_XXXXXX"};
    if (!mkdtemp(f.dir))
        return -1;
    ef_builder_version(&f.b);
    ef_builder_scalars(&f.b, 1, 9);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char line[128];

    ef_builder_done(&f->b);
    snprintf(line, sizeof line, "rm -r %s", f->dir);
    return system(line);
}

static void save(struct fixture *f, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    ef_builder_save(&f->b, path);
}

static int verify(struct fixture *f, const char *args)
{
    ef_command_run(&command, cmd_verify.run, f->dir, args);
    return command.exit_code;
}

static int recover(struct fixture *f, const char *args)
{
    ef_command_run(&command, cmd_recover.run, f->dir, args);
    return command.exit_code;
}

static void assert_printed(struct fixture *f, const char *format)
{
    char wanted[4096], *w = wanted;

    for (const char *p = format; *p; p++) { /* '%' stands for the directory */
        if (*p == '%')
            w = stpcpy(w, f->dir);
        else
            *w++ = *p;
    }
    *w = '\0';
    assert_string_equal(command.out, wanted);
}

static void damage(struct fixture *f)
{
    ef_builder_damage_payload(&f->b, 3);
    ef_builder_damage_length(&f->b, 5);
    ef_builder_cut(&f->b, f->b.size - 1);
}

static void test_sound_file(void **state)
{
    struct fixture *f = *state;

    save(f, "a.tfevents");
    assert_int_equal(verify(f, "verify %s/a.tfevents"), CLI_OK);
    assert_printed(f, "%/a.tfevents: sound, 10 records\n");
    assert_string_equal(command.err, "");
}

static void test_every_gap_is_named(void **state)
{
    struct fixture *f = *state;

    damage(f);
    save(f, "a.tfevents");
    assert_int_equal(verify(f, "verify %s/a.tfevents"), CLI_NO);
    assert_printed(f, "%/a.tfevents: at 124, 42 bytes: payload\n"
                      "%/a.tfevents: at 208, 12 bytes: repaired-header (its record is kept)\n"
                      "%/a.tfevents: at 376, 41 bytes: partial-tail\n"
                      "%/a.tfevents: damaged, 8 records, 83 bytes lost, 1 header mended, "
                      "the last record is cut off\n");
    assert_int_equal(verify(f, "verify --json %s/a.tfevents"), CLI_NO);
    assert_printed(f, "{\"file\":\"%/a.tfevents\",\"gaps\":["
                      "{\"offset\":124,\"length\":42,\"reason\":\"payload\"},"
                      "{\"offset\":208,\"length\":12,\"reason\":\"repaired-header\"},"
                      "{\"offset\":376,\"length\":41,\"reason\":\"partial-tail\"}],"
                      "\"records\":8,\"lost_bytes\":83,\"sound\":false}\n");
}

static void test_file_that_is_still_written(void **state)
{
    struct fixture *f = *state;

    ef_builder_cut(&f->b, f->b.size - 1);
    save(f, "a.tfevents");
    assert_int_equal(verify(f, "verify -q %s/a.tfevents"), CLI_NO);
    assert_int_equal(verify(f, "verify -q --partial-ok %s/a.tfevents"), CLI_OK);
}

static void test_record_that_is_no_event(void **state)
{
    struct fixture *f = *state;

    ef_builder_record(&f->b, "no event at all", 15);
    ef_builder_damage_payload(&f->b, 9);
    save(f, "a.tfevents");
    assert_int_equal(verify(f, "verify %s/a.tfevents"), CLI_NO);
    assert_printed(f, "%/a.tfevents: at 376, 73 bytes: payload\n"
                      "%/a.tfevents: damaged, 9 records, 73 bytes lost\n");
}

static void test_directory_by_tensorboards_rule(void **state)
{
    struct fixture *f = *state;
    char sub[64];

    snprintf(sub, sizeof sub, "%s/sub", f->dir);
    assert_int_equal(mkdir(sub, 0777), 0);
    save(f, "sub/events.out.tfevents.1");
    save(f, "events.out.tfevents.2");
    save(f, "notes.txt");
    save(f, ".events.out.tfevents.3.Ab3dE");
    save(f, "events.out.tfevents.4.part");
    assert_int_equal(verify(f, "verify %s"), CLI_OK);
    assert_printed(f, "%/events.out.tfevents.2: sound, 10 records\n"
                      "%/sub/events.out.tfevents.1: sound, 10 records\n"
                      "2 files: 2 sound, 0 damaged; 20 records\n");
    assert_string_equal(command.err, "tailboard verify: 2 files with a temporary name left out\n");
}

static void test_what_cannot_be_read(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verify(f, "verify %s/none"), CLI_FAILED);
    assert_non_null(strstr(command.err, "none: No such file or directory"));
    assert_int_equal(verify(f, "verify /dev/null"), CLI_FAILED);
    f->b.size = 0;
    ef_builder_raw(&f->b, "step,loss\n1,0.5\n", 16);
    save(f, "a.csv");
    assert_int_equal(verify(f, "verify %s/a.csv"), CLI_FAILED);
    assert_non_null(strstr(command.err, "this is no event file"));
    assert_int_equal(verify(f, "verify --json %s/a.csv"), CLI_FAILED);
    assert_non_null(strstr(command.out, "\"error\":\"this is no event file"));
    assert_int_equal(verify(f, "verify"), CLI_USAGE);
}

static void test_recovered_file_is_sound(void **state)
{
    struct fixture *f = *state;

    damage(f);
    save(f, "a.tfevents");
    assert_int_equal(recover(f, "recover %s/a.tfevents -o %s/b.tfevents"), CLI_NO);
    assert_printed(f, "lost at 124, 42 bytes: payload\n"
                      "mended at 208, 12 bytes: repaired-header\n"
                      "lost at 376, 41 bytes: partial-tail\n"
                      "%/b.tfevents: 8 records; 2 gaps, 83 bytes lost; 1 header mended\n");
    assert_int_equal(verify(f, "verify %s"), CLI_NO);
    assert_non_null(strstr(command.out, "b.tfevents: sound, 8 records\n"));
    assert_string_equal(command.err, ""); /* no temporary file is left */
}

static void test_recover_destroys_nothing(void **state)
{
    struct fixture *f = *state;

    save(f, "a.tfevents");
    save(f, "b.tfevents");
    assert_int_equal(recover(f, "recover %s/a.tfevents -o %s/b.tfevents"), CLI_FAILED);
    assert_non_null(strstr(command.err, "is there already; --force replaces it"));
    assert_int_equal(recover(f, "recover --force %s/a.tfevents -o %s/b.tfevents"), CLI_OK);
    assert_printed(f, "%/b.tfevents: 10 records; 0 gaps, 0 bytes lost\n");
    assert_int_equal(recover(f, "recover -f %s/a.tfevents -o %s/a.tfevents"), CLI_USAGE);
    assert_int_equal(recover(f, "recover %s/none -o %s/c.tfevents"), CLI_FAILED);
    assert_int_equal(recover(f, "recover %s/a.tfevents"), CLI_USAGE);
    assert_int_equal(recover(f, "recover %s/a.tfevents -o %s/no/such/dir"), CLI_FAILED);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_sound_file),
        test(test_every_gap_is_named),
        test(test_file_that_is_still_written),
        test(test_record_that_is_no_event),
        test(test_directory_by_tensorboards_rule),
        test(test_what_cannot_be_read),
        test(test_recovered_file_is_sound),
        test(test_recover_destroys_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
