/* db.h: SQLite behind a few calls: the only place that includes sqlite3.
 *
 * A connection keeps what it commits (synchronous=FULL): when db_commit() returned 0, the
 * transaction survives a power cut. Journal: WAL, or on network file systems, where the shared
 * memory of a WAL cannot be trusted, the rollback journal with an exclusive lock.
 * What the database said to a failed call is in db_message() until the next call.
 *
 * Thread: one at a time; the caller's lock orders them. Statements belong to their connection. */
#ifndef TB_BASE_DB_H
#define TB_BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct db;
struct db_statement;

/* Is this file system (of a path that exists) one where shared memory and locks of other hosts
 * cannot be trusted: NFS, Lustre, FUSE, CIFS, 9p, Ceph…? */
bool db_is_remote(const char *path);

/* Opens or makes the database. `alone`: an exclusive lock and no WAL. 0; -EBUSY (somebody else has
 * it), -EUCLEAN (torn or no database), or as the system said. */
_must_check_ int db_open(const char *path, bool alone, struct db **ret);
/* Closes; statements must be released. Accepts NULL; returns NULL. */
struct db *db_close(struct db *db);
const char *db_message(const struct db *db);

/* Runs statements that give no rows. As db_step(), without rows. */
_must_check_ int db_run(struct db *db, const char *sql);
_must_check_ int db_begin(struct db *db);
_must_check_ int db_commit(struct db *db);
void db_rollback(struct db *db); /* also when no transaction is open */

/* The schema's number (0 in a new database); setting it is part of the transaction under way. */
_must_check_ int db_version(struct db *db, int *ret);
_must_check_ int db_set_version(struct db *db, int version);

_must_check_ int db_prepare(struct db *db, const char *sql, struct db_statement **ret);
/* Accepts NULL; returns NULL. */
struct db_statement *db_finish(struct db_statement *statement);

/* Parameters count from 1. Text and bytes are borrowed until db_reset(). NULL text is NULL. */
void db_put_i64(struct db_statement *statement, int at, int64_t value);
void db_put_double(struct db_statement *statement, int at, double value);
void db_put_text(struct db_statement *statement, int at, const char *text);
void db_put_bytes(struct db_statement *statement, int at, const void *data, size_t size);

/* 1: a row; 0: no (more) rows; -EEXIST: a constraint; -ENOSPC, -EIO, -EROFS, -EBUSY, -ENOMEM,
 * -EUCLEAN. */
_must_check_ int db_step(struct db_statement *statement);
/* Ready for other parameters. */
void db_reset(struct db_statement *statement);
/* db_step() for statements without rows, then db_reset(). */
_must_check_ int db_do(struct db_statement *statement);
/* Rows that the last statement changed. */
int64_t db_changes(const struct db *db);

/* Columns count from 0; what they point at lives until the next step or reset. */
int64_t db_i64(struct db_statement *statement, int at);
double db_double(struct db_statement *statement, int at);
const char *db_text(struct db_statement *statement, int at); /* NULL becomes "" */
const void *db_bytes(struct db_statement *statement, int at, size_t *ret_size);

#endif
