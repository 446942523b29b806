/* A small door to SQLite: what is committed stays, what is rolled back never was, errors are
 * errnos. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/db.h"

struct place {
    char dir[64], path[96];
};

static void place_make(struct place *place)
{
    snprintf(place->dir, sizeof place->dir, "/tmp/db-test-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof place->path, "%s/x.db", place->dir);
}

static void place_remove(struct place *place)
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    char path[128];

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        snprintf(path, sizeof path, "%s%s", place->path, parts[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(place->dir), 0);
}

static int64_t count(struct db *db)
{
    struct db_statement *s;

    assert_int_equal(db_prepare(db, "SELECT COUNT(*) FROM t", &s), 0);
    assert_int_equal(db_step(s), 1);
    int64_t n = db_i64(s, 0);
    db_finish(s);
    return n;
}

static void what_is_committed_stays_and_nothing_else(void **state)
{
    for (int alone = 0; alone < 2; alone++) {
        struct place place;
        struct db *db;
        int version;

        place_make(&place);
        assert_int_equal(db_open(place.path, alone, &db), 0);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_run(db, "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)"), 0);
        assert_int_equal(db_set_version(db, 7), 0);
        assert_int_equal(db_run(db, "INSERT INTO t VALUES (1, 'x')"), 0);
        assert_int_equal(db_commit(db), 0);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_run(db, "INSERT INTO t VALUES (2, 'y')"), 0);
        db_rollback(db);
        db_rollback(db); /* when there is none, too */
        db_close(db);
        assert_int_equal(db_open(place.path, alone, &db), 0);
        assert_int_equal(count(db), 1);
        assert_int_equal(db_version(db, &version), 0);
        assert_int_equal(version, 7);
        db_close(db);
        place_remove(&place);
    }
}

static void parameters_come_back_as_they_went_in(void **state)
{
    struct place place;
    struct db *db;
    struct db_statement *s;
    size_t size;

    place_make(&place);
    assert_int_equal(db_open(place.path, false, &db), 0);
    assert_int_equal(db_run(db, "CREATE TABLE t (a BIGINT, b TEXT, c BLOB, d REAL, e TEXT)"), 0);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)", &s), 0);
    db_put_i64(s, 1, INT64_MIN);
    db_put_text(s, 2, "it's");
    db_put_bytes(s, 3, "a\0b", 3);
    db_put_double(s, 4, 0.1);
    db_put_text(s, 5, NULL);
    assert_int_equal(db_do(s), 0);
    assert_int_equal(db_changes(db), 1);
    db_finish(s);
    assert_int_equal(db_prepare(db, "SELECT a, b, c, d, e FROM t", &s), 0);
    assert_int_equal(db_step(s), 1);
    assert_true(db_i64(s, 0) == INT64_MIN && db_double(s, 3) == 0.1);
    assert_string_equal(db_text(s, 1), "it's");
    assert_memory_equal(db_bytes(s, 2, &size), "a\0b", 3);
    assert_int_equal(size, 3);
    assert_string_equal(db_text(s, 4), "");
    assert_int_equal(db_step(s), 0);
    db_finish(s);
    db_close(db);
    place_remove(&place);
}

static void errors_are_told_apart(void **state)
{
    struct place place;
    struct db *db, *second;
    FILE *torn;

    place_make(&place);
    assert_int_equal(db_open("/nowhere/at/all.db", false, &db), -ENOENT);
    assert_int_equal(db_open(place.path, false, &db), 0);
    assert_int_equal(db_run(db, "CREATE TABLE t (a BIGINT PRIMARY KEY)"), 0);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES (1)"), 0);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES (1)"), -EEXIST);
    assert_non_null(strstr(db_message(db), "UNIQUE"));
    assert_int_equal(db_open(place.path, false, &second), 0);
    assert_int_equal(db_begin(db), 0);
    assert_int_equal(db_begin(second), -EBUSY);
    db_rollback(db);
    db_close(second);
    db_close(db);
    torn = fopen(place.path, "we");
    assert_non_null(torn);
    fputs("this is no database at all, it only has the name of one", torn);
    fclose(torn);
    assert_int_equal(db_open(place.path, false, &db), -EUCLEAN);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_stays_and_nothing_else),
        cmocka_unit_test(parameters_come_back_as_they_went_in),
        cmocka_unit_test(errors_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
