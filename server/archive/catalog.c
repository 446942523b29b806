#include "archive/catalog.h"

#include <errno.h>
#include <string.h>

#include "base/db.h"

enum statement {
    BEGIN_LEASE, PUT_EXPERIMENT, PUT_RUN, PUT_GENERATION, PUT_DAMAGE, PUT_EVENT, PUT_TOMBSTONE,
    MOVE_DAMAGE, DROP_GENERATION, DROP_TOMBSTONES, DROP_DAMAGE, DROP_GENERATIONS, DROP_EVENTS,
    PUT_MARK, STATEMENTS,
};

static const char *const sql[STATEMENTS] = {
    [BEGIN_LEASE] = "UPDATE lease SET refreshed_s = ?1 WHERE fencing = ?2",
    [PUT_EXPERIMENT] = "INSERT INTO experiments (name, created_s) VALUES (?1, ?2)"
                       " ON CONFLICT (name) DO NOTHING",
    [PUT_RUN] =
        "INSERT INTO runs (id, name, experiment, source, kind, notes, tags, pinned, created_s,"
        " changed_s, deleted_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, experiment = excluded.experiment,"
        " source = excluded.source, kind = excluded.kind, notes = excluded.notes,"
        " tags = excluded.tags, pinned = excluded.pinned, created_s = excluded.created_s,"
        " changed_s = excluded.changed_s, deleted_s = excluded.deleted_s",
    [PUT_GENERATION] =
        "INSERT INTO generations (run, path, number, source, state, event_file, complete, durable,"
        " check_offset, head_crc, tail_crc, sha256, changed_s)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        " ON CONFLICT (run, path, number) DO UPDATE SET source = excluded.source,"
        " state = excluded.state, event_file = excluded.event_file,"
        " complete = excluded.complete, durable = excluded.durable,"
        " check_offset = excluded.check_offset, head_crc = excluded.head_crc,"
        " tail_crc = excluded.tail_crc, sha256 = excluded.sha256, changed_s = excluded.changed_s",
    [PUT_DAMAGE] =
        "INSERT INTO damage (run, path, number, at, length, reason, limited, found_s)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (run, path, number, at)"
        " DO UPDATE SET length = excluded.length, reason = excluded.reason,"
        " limited = excluded.limited, found_s = excluded.found_s",
    [PUT_EVENT] = "INSERT INTO events (run, id, place, kind, source, attempt, node_rank, time_s,"
                  " data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                  " ON CONFLICT (run, id) DO NOTHING",
    [PUT_TOMBSTONE] = "INSERT INTO tombstones (run, path, check_offset, head_crc, tail_crc)"
                      " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (run, path, check_offset)"
                      " DO UPDATE SET head_crc = excluded.head_crc, tail_crc = excluded.tail_crc",
    [MOVE_DAMAGE] = "UPDATE damage SET path = ?1, number = ?2"
                    " WHERE run = ?3 AND path = ?4 AND number = ?5",
    [DROP_GENERATION] = "DELETE FROM generations WHERE run = ?1 AND path = ?2 AND number = ?3",
    [DROP_TOMBSTONES] = "DELETE FROM tombstones WHERE run = ?1",
    [DROP_DAMAGE] = "DELETE FROM damage WHERE run = ?1",
    [DROP_GENERATIONS] = "DELETE FROM generations WHERE run = ?1",
    [DROP_EVENTS] = "DELETE FROM events WHERE run = ?1",
    [PUT_MARK] = "INSERT INTO marks (name, value) VALUES (?1, ?2)"
                 " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};

struct catalog {
    struct db *db;
    struct db_statement *statements[STATEMENTS];
    int64_t fencing; /* 0: we hold no lease */
};

int catalog_open(const char *path, bool remote, struct catalog **ret, int *ret_version)
{
    struct catalog *catalog = calloc(1, sizeof *catalog);

    if (!catalog)
        return -ENOMEM;
    int r = db_open(path, remote, &catalog->db);
    if (r == 0)
        r = catalog_migrate(catalog->db, ret_version);
    for (size_t i = 0; i < STATEMENTS && r == 0; i++)
        r = db_prepare(catalog->db, sql[i], &catalog->statements[i]);
    if (r < 0) {
        catalog_close(catalog);
        return r;
    }
    *ret = catalog;
    return 0;
}

struct catalog *catalog_close(struct catalog *catalog)
{
    if (!catalog)
        return NULL;
    for (size_t i = 0; i < STATEMENTS; i++)
        db_finish(catalog->statements[i]);
    db_close(catalog->db);
    free(catalog);
    return NULL;
}

struct db *catalog_db(struct catalog *catalog)
{
    return catalog->db;
}

const char *catalog_message(const struct catalog *catalog)
{
    return db_message(catalog->db);
}

/* ---- lease ------------------------------------------------------------------------------ */

/* 1: somebody's row was read. */
static int read_lease(struct catalog *catalog, struct catalog_holder *ret, double *ret_refreshed_s)
{
    struct db_statement *s;

    int r = db_prepare(catalog->db, "SELECT host, boot, pid, fencing, refreshed_s FROM lease"
                                    " WHERE one = 1", &s);
    if (r < 0)
        return r;
    r = db_step(s);
    if (r > 0) {
        snprintf(ret->host, sizeof ret->host, "%s", db_text(s, 0));
        snprintf(ret->boot, sizeof ret->boot, "%s", db_text(s, 1));
        ret->pid = (long)db_i64(s, 2);
        ret->fencing = db_i64(s, 3);
        *ret_refreshed_s = db_double(s, 4);
    }
    db_finish(s);
    return r;
}

static int write_lease(struct catalog *catalog, const struct catalog_holder *self, int64_t fencing,
                       double now_s)
{
    struct db_statement *s;

    int r = db_prepare(catalog->db,
                       "INSERT INTO lease (one, host, boot, pid, fencing, refreshed_s)"
                       " VALUES (1, ?1, ?2, ?3, ?4, ?5) ON CONFLICT (one) DO UPDATE SET"
                       " host = excluded.host, boot = excluded.boot, pid = excluded.pid,"
                       " fencing = excluded.fencing, refreshed_s = excluded.refreshed_s", &s);
    if (r < 0)
        return r;
    db_put_text(s, 1, self->host);
    db_put_text(s, 2, self->boot);
    db_put_i64(s, 3, self->pid);
    db_put_i64(s, 4, fencing);
    db_put_double(s, 5, now_s);
    r = db_do(s);
    db_finish(s);
    return r;
}

int catalog_take_lease(struct catalog *catalog, const struct catalog_holder *self, double now_s,
                       struct archive_holder *ret_other)
{
    struct catalog_holder other = {.pid = 0};
    double refreshed_s = 0;

    int r = db_begin(catalog->db);
    if (r == 0)
        r = read_lease(catalog, &other, &refreshed_s);
    /* A clock that was set back must not lock us out for ever. */
    if (r > 0 && other.pid > 0 && strcmp(other.boot, self->boot) != 0 &&
        refreshed_s > now_s - CATALOG_LEASE_S && refreshed_s < now_s + CATALOG_LEASE_S) {
        snprintf(ret_other->host, sizeof ret_other->host, "%s", other.host);
        ret_other->pid = other.pid;
        r = -EBUSY;
    }
    int64_t fencing = other.fencing + 1;
    if (r >= 0)
        r = write_lease(catalog, self, fencing, now_s);
    if (r == 0)
        r = db_commit(catalog->db);
    if (r == 0)
        catalog->fencing = fencing;
    else
        db_rollback(catalog->db);
    return r;
}

/* The row stays for its number; nobody holds it. */
void catalog_drop_lease(struct catalog *catalog)
{
    static const struct catalog_holder nobody;

    if (catalog->fencing == 0 || catalog_begin(catalog, 0) < 0)
        return;
    catalog_end(catalog, write_lease(catalog, &nobody, catalog->fencing, 0));
    catalog->fencing = 0;
}

int catalog_begin(struct catalog *catalog, double now_s)
{
    if (!catalog)
        return -ESTALE;
    int r = db_begin(catalog->db);
    if (r < 0 || catalog->fencing == 0)
        return r;
    struct db_statement *s = catalog->statements[BEGIN_LEASE];
    db_put_double(s, 1, now_s);
    db_put_i64(s, 2, catalog->fencing);
    r = db_do(s);
    if (r == 0 && db_changes(catalog->db) != 1)
        r = -ESTALE;
    if (r < 0)
        db_rollback(catalog->db);
    return r;
}

int catalog_end(struct catalog *catalog, int r)
{
    if (!catalog)
        return r;
    if (r == 0)
        r = db_commit(catalog->db);
    if (r < 0)
        db_rollback(catalog->db);
    return r;
}

/* ---- rows ------------------------------------------------------------------------------- */

int catalog_put_run(struct catalog *catalog, const struct catalog_run *row)
{
    struct db_statement *s = catalog->statements[PUT_EXPERIMENT];

    db_put_text(s, 1, row->experiment);
    db_put_double(s, 2, row->created_s);
    int r = db_do(s);
    if (r < 0)
        return r;
    s = catalog->statements[PUT_RUN];
    db_put_text(s, 1, row->id);
    db_put_text(s, 2, row->name);
    db_put_text(s, 3, row->experiment);
    db_put_text(s, 4, row->source);
    db_put_i64(s, 5, row->kind);
    db_put_text(s, 6, row->notes);
    db_put_text(s, 7, row->tags);
    db_put_i64(s, 8, row->pinned);
    db_put_double(s, 9, row->created_s);
    db_put_double(s, 10, row->changed_s);
    db_put_double(s, 11, row->deleted_s);
    return db_do(s);
}

static void hex_of(const uint8_t *sha256, char ret[65])
{
    ret[0] = '\0';
    for (size_t i = 0; sha256 && i < 32; i++)
        snprintf(ret + 2 * i, 3, "%02x", sha256[i]);
}

int catalog_put_generation(struct catalog *catalog, const struct catalog_generation *row)
{
    struct db_statement *s = catalog->statements[PUT_GENERATION];
    char hex[65];

    hex_of(row->sha256, hex);
    db_put_text(s, 1, row->run);
    db_put_text(s, 2, row->path);
    db_put_i64(s, 3, row->number);
    db_put_text(s, 4, row->source);
    db_put_i64(s, 5, row->state);
    db_put_i64(s, 6, row->event_file);
    db_put_i64(s, 7, row->complete);
    db_put_i64(s, 8, (int64_t)row->durable);
    db_put_i64(s, 9, (int64_t)row->check.offset);
    db_put_i64(s, 10, row->check.head_crc);
    db_put_i64(s, 11, row->check.tail_crc);
    db_put_text(s, 12, hex);
    db_put_double(s, 13, row->changed_s);
    return db_do(s);
}

int catalog_rename(struct catalog *catalog, const struct catalog_generation *row,
                   const char *old_path, uint32_t old_number)
{
    struct db_statement *s = catalog->statements[MOVE_DAMAGE];

    int r = catalog_put_generation(catalog, row);
    if (r < 0)
        return r;
    db_put_text(s, 1, row->path);
    db_put_i64(s, 2, row->number);
    db_put_text(s, 3, row->run);
    db_put_text(s, 4, old_path);
    db_put_i64(s, 5, old_number);
    r = db_do(s);
    if (r < 0)
        return r;
    s = catalog->statements[DROP_GENERATION];
    db_put_text(s, 1, row->run);
    db_put_text(s, 2, old_path);
    db_put_i64(s, 3, old_number);
    return db_do(s);
}

int catalog_put_damage(struct catalog *catalog, const char *run, const char *path, uint32_t number,
                       const struct damage *damage)
{
    struct db_statement *s = catalog->statements[PUT_DAMAGE];

    db_put_text(s, 1, run);
    db_put_text(s, 2, path);
    db_put_i64(s, 3, number);
    db_put_i64(s, 4, (int64_t)damage->offset);
    db_put_i64(s, 5, (int64_t)damage->length);
    db_put_i64(s, 6, damage->reason);
    db_put_i64(s, 7, damage->limited);
    db_put_double(s, 8, damage->found_wall_s);
    return db_do(s);
}

int catalog_put_event(struct catalog *catalog, const char *run, uint64_t place,
                      const struct archive_event *event)
{
    struct db_statement *s = catalog->statements[PUT_EVENT];

    db_put_text(s, 1, run);
    db_put_text(s, 2, event->id);
    db_put_i64(s, 3, (int64_t)place);
    db_put_text(s, 4, event->kind);
    db_put_text(s, 5, event->source);
    db_put_i64(s, 6, event->attempt);
    db_put_i64(s, 7, event->rank);
    db_put_double(s, 8, event->time_s);
    db_put_text(s, 9, event->data);
    return db_do(s);
}

int catalog_put_tombstone(struct catalog *catalog, const struct catalog_tombstone *row)
{
    struct db_statement *s = catalog->statements[PUT_TOMBSTONE];

    db_put_text(s, 1, row->run);
    db_put_text(s, 2, row->path);
    db_put_i64(s, 3, (int64_t)row->check.offset);
    db_put_i64(s, 4, row->check.head_crc);
    db_put_i64(s, 5, row->check.tail_crc);
    return db_do(s);
}

static int drop(struct catalog *catalog, enum statement which, const char *run)
{
    struct db_statement *s = catalog->statements[which];

    db_put_text(s, 1, run);
    return db_do(s);
}

int catalog_drop_tombstones(struct catalog *catalog, const char *run)
{
    return drop(catalog, DROP_TOMBSTONES, run);
}

int catalog_forget_files(struct catalog *catalog, const char *run)
{
    int r = drop(catalog, DROP_DAMAGE, run);

    if (r == 0)
        r = drop(catalog, DROP_GENERATIONS, run);
    return r == 0 ? drop(catalog, DROP_EVENTS, run) : r;
}

int catalog_forget_generation(struct catalog *catalog, const char *run, const char *path,
                              uint32_t number)
{
    static const char *const sql_of[] = {
        "DELETE FROM damage WHERE run = ?1 AND path = ?2 AND number = ?3",
        "DELETE FROM generations WHERE run = ?1 AND path = ?2 AND number = ?3",
    };
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(sql_of) && r == 0; i++) {
        struct db_statement *s;
        r = db_prepare(catalog->db, sql_of[i], &s);
        if (r < 0)
            return r;
        db_put_text(s, 1, run);
        db_put_text(s, 2, path);
        db_put_i64(s, 3, number);
        r = db_do(s);
        db_finish(s);
    }
    return r;
}

int catalog_set_mark(struct catalog *catalog, const char *name, const char *value)
{
    struct db_statement *s = catalog->statements[PUT_MARK];

    db_put_text(s, 1, name);
    db_put_text(s, 2, value);
    return db_do(s);
}

int catalog_mark(struct catalog *catalog, const char *name, char *ret, size_t size)
{
    struct db_statement *s;

    int r = db_prepare(catalog->db, "SELECT value FROM marks WHERE name = ?1", &s);
    if (r < 0)
        return r;
    db_put_text(s, 1, name);
    r = db_step(s);
    if (r >= 0)
        snprintf(ret, size, "%s", r > 0 ? db_text(s, 0) : "");
    db_finish(s);
    return r < 0 ? r : 0;
}
