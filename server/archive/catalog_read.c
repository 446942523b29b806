/* catalog_read.c: the whole catalog, row by row, as a start reads it. */
#include <errno.h>
#include <string.h>

#include "archive/catalog.h"
#include "base/db.h"

/* Runs a query and hands each row to `row`. */
static int each_row(struct catalog *catalog, const char *sql,
                    int (*row)(struct db_statement *s, void *call), void *call)
{
    struct db_statement *s;

    int r = db_prepare(catalog_db(catalog), sql, &s);
    if (r < 0)
        return r;
    while ((r = db_step(s)) > 0) {
        r = row(s, call);
        if (r < 0)
            break;
    }
    db_finish(s);
    return r;
}

struct run_call {
    int (*each)(void *ctx, const struct catalog_run *row);
    void *ctx;
};

static int run_row(struct db_statement *s, void *call)
{
    const struct run_call *c = call;
    const struct catalog_run row = {
        .id = db_text(s, 0), .name = db_text(s, 1), .experiment = db_text(s, 2),
        .source = db_text(s, 3), .kind = (int)db_i64(s, 4), .notes = db_text(s, 5),
        .tags = db_text(s, 6), .pinned = db_i64(s, 7) != 0, .created_s = db_double(s, 8),
        .changed_s = db_double(s, 9), .deleted_s = db_double(s, 10),
    };

    return c->each(c->ctx, &row);
}

int catalog_each_run(struct catalog *catalog,
                     int (*each)(void *ctx, const struct catalog_run *row), void *ctx)
{
    struct run_call call = {each, ctx};

    return each_row(catalog,
                    "SELECT id, name, experiment, source, kind, notes, tags, pinned, created_s,"
                    " changed_s, deleted_s FROM runs ORDER BY id",
                    run_row, &call);
}

struct generation_call {
    int (*each)(void *ctx, const struct catalog_generation *row);
    void *ctx;
};

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool bytes_of(const char *hex, uint8_t ret[32])
{
    if (strlen(hex) != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int generation_row(struct db_statement *s, void *call)
{
    const struct generation_call *c = call;
    uint8_t sha256[32];
    bool hashed = bytes_of(db_text(s, 11), sha256);
    const struct catalog_generation row = {
        .run = db_text(s, 0), .path = db_text(s, 1), .number = (uint32_t)db_i64(s, 2),
        .source = db_text(s, 3), .state = (enum generation_state)db_i64(s, 4),
        .event_file = db_i64(s, 5) != 0, .complete = db_i64(s, 6) != 0,
        .durable = (uint64_t)db_i64(s, 7),
        .check = {(uint64_t)db_i64(s, 8), (uint32_t)db_i64(s, 9), (uint32_t)db_i64(s, 10)},
        .sha256 = hashed ? sha256 : NULL, .changed_s = db_double(s, 12),
    };

    return c->each(c->ctx, &row);
}

int catalog_each_generation(struct catalog *catalog,
                            int (*each)(void *ctx, const struct catalog_generation *row),
                            void *ctx)
{
    struct generation_call call = {each, ctx};

    return each_row(catalog,
                    "SELECT run, path, number, source, state, event_file, complete, durable,"
                    " check_offset, head_crc, tail_crc, sha256, changed_s FROM generations"
                    " ORDER BY run, path, number",
                    generation_row, &call);
}

struct damage_call {
    int (*each)(void *ctx, const char *run, const char *path, uint32_t number,
                const struct damage *damage);
    void *ctx;
};

static int damage_row(struct db_statement *s, void *call)
{
    const struct damage_call *c = call;
    const struct damage damage = {
        .offset = (uint64_t)db_i64(s, 3), .length = (uint64_t)db_i64(s, 4),
        .reason = (int)db_i64(s, 5), .limited = db_i64(s, 6) != 0,
        .found_wall_s = db_double(s, 7),
    };

    return c->each(c->ctx, db_text(s, 0), db_text(s, 1), (uint32_t)db_i64(s, 2), &damage);
}

int catalog_each_damage(struct catalog *catalog,
                        int (*each)(void *ctx, const char *run, const char *path, uint32_t number,
                                    const struct damage *damage),
                        void *ctx)
{
    struct damage_call call = {each, ctx};

    return each_row(catalog,
                    "SELECT run, path, number, at, length, reason, limited, found_s FROM damage"
                    " ORDER BY run, path, number, at",
                    damage_row, &call);
}

struct event_call {
    int (*each)(void *ctx, const char *run, const struct archive_event *event);
    void *ctx;
};

static int event_row(struct db_statement *s, void *call)
{
    const struct event_call *c = call;
    const struct archive_event event = {
        .id = db_text(s, 1), .kind = db_text(s, 2), .source = db_text(s, 3),
        .attempt = (uint32_t)db_i64(s, 4), .rank = (int32_t)db_i64(s, 5),
        .time_s = db_double(s, 6), .data = db_text(s, 7),
    };

    return c->each(c->ctx, db_text(s, 0), &event);
}

int catalog_each_event(struct catalog *catalog,
                       int (*each)(void *ctx, const char *run, const struct archive_event *event),
                       void *ctx)
{
    struct event_call call = {each, ctx};

    return each_row(catalog,
                    "SELECT run, id, kind, source, attempt, node_rank, time_s, data FROM events"
                    " ORDER BY run, place",
                    event_row, &call);
}

struct tombstone_call {
    int (*each)(void *ctx, const struct catalog_tombstone *row);
    void *ctx;
};

static int tombstone_row(struct db_statement *s, void *call)
{
    const struct tombstone_call *c = call;
    const struct catalog_tombstone row = {
        .run = db_text(s, 0), .path = db_text(s, 1),
        .check = {(uint64_t)db_i64(s, 2), (uint32_t)db_i64(s, 3), (uint32_t)db_i64(s, 4)},
    };

    return c->each(c->ctx, &row);
}

int catalog_each_tombstone(struct catalog *catalog,
                           int (*each)(void *ctx, const struct catalog_tombstone *row), void *ctx)
{
    struct tombstone_call call = {each, ctx};

    return each_row(catalog,
                    "SELECT run, path, check_offset, head_crc, tail_crc FROM tombstones"
                    " ORDER BY run, path, check_offset",
                    tombstone_row, &call);
}
