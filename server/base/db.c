#include "base/db.h"

#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#include <sqlite3.h>

#include "base/check.h"

struct db {
    sqlite3 *handle;
};

struct db_statement {
    sqlite3_stmt *handle;
    int error; /* of a parameter */
};

bool db_is_remote(const char *path)
{
    static const uint32_t remote[] = {
        0x6969,     /* NFS */
        0x0BD00BD0, /* Lustre */
        0x65735546, /* FUSE */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x01021997, /* 9p */
        0x00C36400, /* Ceph */
        0x5346414F, /* AFS */
        0x7461636F, /* OCFS2 */
        0x01161970, /* GFS2 */
        0x47504653, /* GPFS */
        0x19830326, /* BeeGFS */
    };
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(remote); i++)
        if ((uint32_t)fs.f_type == remote[i])
            return true;
    return false;
}

static int error_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_TOOBIG:
        return -EMSGSIZE;
    default:
        return -EIO;
    }
}

/* The system's word where there is one: SQLite says "cannot open" to a missing permission. */
static int error_now(const struct db *db, int code)
{
    int system = (code & 0xFF) == SQLITE_CANTOPEN || (code & 0xFF) == SQLITE_IOERR
                     ? sqlite3_system_errno(db->handle)
                     : 0;

    if (system == EDQUOT || system == ENOSPC)
        return -ENOSPC;
    if (system == EROFS || system == EACCES || system == ENOENT || system == ENOTDIR)
        return -system;
    return error_of(code);
}

static int set_up(struct db *db, bool alone)
{
    int r = alone ? db_run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE")
                  : db_run(db, "PRAGMA journal_mode=WAL");

    if (r == 0)
        r = db_run(db, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON;"
                       "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY");
    return r;
}

int db_open(const char *path, bool alone, struct db **ret)
{
    struct db *db = calloc(1, sizeof *db);

    if (!db)
        return -ENOMEM;
    int code = sqlite3_open_v2(path, &db->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_PRIVATECACHE,
                               NULL);
    int r = code == SQLITE_OK ? 0 : db->handle ? error_now(db, code) : -ENOMEM;
    if (r == 0) {
        sqlite3_extended_result_codes(db->handle, 1);
        r = set_up(db, alone);
    }
    if (r < 0) {
        db_close(db);
        return r;
    }
    *ret = db;
    return 0;
}

struct db *db_close(struct db *db)
{
    if (!db)
        return NULL;
    CHECK(sqlite3_close(db->handle) == SQLITE_OK); /* else a statement was forgotten */
    free(db);
    return NULL;
}

const char *db_message(const struct db *db)
{
    return sqlite3_errmsg(db->handle);
}

int db_run(struct db *db, const char *sql)
{
    return error_now(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

int db_begin(struct db *db)
{
    return db_run(db, "BEGIN IMMEDIATE");
}

int db_commit(struct db *db)
{
    return db_run(db, "COMMIT");
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_version(struct db *db, int *ret)
{
    struct db_statement *statement = NULL;

    int r = db_prepare(db, "PRAGMA user_version", &statement);
    if (r < 0)
        return r;
    CHECK(statement);
    r = db_step(statement);
    if (r > 0)
        *ret = (int)db_i64(statement, 0);
    db_finish(statement);
    return r > 0 ? 0 : r < 0 ? r : -EUCLEAN;
}

int db_set_version(struct db *db, int version)
{
    char sql[64];

    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version);
    return db_run(db, sql);
}

int db_prepare(struct db *db, const char *sql, struct db_statement **ret)
{
    struct db_statement *statement = calloc(1, sizeof *statement);

    if (!statement)
        return -ENOMEM;
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement->handle, NULL);
    if (code != SQLITE_OK) {
        free(statement);
        return error_now(db, code);
    }
    *ret = statement;
    return 0;
}

struct db_statement *db_finish(struct db_statement *statement)
{
    if (!statement)
        return NULL;
    (void)sqlite3_finalize(statement->handle); /* says again what the last step said */
    free(statement);
    return NULL;
}

static void note(struct db_statement *statement, int code)
{
    if (code != SQLITE_OK && statement->error == 0)
        statement->error = error_of(code);
}

void db_put_i64(struct db_statement *statement, int at, int64_t value)
{
    note(statement, sqlite3_bind_int64(statement->handle, at, value));
}

void db_put_double(struct db_statement *statement, int at, double value)
{
    note(statement, sqlite3_bind_double(statement->handle, at, value));
}

void db_put_text(struct db_statement *statement, int at, const char *text)
{
    note(statement, sqlite3_bind_text(statement->handle, at, text, -1, SQLITE_STATIC));
}

void db_put_bytes(struct db_statement *statement, int at, const void *data, size_t size)
{
    note(statement, sqlite3_bind_blob64(statement->handle, at, data, size, SQLITE_STATIC));
}

int db_step(struct db_statement *statement)
{
    const struct db db = {sqlite3_db_handle(statement->handle)};

    if (statement->error < 0)
        return statement->error;
    int code = sqlite3_step(statement->handle);
    return code == SQLITE_ROW ? 1 : error_now(&db, code);
}

void db_reset(struct db_statement *statement)
{
    (void)sqlite3_reset(statement->handle); /* says again what the last step said */
    (void)sqlite3_clear_bindings(statement->handle);
    statement->error = 0;
}

int db_do(struct db_statement *statement)
{
    int r = db_step(statement);

    db_reset(statement);
    return r > 0 ? 0 : r;
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t db_i64(struct db_statement *statement, int at)
{
    return sqlite3_column_int64(statement->handle, at);
}

double db_double(struct db_statement *statement, int at)
{
    return sqlite3_column_double(statement->handle, at);
}

const char *db_text(struct db_statement *statement, int at)
{
    const unsigned char *text = sqlite3_column_text(statement->handle, at);

    return text ? (const char *)text : "";
}

const void *db_bytes(struct db_statement *statement, int at, size_t *ret_size)
{
    const void *data = sqlite3_column_blob(statement->handle, at);

    *ret_size = data ? (size_t)sqlite3_column_bytes(statement->handle, at) : 0;
    return data;
}
