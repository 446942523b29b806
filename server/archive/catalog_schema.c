/* catalog_schema.c: the tables of the catalog, and the steps from each version to the next.
 *
 * A step is never changed once it was released: a new one is added. docs/formats/archive.md tells
 * what the columns mean. */
#include <errno.h>

#include "archive/catalog.h"
#include "base/db.h"

static const char *const steps[CATALOG_VERSION] = {
    /* 1 */
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
    "  PRIMARY KEY (run, path, check_offset))",
};

static int take_step(struct db *db, int to)
{
    int r = db_begin(db);

    if (r == 0)
        r = db_run(db, steps[to - 1]);
    if (r == 0)
        r = db_set_version(db, to);
    if (r == 0)
        r = db_commit(db);
    if (r < 0)
        db_rollback(db);
    return r;
}

int catalog_migrate(struct db *db, int *ret_version)
{
    int version;

    int r = db_version(db, &version);
    if (r < 0)
        return r;
    if (version > CATALOG_VERSION) {
        *ret_version = version;
        return -EPROTO;
    }
    for (; version < CATALOG_VERSION && r == 0; version++)
        r = take_step(db, version + 1);
    return r;
}
