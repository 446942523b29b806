/* What the archive promises: bytes come back the same, after a restart and after a crash; lengths
 * are acknowledged when they are safe; one writer at a time. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/catalog.h"
#include "archive_world.h"
#include "base/db.h"
#include "base/digest.h"
#include "base/log.h"
#include "ef_builder.h"

#define EVENTS "logs/events.out.tfevents.1"

static void fill(uint8_t *data, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)((i * 2654435761u + seed) >> 8);
}

static void expect_bytes(struct archive_world *world, const char *path, const void *data,
                         size_t size)
{
    size_t has;
    uint8_t *found = archive_world_read(world, path, &has);

    assert_non_null(found);
    assert_int_equal(has, size);
    assert_memory_equal(found, data, size);
    free(found);
}

static void bytes_are_kept_under_their_own_name(void **state)
{
    struct archive_world *world = archive_world_new();
    uint8_t data[5000], back[5000];

    fill(data, sizeof data, 1);
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, data, 3000, -1), 0);
    assert_int_equal(archive_append(file, 3000, data + 3000, 2000, -1), 0);
    assert_int_equal(archive_read(file, 1, back, 2999), 2999);
    assert_memory_equal(back, data + 1, 2999);
    archive_world_sync(run);
    assert_int_equal(archive_durable(file), 5000);
    expect_bytes(world, "runs/r1/files/" EVENTS, data, sizeof data);
    struct archive_file_facts facts = archive_file_facts(file);
    assert_true(facts.event_file && facts.newest && !facts.complete);
    assert_int_equal(facts.check.offset, 5000);
    assert_int_equal(archive_status(world->archive).bytes_kept, 5000);
    archive_world_free(world);
}

static void known_bytes_are_compared_and_gaps_refused(void **state)
{
    struct archive_world *world = archive_world_new();
    uint8_t data[1000];

    fill(data, sizeof data, 2);
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "agent");
    assert_int_equal(archive_append(file, 10, data, 10, -1), -ERANGE);
    assert_int_equal(archive_append(file, 0, data, 600, -1), 0);
    assert_int_equal(archive_append(file, 500, data + 500, 500, -1), 0);
    archive_world_sync(run);
    assert_int_equal(archive_append(file, 0, data, 1000, -1), 0);
    data[7]++;
    assert_int_equal(archive_append(file, 0, data, 1000, -1), -EBADMSG);
    assert_int_equal(archive_file_facts(file).received, 1000);
    archive_world_free(world);
}

static void everything_is_there_after_a_restart(void **state)
{
    struct archive_world *world = archive_world_new();
    const struct archive_event event = {.id = "e1", .kind = "started", .source = "agent",
                                        .attempt = 1, .rank = 0, .time_s = 5, .data = "{\"a\":1}"};
    const struct archive_notes notes = {.name = "a better name", .tags = "{\"k\":\"v\"}",
                                        .pinned = 1};
    struct archive_event *events;
    struct archive_run_row *rows;
    uint8_t data[100];
    size_t n;

    fill(data, sizeof data, 3);
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, data, sizeof data, -1), 0);
    assert_int_equal(archive_add_event(run, &event, NULL, NULL), 0);
    assert_int_equal(archive_add_event(run, &event, NULL, NULL), 0);
    assert_int_equal(archive_set_notes(run, &notes, NULL, NULL), 0);
    for (int lives = 0; lives < 2; lives++) {
        archive_world_close(world);
        archive_world_open(world);
        run = archive_find_run(world->archive, "r1");
        assert_non_null(run);
        file = archive_find_file(run, EVENTS, 0);
        assert_non_null(file);
        assert_int_equal(archive_file_facts(file).received, sizeof data);
        assert_int_equal(archive_events(run, &events, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(events[0].data, "{\"a\":1}");
        assert_int_equal(events[0].rank, 0);
        free(events);
        assert_int_equal(archive_runs(world->archive, &rows, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(rows[0].name, "a better name");
        assert_string_equal(rows[0].tags, "{\"k\":\"v\"}");
        assert_true(rows[0].pinned);
        assert_int_equal(rows[0].bytes, sizeof data);
        free(rows);
    }
    assert_int_equal(archive_append(file, sizeof data, data, 1, -1), 0);
    archive_world_sync(run);
    assert_int_equal(archive_durable(file), sizeof data + 1);
    archive_world_free(world);
}

static void an_older_generation_moves_aside(void **state)
{
    struct archive_world *world = archive_world_new();
    struct archive_file **files;
    char place[512];
    size_t n;

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *one = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(one, 0, "first", 5, -1), 0);
    struct archive_file *two = archive_world_file(run, EVENTS, "");
    assert_ptr_equal(archive_world_file(run, EVENTS, ""), two);
    assert_int_equal(archive_append(two, 0, "second", 6, -1), 0);
    assert_int_equal(archive_append(one, 5, "!", 1, -1), 0);
    archive_world_sync(run);
    expect_bytes(world, "runs/r1/generations/1/" EVENTS, "first!", 6);
    expect_bytes(world, "runs/r1/files/" EVENTS, "second", 6);
    archive_world_close(world);
    archive_world_open(world);
    run = archive_find_run(world->archive, "r1");
    assert_int_equal(archive_files(run, &files, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(archive_local_path(files[0], place, sizeof place), 0);
    assert_string_equal(place, "runs/r1/generations/1/" EVENTS);
    assert_false(archive_file_facts(files[0]).newest);
    assert_int_equal(archive_file_facts(files[1]).generation, 2);
    free(files);
    archive_world_free(world);
}

static void expect_file(struct archive_file *file, uint64_t received)
{
    assert_non_null(file);
    assert_int_equal(archive_file_facts(file).received, received);
}

/* Three records of an event file are acknowledged up to the middle of the second. */
static void what_a_crash_leaves_is_cut_by_records(void **state)
{
    static const char torn[] = "no record";
    struct archive_world *world = archive_world_new();
    struct ef_builder b = {0};
    ef_builder_scalar(&b, 1, "loss", 1);
    const size_t one = b.size;
    ef_builder_scalar(&b, 2, "loss", 1);
    ef_builder_scalar(&b, 3, "loss", 1);
    const size_t end = b.size;
    ef_builder_raw(&b, torn, sizeof torn);
    const uint8_t *data = b.data;
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    struct archive_file *text = archive_world_file(run, "logs/notes.txt", "");
    assert_int_equal(archive_append(file, 0, data, one + 5, -1), 0);
    assert_int_equal(archive_append(text, 0, "abc", 3, -1), 0);
    archive_world_sync(run);
    struct archive_world *crash = archive_world_crash(world);
    archive_world_write(crash, "runs/r1/files/" EVENTS, data, end + sizeof torn);
    archive_world_write(crash, "runs/r1/files/logs/notes.txt", "abcdef", 6);
    archive_world_open(crash);
    run = archive_find_run(crash->archive, "r1");
    expect_file(archive_find_file(run, "logs/notes.txt", 0), 3);
    expect_bytes(crash, "runs/r1/files/logs/notes.txt", "abc", 3);
    expect_file(archive_find_file(run, EVENTS, 0), end);
    expect_bytes(crash, "runs/r1/files/" EVENTS, data, end);
    archive_world_sync(run);
    assert_int_equal(archive_durable(archive_find_file(run, EVENTS, 0)), end);
    archive_world_free(crash);
    archive_world_free(world);
    ef_builder_done(&b);
}

/* A move is completed, however far it came: neither life is lost. */
static void a_move_that_a_crash_cut_short_is_completed(void **state)
{
    struct archive_world *world = archive_world_new();
    struct catalog *catalog;
    int version;
    char path[256];

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, "first", 5, -1), 0);
    archive_world_sync(run);
    for (int step = 1; step <= 3; step++) {
        struct archive_world *crash = archive_world_crash(world);
        const struct catalog_generation row = {.run = "r1", .path = EVENTS, .source = "",
                                               .number = 2, .state = GENERATION_MOVING,
                                               .event_file = true};
        snprintf(path, sizeof path, "%s/catalog.db", crash->dir);
        assert_int_equal(catalog_open(path, false, &catalog, &version), 0);
        assert_int_equal(catalog_put_generation(catalog, &row), 0);
        catalog_close(catalog);
        if (step > 1) {
            char from[256], to[256];
            archive_world_write(crash, "runs/r1/generations/1/logs/x", "", 0);
            snprintf(from, sizeof from, "%s/runs/r1/files/" EVENTS, crash->dir);
            snprintf(to, sizeof to, "%s/runs/r1/generations/1/" EVENTS, crash->dir);
            assert_int_equal(rename(from, to), 0);
        }
        if (step > 2)
            archive_world_write(crash, "runs/r1/files/" EVENTS, "", 0);
        archive_world_open(crash);
        run = archive_find_run(crash->archive, "r1");
        archive_world_sync(run);
        expect_bytes(crash, "runs/r1/generations/1/" EVENTS, "first", 5);
        expect_bytes(crash, "runs/r1/files/" EVENTS, "", 0);
        expect_file(archive_find_file(run, EVENTS, 0), 0);
        expect_file(archive_find_file(run, EVENTS, 1), 5);
        archive_world_free(crash);
    }
    archive_world_free(world);
}

/* The catalog's row of a generation, as a crash left it. */
static void put_row(struct archive_world *world, const char *name, uint32_t number, int state,
                    uint64_t durable)
{
    const struct catalog_generation row = {.run = "r1", .path = name, .source = "",
                                           .number = number, .state = state,
                                           .event_file = true, .durable = durable};
    struct catalog *catalog;
    char path[256];
    int version;

    snprintf(path, sizeof path, "%s/catalog.db", world->dir);
    assert_int_equal(catalog_open(path, false, &catalog, &version), 0);
    assert_int_equal(catalog_put_generation(catalog, &row), 0);
    catalog_close(catalog);
}

/* Whatever the row says of its place: a generation is where it is, and a newer one of its path
 * takes nothing from it. */
static void a_generation_is_looked_for_where_it_may_be(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, "first", 5, -1), 0);
    archive_world_sync(run);
    for (int moved = 0; moved < 2; moved++) {
        struct archive_world *crash = archive_world_crash(world);
        put_row(crash, EVENTS, 1, moved ? GENERATION_CURRENT : GENERATION_OLD, 5);
        if (moved) {
            char from[256], to[256];
            archive_world_write(crash, "runs/r1/generations/1/logs/x", "", 0);
            snprintf(from, sizeof from, "%s/runs/r1/files/" EVENTS, crash->dir);
            snprintf(to, sizeof to, "%s/runs/r1/generations/1/" EVENTS, crash->dir);
            assert_int_equal(rename(from, to), 0);
        }
        archive_world_open(crash);
        run = archive_find_run(crash->archive, "r1");
        expect_file(archive_find_file(run, EVENTS, 1), 5);
        file = archive_world_file(run, EVENTS, "");
        assert_int_equal(archive_append(file, 0, "second", 6, -1), 0);
        archive_world_sync(run);
        for (int lives = 0; lives < 2; lives++) {
            expect_bytes(crash, "runs/r1/generations/1/" EVENTS, "first", 5);
            expect_bytes(crash, "runs/r1/files/" EVENTS, "second", 6);
            archive_world_close(crash);
            archive_world_open(crash);
        }
        archive_world_free(crash);
    }
    archive_world_free(world);
}

enum { LIVES = 400 };

/* Lives that begin, are acknowledged, and are replaced or renamed; until the process is killed. */
static _Noreturn void replace_and_rename(struct archive_world *world, int told)
{
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    for (int i = 0; i < LIVES; i++) {
        char name[64], other[64];
        snprintf(name, sizeof name, "logs/%d.tfevents.a", i);
        snprintf(other, sizeof other, "logs/%d.tfevents.b", i);
        struct archive_file *file = archive_world_file(run, name, "");
        struct archive_file *aside = archive_world_file(run, other, "");
        assert_int_equal(archive_append(file, 0, "first", 5, -1), 0);
        assert_int_equal(archive_append(aside, 0, "aside", 5, -1), 0);
        archive_world_sync(run);
        if (i % 2) {
            assert_int_equal(archive_rename(file, other, 2), 0);
        } else {
            file = archive_world_file(run, name, "");
            assert_int_equal(archive_append(file, 0, "second", 6, -1), 0);
        }
        assert_int_equal(write(told, &i, sizeof i), sizeof i);
    }
    _exit(0);
}

static void expect_life(struct archive_world *world, struct archive_file *file, const char *life)
{
    char place[160];

    expect_file(file, 5);
    assert_int_equal(archive_local_path(file, place, sizeof place), 0);
    expect_bytes(world, place, life, 5);
}

static void no_kill_within_a_move_loses_a_life(void **state)
{
    for (int round = 0; round < 10; round++) {
        struct archive_world *world = archive_world_new();
        int told[2], last = -1;
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        if (child == 0)
            replace_and_rename(world, told[1]);
        close(told[1]);
        while (last < round / 2)
            assert_int_equal(read(told[0], &last, sizeof last), sizeof last);
        usleep((useconds_t)(round % 5 * 900)); /* any moment will do */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(told[0], &last, sizeof last) == sizeof last)
            ;
        close(told[0]);
        archive_world_open(world);
        struct archive_run *run = archive_find_run(world->archive, "r1");
        archive_world_sync(run);
        for (int i = 0; i <= last; i++) {
            char name[64], other[64];
            snprintf(name, sizeof name, "logs/%d.tfevents.a", i);
            snprintf(other, sizeof other, "logs/%d.tfevents.b", i);
            struct archive_file *file = archive_find_file(run, name, 1);
            expect_life(world, file ? file : archive_find_file(run, other, 2), "first");
            expect_life(world, archive_find_file(run, other, 1), "aside");
        }
        archive_world_free(world);
    }
}

static void a_renamed_generation_is_found_under_its_new_name_alone(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, "bytes", 5, -1), 0);
    assert_int_equal(archive_rename(file, "logs/new.tfevents", 1), 0);
    assert_int_equal(archive_append(file, 5, "!", 1, -1), 0);
    for (int lives = 0; lives < 2; lives++) {
        archive_world_sync(run);
        expect_bytes(world, "runs/r1/files/logs/new.tfevents", "bytes!", 6);
        assert_false(archive_world_exists(world, "runs/r1/files/" EVENTS));
        assert_null(archive_find_file(run, EVENTS, 0));
        expect_file(archive_find_file(run, "logs/new.tfevents", 1), 6);
        archive_world_close(world);
        archive_world_open(world);
        run = archive_find_run(world->archive, "r1");
    }
    archive_world_free(world);
}

static void names_that_cannot_be_are_refused_and_stop_nobody(void **state)
{
    struct archive_world *world = archive_world_new();
    struct archive_file *file;
    char longest[4097];

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    static const char *const bad[] = {"", "/a", "a//b", "a/../b", ".", "a/", "./a"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(archive_new_file(run, bad[i], "", &file), -EINVAL);
    memset(longest, 'x', sizeof longest);
    longest[256] = '\0';
    assert_int_equal(archive_new_file(run, longest, "", &file), -EINVAL);
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = i % 201 == 200 ? '/' : 'x';
    longest[3830] = '\0';
    archive_world_file(run, longest, "agent");
    longest[3830] = 'x';
    longest[4096] = '\0';
    assert_int_equal(archive_new_file(run, longest, "", &file), -EINVAL);
    archive_world_file(run, "logs/a", "agent");
    archive_world_file(run, "logs/d/e", "agent");
    assert_int_equal(archive_new_file(run, "logs/a/b", "agent", &file), -EEXIST);
    assert_int_equal(archive_new_file(run, "logs/d", "agent", &file), -EEXIST);
    assert_int_equal(archive_new_file(run, "logs/a", "another", &file), -EEXIST);
    archive_world_sync(run);
    assert_int_equal(archive_status(world->archive).state, ARCHIVE_OK);
    archive_world_free(world);
}

static void a_catalog_of_a_newer_version_is_left_alone(void **state)
{
    struct archive_world *world = archive_world_new();
    struct archive *archive;
    struct db *db;
    char path[256];
    int version;

    archive_world_open(world);
    archive_world_close(world);
    snprintf(path, sizeof path, "%s/catalog.db", world->dir);
    assert_int_equal(db_open(path, false, &db), 0);
    assert_int_equal(db_set_version(db, 99), 0);
    db_close(db);
    assert_int_equal(archive_open(&world->options, &archive, NULL), -EPROTO);
    assert_int_equal(db_open(path, false, &db), 0);
    assert_int_equal(db_version(db, &version), 0);
    assert_int_equal(version, 99);
    db_close(db);
    archive_world_free(world);
}

static void a_second_writer_is_told_who_has_it(void **state)
{
    struct archive_world *world = archive_world_new();
    struct archive *second;
    struct archive_holder holder;

    archive_world_open(world);
    assert_int_equal(archive_open(&world->options, &second, &holder), -EBUSY);
    assert_int_equal(holder.pid, getpid());
    assert_true(holder.host[0] != '\0');
    archive_world_free(world);
}

static void a_file_is_complete_when_its_hash_agrees(void **state)
{
    struct archive_world *world = archive_world_new();
    uint8_t data[70000], hash[DIGEST_BYTES];
    struct digest digest;

    fill(data, sizeof data, 4);
    digest_init(&digest);
    digest_add(&digest, data, sizeof data);
    digest_get(&digest, hash);
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, "outputs/model.pt", "agent");
    assert_int_equal(archive_append(file, 0, data, sizeof data, -1), 0);
    hash[3]++;
    struct archive_wait *wait = archive_wait_new();
    assert_int_equal(archive_complete(file, hash, archive_wait_done, wait), 0);
    assert_int_equal(archive_wait_free(wait), -EBADMSG);
    assert_false(archive_file_facts(file).complete);
    hash[3]--;
    wait = archive_wait_new();
    assert_int_equal(archive_complete(file, hash, archive_wait_done, wait), 0);
    assert_int_equal(archive_wait_free(wait), 0);
    assert_true(archive_file_facts(file).complete);
    assert_memory_equal(archive_file_facts(file).sha256, hash, sizeof hash);
    assert_int_equal(archive_durable(file), sizeof data);
    archive_world_free(world);
}

static void a_large_range_is_read_again_from_its_source(void **state)
{
    struct archive_world *world = archive_world_new();
    const size_t size = 20 << 20;
    uint8_t *data = malloc(size);

    assert_non_null(data);
    fill(data, size, 5);
    archive_world_write(world, "source", data, size);
    archive_world_open(world);
    char path[256];
    snprintf(path, sizeof path, "%s/source", world->dir);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, data, 1 << 20, fd), 0);
    assert_int_equal(archive_append(file, 1 << 20, NULL, size - (1 << 20), fd), 0);
    archive_world_sync(run);
    expect_bytes(world, "runs/r1/files/" EVENTS, data, size);
    assert_int_equal(archive_continues(file, fd, size), 1);
    data[9]++;
    archive_world_write(world, "other", data, size);
    snprintf(path, sizeof path, "%s/other", world->dir);
    _cleanup_close_ int other = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(archive_continues(file, other, size), 0);
    free(data);
    archive_world_free(world);
}

static void a_deleted_run_comes_back_until_it_is_purged(void **state)
{
    struct archive_world *world = archive_world_new();
    struct archive_run *again;
    const struct archive_run_info info = {.id = "r1", .name = "r1", .experiment = "logs",
                                          .source = "/somewhere", .kind = ARCHIVE_RUN_FOUND};

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *file = archive_world_file(run, EVENTS, "");
    assert_int_equal(archive_append(file, 0, "bytes", 5, -1), 0);
    archive_world_sync(run);
    struct archive_check check = archive_file_facts(file).check;
    assert_int_equal(archive_delete(run, false, NULL, NULL), -EBUSY);
    assert_int_equal(archive_delete(run, true, NULL, NULL), 0);
    assert_int_equal(archive_run(world->archive, &info, &again), -ESTALE);
    assert_true(archive_tombstone(run, EVENTS, &check));
    assert_int_equal(archive_append(file, 5, "x", 1, -1), -ESTALE);
    assert_int_equal(archive_undelete(run, NULL, NULL), 0);
    assert_int_equal(archive_run(world->archive, &info, &again), 0);
    assert_int_equal(archive_delete(run, true, NULL, NULL), 0);
    struct archive_wait *wait = archive_wait_new();
    assert_int_equal(archive_purge(world->archive, 0, archive_wait_done, wait), 0);
    assert_int_equal(archive_wait_free(wait), 0);
    assert_false(archive_world_exists(world, "runs/r1"));
    assert_false(archive_world_exists(world, "trash"));
    assert_int_equal(archive_undelete(run, NULL, NULL), -ENOENT);
    archive_world_close(world);
    archive_world_open(world);
    run = archive_find_run(world->archive, "r1");
    assert_true(archive_tombstone(run, EVENTS, &check));
    assert_int_equal(archive_status(world->archive).bytes_kept, 0);
    archive_world_free(world);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_kept_under_their_own_name),
        cmocka_unit_test(known_bytes_are_compared_and_gaps_refused),
        cmocka_unit_test(everything_is_there_after_a_restart),
        cmocka_unit_test(an_older_generation_moves_aside),
        cmocka_unit_test(what_a_crash_leaves_is_cut_by_records),
        cmocka_unit_test(a_move_that_a_crash_cut_short_is_completed),
        cmocka_unit_test(a_generation_is_looked_for_where_it_may_be),
        cmocka_unit_test(no_kill_within_a_move_loses_a_life),
        cmocka_unit_test(a_renamed_generation_is_found_under_its_new_name_alone),
        cmocka_unit_test(names_that_cannot_be_are_refused_and_stop_nobody),
        cmocka_unit_test(a_catalog_of_a_newer_version_is_left_alone),
        cmocka_unit_test(a_second_writer_is_told_who_has_it),
        cmocka_unit_test(a_file_is_complete_when_its_hash_agrees),
        cmocka_unit_test(a_large_range_is_read_again_from_its_source),
        cmocka_unit_test(a_deleted_run_comes_back_until_it_is_purged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
