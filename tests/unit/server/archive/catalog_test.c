/* A catalog that an older version left is brought up to date and keeps every row. The old tables
 * are written here as they were, and are never changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/catalog.h"
#include "base/db.h"

static const char version_1[] =
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE lease (one INTEGER PRIMARY KEY, host TEXT NOT NULL, boot TEXT NOT NULL,"
    "  pid BIGINT NOT NULL, fencing BIGINT NOT NULL, refreshed_s DOUBLE PRECISION NOT NULL);"
    "CREATE TABLE experiments (name TEXT PRIMARY KEY, created_s DOUBLE PRECISION NOT NULL);"
    "CREATE TABLE runs (id TEXT PRIMARY KEY, name TEXT NOT NULL,"
    "  experiment TEXT NOT NULL REFERENCES experiments (name), source TEXT NOT NULL,"
    "  kind INTEGER NOT NULL, notes TEXT NOT NULL, tags TEXT NOT NULL, pinned INTEGER NOT NULL,"
    "  created_s DOUBLE PRECISION NOT NULL, changed_s DOUBLE PRECISION NOT NULL,"
    "  deleted_s DOUBLE PRECISION NOT NULL);"
    "CREATE TABLE generations (run TEXT NOT NULL REFERENCES runs (id), path TEXT NOT NULL,"
    "  number BIGINT NOT NULL, source TEXT NOT NULL, state INTEGER NOT NULL,"
    "  event_file INTEGER NOT NULL, complete INTEGER NOT NULL, durable BIGINT NOT NULL,"
    "  check_offset BIGINT NOT NULL, head_crc BIGINT NOT NULL, tail_crc BIGINT NOT NULL,"
    "  sha256 TEXT NOT NULL, changed_s DOUBLE PRECISION NOT NULL,"
    "  PRIMARY KEY (run, path, number));"
    "CREATE TABLE damage (run TEXT NOT NULL, path TEXT NOT NULL, number BIGINT NOT NULL,"
    "  at BIGINT NOT NULL, length BIGINT NOT NULL, reason INTEGER NOT NULL,"
    "  limited INTEGER NOT NULL, found_s DOUBLE PRECISION NOT NULL,"
    "  PRIMARY KEY (run, path, number, at),"
    "  FOREIGN KEY (run, path, number) REFERENCES generations (run, path, number));"
    "CREATE TABLE events (run TEXT NOT NULL REFERENCES runs (id), id TEXT NOT NULL,"
    "  place BIGINT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, attempt BIGINT NOT NULL,"
    "  node_rank BIGINT NOT NULL, time_s DOUBLE PRECISION NOT NULL, data TEXT NOT NULL,"
    "  PRIMARY KEY (run, id));"
    "CREATE VIEW attempts AS SELECT run, attempt, MIN(time_s) AS first_s, MAX(time_s) AS last_s"
    "  FROM events WHERE attempt > 0 GROUP BY run, attempt;"
    "CREATE TABLE tombstones (run TEXT NOT NULL REFERENCES runs (id), path TEXT NOT NULL,"
    "  check_offset BIGINT NOT NULL, head_crc BIGINT NOT NULL, tail_crc BIGINT NOT NULL,"
    "  PRIMARY KEY (run, path, check_offset))";

static const char rows_1[] =
    "INSERT INTO marks VALUES ('id', 'a1');"
    "INSERT INTO experiments VALUES ('e', 1.5);"
    "INSERT INTO runs VALUES ('r1', 'run one', 'e', '/logs/r1', 1, 'a note', '[\"t\"]', 1,"
    "  2.5, 3.5, 0);"
    "INSERT INTO runs VALUES ('r2', 'deleted', 'e', '/logs/r2', 1, '', '[]', 0, 2.5, 3.5, 4.5);"
    "INSERT INTO generations VALUES ('r1', 'logs/events', 1, '/logs/r1/events', 3, 1, 1, 500,"
    "  500, 11, 12, '', 5.5);"
    "INSERT INTO generations VALUES ('r1', 'logs/events', 2, '/logs/r1/events', 1, 1, 0,"
    "  9007199254740993, 800, 4294967295, 14, '', 6.5);"
    "INSERT INTO damage VALUES ('r1', 'logs/events', 2, 100, 50, 2, 0, 7.5);"
    "INSERT INTO events VALUES ('r1', 'ev1', 1, 'started', 'agent', 1, 0, 8.5, '{}');"
    "INSERT INTO tombstones VALUES ('r2', 'logs/events', 10, 21, 22)";

static char folder[64], path[96];

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/catalog_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/catalog", folder);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[128];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static void make_old(const char *tables, const char *rows, int version)
{
    struct db *db;

    assert_int_equal(db_open(path, true, &db), 0);
    assert_int_equal(db_run(db, tables), 0);
    assert_int_equal(db_run(db, rows), 0);
    assert_int_equal(db_set_version(db, version), 0);
    db_close(db);
}

static int see_run(void *ctx, const struct catalog_run *row)
{
    bool first = strcmp(row->id, "r1") == 0;

    assert_string_equal(row->name, first ? "run one" : "deleted");
    assert_string_equal(row->experiment, "e");
    assert_string_equal(row->source, first ? "/logs/r1" : "/logs/r2");
    assert_string_equal(row->notes, first ? "a note" : "");
    assert_int_equal(row->pinned, first);
    assert_true(row->created_s == 2.5 && row->changed_s == 3.5);
    assert_true(row->deleted_s == (first ? 0 : 4.5));
    ++*(int *)ctx;
    return 0;
}

static int see_generation(void *ctx, const struct catalog_generation *row)
{
    bool first = row->number == 1;

    assert_string_equal(row->path, "logs/events");
    assert_int_equal(row->state, first ? GENERATION_OLD : GENERATION_CURRENT);
    assert_int_equal(row->complete, first);
    assert_true(row->durable == (first ? 500 : UINT64_C(9007199254740993)));
    assert_int_equal(row->check.head_crc, first ? 11 : UINT32_MAX);
    assert_null(row->sha256);
    ++*(int *)ctx;
    return 0;
}

static int see_damage(void *ctx, const char *run, const char *of, uint32_t number,
                      const struct damage *damage)
{
    assert_int_equal(number, 2);
    assert_int_equal(damage->offset, 100);
    assert_int_equal(damage->length, 50);
    ++*(int *)ctx;
    return 0;
}

static int see_event(void *ctx, const char *run, const struct archive_event *event)
{
    assert_string_equal(run, "r1");
    assert_string_equal(event->id, "ev1");
    assert_string_equal(event->kind, "started");
    ++*(int *)ctx;
    return 0;
}

static int see_tombstone(void *ctx, const struct catalog_tombstone *row)
{
    assert_string_equal(row->run, "r2");
    assert_int_equal(row->check.tail_crc, 22);
    ++*(int *)ctx;
    return 0;
}

static void see_all(struct catalog *catalog)
{
    int runs = 0, generations = 0, damage = 0, events = 0, tombstones = 0;
    char mark[16];

    assert_int_equal(catalog_each_run(catalog, see_run, &runs), 0);
    assert_int_equal(catalog_each_generation(catalog, see_generation, &generations), 0);
    assert_int_equal(catalog_each_damage(catalog, see_damage, &damage), 0);
    assert_int_equal(catalog_each_event(catalog, see_event, &events), 0);
    assert_int_equal(catalog_each_tombstone(catalog, see_tombstone, &tombstones), 0);
    assert_int_equal(catalog_mark(catalog, "id", mark, sizeof mark), 0);
    assert_string_equal(mark, "a1");
    assert_int_equal(runs, 2);
    assert_int_equal(generations, 2);
    assert_int_equal(damage, 1);
    assert_int_equal(events, 1);
    assert_int_equal(tombstones, 1);
}

static void a_catalog_of_version_1_keeps_every_row(void **state)
{
    struct catalog *catalog;
    int version = 0;

    make_old(version_1, rows_1, 1);
    for (int i = 0; i < 2; i++) { /* what was migrated is opened like any other */
        assert_int_equal(catalog_open(path, false, &catalog, &version), 0);
        see_all(catalog);
        assert_int_equal(db_version(catalog_db(catalog), &version), 0);
        assert_int_equal(version, CATALOG_VERSION);
        catalog_close(catalog);
    }
}

static void a_newer_one_is_refused_and_not_touched(void **state)
{
    struct catalog *catalog;
    struct db *db;
    int version = 0;

    make_old("CREATE TABLE of_tomorrow (x INTEGER)", "INSERT INTO of_tomorrow VALUES (42)",
             CATALOG_VERSION + 1);
    assert_int_equal(catalog_open(path, false, &catalog, &version), -EPROTO);
    assert_int_equal(version, CATALOG_VERSION + 1);
    assert_int_equal(db_open(path, true, &db), 0);
    assert_int_equal(db_version(db, &version), 0);
    assert_int_equal(version, CATALOG_VERSION + 1);
    assert_int_equal(db_run(db, "INSERT INTO of_tomorrow VALUES (43)"), 0);
    assert_true(db_run(db, "SELECT * FROM runs") < 0); /* no table of ours was made */
    db_close(db);
}

/* Steps are transactions: one that fails leaves the version, and what is there, as before. */
static void a_step_that_fails_changes_nothing(void **state)
{
    struct catalog *catalog;
    struct db *db;
    int version = 0;

    make_old("CREATE TABLE events (in_the_way INTEGER)", "INSERT INTO events VALUES (1)", 0);
    assert_true(catalog_open(path, false, &catalog, &version) < 0);
    assert_int_equal(db_open(path, true, &db), 0);
    assert_int_equal(db_version(db, &version), 0);
    assert_int_equal(version, 0);
    assert_true(db_run(db, "SELECT * FROM runs") < 0); /* made before the one that failed */
    assert_int_equal(db_run(db, "UPDATE events SET in_the_way = 2"), 0);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_catalog_of_version_1_keeps_every_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_one_is_refused_and_not_touched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_step_that_fails_changes_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
