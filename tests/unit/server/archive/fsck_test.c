/* fsck finds what is not as the catalog says; a rebuild gives the same archive again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/salvage.h>

#include "archive/fsck.h"
#include "archive/retention.h"
#include "archive_world.h"
#include "base/log.h"

static void collect(void *ctx, enum fsck_finding finding, const char *path, enum fsck_cure cure)
{
    char *list = ctx;

    snprintf(list + strlen(list), 1000 - strlen(list), "%s %s%s%s;", fsck_word(finding), path,
             cure == FSCK_LEFT ? "" : ": ", cure == FSCK_LEFT ? "" : fsck_cure_word(cure));
}

static void expect_of(struct archive_world *world, bool repair, const char *expected)
{
    char found[1000] = "";
    const struct fsck_report report = {.ctx = found, .found = collect, .repair = repair};
    struct fsck_totals totals;

    assert_int_equal(fsck_check(world->archive, &report, &totals), 0);
    assert_string_equal(found, expected);
}

static void expect(struct archive_world *world, const char *expected)
{
    expect_of(world, false, expected);
}

static struct archive_run *fill(struct archive_world *world)
{
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *first = archive_world_file(run, "logs/a.tfevents", "");
    const struct damage damage = {.offset = 2, .length = 1, .reason = EF_REASON_ZEROS};
    const struct archive_event event = {.id = "e", .kind = "started", .source = "agent",
                                        .rank = -1, .data = "{\"x\":[1,2]}"};
    const struct archive_notes notes = {.notes = "good", .tags = "{\"k\":\"v\"}", .pinned = 1};

    assert_int_equal(archive_append(first, 0, "older", 5, -1), 0);
    struct archive_file *second = archive_world_file(run, "logs/a.tfevents", "");
    assert_int_equal(archive_append(second, 0, "newer one", 9, -1), 0);
    assert_int_equal(archive_damage(second, &damage), 0);
    struct archive_file *odd = archive_world_file(run, "logs/odd \xff %name", "");
    assert_int_equal(archive_append(odd, 0, "x", 1, -1), 0);
    assert_int_equal(archive_complete(odd, NULL, NULL, NULL), 0);
    assert_int_equal(archive_add_event(run, &event, NULL, NULL), 0);
    assert_int_equal(archive_set_notes(run, &notes, NULL, NULL), 0);
    archive_world_sync(run);
    return run;
}

static void what_is_not_as_it_was_is_found(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    fill(world);
    expect(world, "");
    archive_world_write(world, "runs/r1/files/logs/a.tfevents", "NEWER one", 9);
    archive_world_write(world, "runs/r1/generations/1/logs/a.tfevents", "old", 3);
    archive_world_write(world, "runs/r1/files/stranger", "?", 1);
    char gone[256];
    snprintf(gone, sizeof gone, "%s/runs/r1/files/logs/odd \xff %%name", world->dir);
    assert_int_equal(unlink(gone), 0);
    expect(world, "too short runs/r1/generations/1/logs/a.tfevents;"
                  "differs runs/r1/files/logs/a.tfevents;"
                  "missing runs/r1/files/logs/odd \xff %name;"
                  "not in the catalog runs/r1/files/stranger;");
    archive_world_free(world);
}

static void expect_the_same(struct archive_world *world)
{
    struct archive_run *run = archive_find_run(world->archive, "r1");
    struct archive_event *events;
    struct archive_run_row *rows;
    struct damage *damage;
    size_t n;

    assert_non_null(run);
    assert_int_equal(archive_events(run, &events, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(events[0].data, "{\"x\":[1,2]}");
    free(events);
    struct archive_file *newest = archive_find_file(run, "logs/a.tfevents", 0);
    assert_int_equal(archive_file_facts(newest).generation, 2);
    assert_int_equal(archive_durable(newest), 9);
    assert_int_equal(archive_damages(newest, &damage, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(damage[0].reason, EF_REASON_ZEROS);
    free(damage);
    struct archive_file *odd = archive_find_file(run, "logs/odd \xff %name", 0);
    assert_non_null(odd);
    assert_true(archive_file_facts(odd).complete && archive_file_facts(odd).has_sha256);
    assert_int_equal(archive_runs(world->archive, &rows, &n), 0);
    assert_string_equal(rows[0].notes, "good");
    assert_string_equal(rows[0].tags, "{\"k\":\"v\"}");
    assert_true(rows[0].pinned && rows[0].bytes == 15);
    assert_string_equal(rows[0].source, "/somewhere");
    free(rows);
    expect(world, "");
}

static void a_lost_catalog_is_made_anew(void **state)
{
    struct archive_world *world = archive_world_new();
    struct archive_holder holder;
    struct fsck_totals totals;

    archive_world_open(world);
    fill(world);
    expect_the_same(world);
    assert_int_equal(fsck_rebuild(world->dir, &totals, &holder), -EBUSY);
    archive_world_close(world);
    archive_world_write(world, "catalog.db", "this is no database, it is torn", 31);
    struct archive *torn;
    assert_int_equal(archive_open(&world->options, &torn, &holder), -EUCLEAN);
    log_set_level(LOG_ERROR);
    assert_int_equal(fsck_rebuild(world->dir, &totals, &holder), 0);
    assert_int_equal(totals.files, 3);
    archive_world_open(world);
    expect_the_same(world);
    archive_world_free(world);
}

static void what_is_found_is_repaired_while_the_archive_is_at_work(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    struct archive_run *run = fill(world);
    struct archive_file *odd = archive_find_file(run, "logs/odd \xff %name", 0);
    archive_world_write(world, "runs/r1/files/logs/a.tfevents", "NEWER one", 9);
    archive_world_write(world, "runs/r1/generations/1/logs/a.tfevents", "old", 3);
    archive_world_write(world, "runs/r1/files/stranger", "?", 1);
    char gone[256];
    snprintf(gone, sizeof gone, "%s/runs/r1/files/logs/odd \xff %%name", world->dir);
    assert_int_equal(unlink(gone), 0);
    expect_of(world, true,
              "too short runs/r1/generations/1/logs/a.tfevents: cut to what is there;"
              "differs runs/r1/files/logs/a.tfevents: taken as it is;"
              "missing runs/r1/files/logs/odd \xff %name: begun anew;"
              "not in the catalog runs/r1/files/stranger: entered;");
    expect(world, "");
    /* Whoever has it sends it again. */
    assert_int_equal(archive_received(odd), 0);
    assert_false(archive_file_facts(odd).complete);
    assert_int_equal(archive_append(odd, 0, "x", 1, -1), 0);
    struct archive_file *newest = archive_find_file(run, "logs/a.tfevents", 0);
    assert_int_equal(archive_append(newest, 9, "!", 1, -1), 0);
    archive_world_sync(run);
    archive_world_close(world);
    archive_world_open(world);
    expect(world, "");
    run = archive_find_run(world->archive, "r1");
    assert_int_equal(archive_durable(archive_find_file(run, "logs/a.tfevents", 0)), 10);
    assert_int_equal(archive_durable(archive_find_file(run, "logs/a.tfevents", 1)), 3);
    assert_int_equal(archive_durable(archive_find_file(run, "stranger", 0)), 1);
    archive_world_free(world);
}

/* A found run's file at its source, with more than was acknowledged. */
static void make_source(struct archive_world *world, const char *dir, const char *content)
{
    char path[300];

    snprintf(path, sizeof path, "%s/a.tfevents", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0 && fclose(file) == 0);
}

static void lost_bytes_come_from_the_source(void **state)
{
    static const char *const damaged[] = {"new", "NEWER one", NULL};
    struct archive_world *world = archive_world_new();
    struct archive_run *run;
    char dir[200], gone[300];
    size_t size;

    archive_world_open(world);
    snprintf(dir, sizeof dir, "%s/source", world->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    const struct archive_run_info info = {.id = "r2", .name = "r2", .experiment = "x",
                                          .source = dir, .kind = ARCHIVE_RUN_FOUND};
    assert_int_equal(archive_run(world->archive, &info, &run), 0);
    struct archive_file *file = archive_world_file(run, "logs/a.tfevents", "");
    assert_int_equal(archive_append(file, 0, "newer one", 9, -1), 0);
    archive_world_sync(run);
    make_source(world, dir, "newer one, and more");
    snprintf(gone, sizeof gone, "%s/runs/r2/files/logs/a.tfevents", world->dir);
    for (size_t i = 0; i < 3; i++) {
        if (damaged[i])
            archive_world_write(world, "runs/r2/files/logs/a.tfevents", damaged[i],
                                strlen(damaged[i]));
        else
            assert_int_equal(unlink(gone), 0);
        char expected[100];
        snprintf(expected, sizeof expected, "%s runs/r2/files/logs/a.tfevents: restored;",
                 i == 0 ? "too short" : i == 1 ? "differs" : "missing");
        expect_of(world, true, expected);
        expect(world, "");
        uint8_t *bytes = archive_world_read(world, "runs/r2/files/logs/a.tfevents", &size);
        assert_int_equal(size, 9);
        assert_memory_equal(bytes, "newer one", 9);
        free(bytes);
        assert_int_equal(archive_durable(file), 9);
    }
    archive_world_free(world);
}

static void a_missing_output_comes_from_its_object(void **state)
{
    struct archive_world *world = archive_world_new();
    char gone[256];

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, "outputs/model", "agent");
    assert_int_equal(archive_append(file, 0, "weights", 7, -1), 0);
    assert_int_equal(archive_complete(file, NULL, NULL, NULL), 0);
    archive_world_sync(run);
    snprintf(gone, sizeof gone, "%s/runs/r1/files/outputs/model", world->dir);
    assert_int_equal(unlink(gone), 0);
    expect_of(world, true, "missing runs/r1/files/outputs/model: restored;");
    expect(world, "");
    assert_true(archive_file_facts(file).complete);
    archive_world_free(world);
}

static void a_catalog_is_made_anew_while_the_archive_is_at_work(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    struct archive_run *run = fill(world);
    assert_int_equal(fsck_renew(world->archive), 0);
    assert_true(archive_world_exists(world, "catalog.db.old"));
    assert_false(archive_world_exists(world, "catalog.db.new"));
    expect_the_same(world);
    struct archive_file *later = archive_world_file(run, "logs/later.tfevents", "");
    assert_int_equal(archive_append(later, 0, "abc", 3, -1), 0);
    archive_world_sync(run);
    struct archive_world *crashed = archive_world_crash(world);
    archive_world_open(crashed);
    run = archive_find_run(crashed->archive, "r1");
    assert_int_equal(archive_durable(archive_find_file(run, "logs/later.tfevents", 0)), 3);
    expect(crashed, "");
    archive_world_free(crashed);
    assert_int_equal(fsck_renew(world->archive), 0);
    expect(world, "");
    archive_world_free(world);
}

static void the_oldest_runs_go_first_and_pinned_ones_never(void **state)
{
    const struct archive_run_row rows[] = {
        {.id = "a", .changed_s = 1000, .bytes = 10},
        {.id = "b", .changed_s = 2000, .bytes = 10, .pinned = true},
        {.id = "c", .changed_s = 3000, .bytes = 10},
        {.id = "d", .changed_s = 4000, .bytes = 10, .deleted = true},
        {.id = "e", .changed_s = 9900, .bytes = 10},
    };
    enum retention_why why[5];
    struct retention policy = {.max_runs = 1};

    assert_int_equal(retention_choose(&policy, rows, 5, 10000, why), 2);
    assert_true(why[0] == RETENTION_COUNT && why[2] == RETENTION_COUNT);
    assert_true(why[1] == RETENTION_STAYS && why[4] == RETENTION_STAYS);
    policy = (struct retention){.max_age_s = 7500};
    assert_int_equal(retention_choose(&policy, rows, 5, 10000, why), 1);
    assert_int_equal(why[0], RETENTION_AGE);
    policy = (struct retention){.max_bytes = 30};
    assert_int_equal(retention_choose(&policy, rows, 5, 10000, why), 1);
    assert_int_equal(why[0], RETENTION_SIZE);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_as_it_was_is_found),
        cmocka_unit_test(a_lost_catalog_is_made_anew),
        cmocka_unit_test(what_is_found_is_repaired_while_the_archive_is_at_work),
        cmocka_unit_test(lost_bytes_come_from_the_source),
        cmocka_unit_test(a_missing_output_comes_from_its_object),
        cmocka_unit_test(a_catalog_is_made_anew_while_the_archive_is_at_work),
        cmocka_unit_test(the_oldest_runs_go_first_and_pinned_ones_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
