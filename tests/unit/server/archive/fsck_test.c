/* fsck finds what is not as the catalog says; a rebuild gives the same archive again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <eventfile/salvage.h>

#include "archive/fsck.h"
#include "archive/retention.h"
#include "archive_world.h"
#include "base/log.h"

static void collect(void *ctx, enum fsck_finding finding, const char *path)
{
    char *list = ctx;

    snprintf(list + strlen(list), 1000 - strlen(list), "%s %s;", fsck_word(finding), path);
}

static void expect(struct archive_world *world, const char *expected)
{
    char found[1000] = "";
    const struct fsck_report report = {.ctx = found, .found = collect};
    struct fsck_totals totals;

    assert_int_equal(fsck_check(world->archive, &report, &totals), 0);
    assert_string_equal(found, expected);
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
    const struct fsck_report report = {.found = collect};

    archive_world_open(world);
    fill(world);
    expect_the_same(world);
    assert_int_equal(fsck_rebuild(world->dir, &report, &totals, &holder), -EBUSY);
    archive_world_close(world);
    archive_world_write(world, "catalog.db", "this is no database, it is torn", 31);
    struct archive *torn;
    assert_int_equal(archive_open(&world->options, &torn, &holder), -EUCLEAN);
    log_set_level(LOG_ERROR);
    assert_int_equal(fsck_rebuild(world->dir, &report, &totals, &holder), 0);
    assert_int_equal(totals.files, 3);
    archive_world_open(world);
    expect_the_same(world);
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
        cmocka_unit_test(the_oldest_runs_go_first_and_pinned_ones_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
