/* Reading: many turns, bytes that come late, damage, few descriptors, any order of arrival. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <eventfile/salvage.h>

#include "base/limits.h"
#include "tail_world.h"

#define EVENTS "events.out.tfevents.1"
#define IN_A "a/" EVENTS

/* A world whose clock stands until it is moved. */
static struct tail_world *world_with_clock(void)
{
    struct tail_world *world = tail_world_new();

    world->clock.now_ns = clock_ns(NULL);
    world->clock.wall_base_s = clock_wall_s(NULL) - (double)world->clock.now_ns / 1e9;
    world->options.clock = &world->clock;
    return world;
}

static void overwrite(struct tail_world *world, const char *path, const void *data, size_t size,
                      off_t offset)
{
    int fd = open(tail_world_path(world, path), O_WRONLY);

    assert_int_equal(pwrite(fd, data, size, offset), size);
    close(fd);
}

/* Ten records, two of zeros, five records. */
static void write_with_hole(struct tail_world *world)
{
    tail_world_append(world, "a/part", 0, 10);
    tail_world_truncate(world, "a/part", 12 * TAIL_RECORD_BYTES);
    tail_world_append(world, "a/part", 12, 5);
    tail_world_rename(world, "a/part", IN_A);
}

static void fill_hole(struct tail_world *world)
{
    uint8_t bytes[2 * TAIL_RECORD_BYTES];

    for (int i = 0; i < 2; i++)
        tail_world_record(bytes + i * TAIL_RECORD_BYTES, 10 + i, 5);
    overwrite(world, IN_A, bytes, sizeof bytes, 10 * TAIL_RECORD_BYTES);
}

static void expect_damage(struct tail_world *world, size_t n, int reason)
{
    struct tail_world_run *run = tail_world_run(world, "a");
    struct tail_world_file *file = tail_world_file(run, EVENTS, 1);

    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&world->lock);
        bool fine = file->damage.n == n && (n == 0 || file->damage.items[n - 1].reason == reason);
        pthread_mutex_unlock(&world->lock);
        if (fine)
            return;
        usleep(1000);
    }
    fail_msg("damage: %zu entries, the last %d; wanted %zu, %d", file->damage.n,
             file->damage.n ? file->damage.items[file->damage.n - 1].reason : 0, n, reason);
}

static void expect_in_file_order(struct tail_world *world)
{
    struct tail_world_file *file = tail_world_file(tail_world_run(world, "a"), EVENTS, 1);

    pthread_mutex_lock(&world->lock);
    for (size_t i = 1; i < file->records.n; i++)
        assert_true(file->records.items[i - 1].offset < file->records.items[i].offset);
    pthread_mutex_unlock(&world->lock);
}

static void expect_replays(struct tail_world *world, unsigned n)
{
    struct tail_world_file *file = tail_world_file(tail_world_run(world, "a"), EVENTS, 1);

    pthread_mutex_lock(&world->lock);
    assert_int_equal(file->replays, n);
    pthread_mutex_unlock(&world->lock);
}

static void a_late_page_is_put_in_its_place(void **state)
{
    static const int64_t after_s[] = {1, 5, 29};

    for (size_t i = 0; i < ARRAY_LEN(after_s); i++) {
        struct tail_world *world = world_with_clock();
        write_with_hole(world);
        tail_world_start(world);
        tail_world_expect(world, "a", EVENTS, 1, 15); /* what is behind the hole is there at once */
        clock_advance(&world->clock, after_s[i] * NS_PER_S);
        fill_hole(world);
        clock_advance(&world->clock, NS_PER_S);
        tail_world_expect(world, "a", EVENTS, 1, 17);
        expect_in_file_order(world);
        expect_replays(world, 1);
        expect_damage(world, 0, 0);
        tail_world_append(world, IN_A, 17, 3);
        tail_world_expect(world, "a", EVENTS, 1, 20);
        tail_world_expect_lives(world, "a", EVENTS, 1);
        tail_world_free(world);
    }
}

static void zeros_are_damage_after_thirty_seconds(void **state)
{
    struct tail_world *world = world_with_clock();

    write_with_hole(world);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 15);
    clock_advance(&world->clock, 29 * NS_PER_S);
    tail_world_append(world, IN_A, 17, 1);
    tail_world_expect(world, "a", EVENTS, 1, 16);
    expect_damage(world, 0, 0);
    clock_advance(&world->clock, 2 * NS_PER_S);
    expect_damage(world, 1, EF_REASON_ZEROS);
    tail_world_append(world, IN_A, 18, 2);
    tail_world_expect(world, "a", EVENTS, 1, 18);
    fill_hole(world); /* after all */
    clock_advance(&world->clock, 61 * NS_PER_S);
    tail_world_expect(world, "a", EVENTS, 1, 20);
    expect_damage(world, 1, EF_REASON_REPAIRED);
    expect_in_file_order(world);
    tail_world_expect_lives(world, "a", EVENTS, 1);
    tail_world_free(world);
}

static void damage_in_an_old_file_is_passed_at_once(void **state)
{
    struct tail_world *world = tail_world_new();
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    tail_world_append(world, IN_A, 0, 1000);
    overwrite(world, IN_A, "\xff", 1, 500 * TAIL_RECORD_BYTES + 20);
    utimensat(AT_FDCWD, tail_world_path(world, IN_A), old, 0);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 999);
    expect_damage(world, 1, EF_REASON_PAYLOAD);
    tail_world_append(world, IN_A, 1000, 1000); /* damage does not stop the run */
    tail_world_expect(world, "a", EVENTS, 1, 1999);
    tail_world_expect_lives(world, "a", EVENTS, 1);
    tail_world_free(world);
}

static void a_large_file_takes_many_turns(void **state)
{
    enum { PER_PIECE = 20000 };
    /* What one turn reads at most: the last item may begin just below the limit. */
    enum { MOST = LIMIT_TURN_ALONE_BYTES + EF_READ_BYTES };
    enum { PIECES = MOST / (PER_PIECE * TAIL_RECORD_BYTES) + 1 };
    struct tail_world *world = tail_world_new();

    for (int i = 0; i < PIECES; i++)
        tail_world_append(world, IN_A, i * PER_PIECE, PER_PIECE);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, PIECES * PER_PIECE);
    tail_world_wait_caught_up(world);
    expect_in_file_order(world);
    struct tail_stats stats = tail_stats(world->tail);
    assert_int_equal(stats.records, PIECES * PER_PIECE);
    assert_int_equal(stats.bytes_read, PIECES * PER_PIECE * TAIL_RECORD_BYTES);
    assert_int_equal(stats.bytes_total, stats.bytes_read);
    tail_world_stop(world);
    assert_true(tail_world_run(world, "a")->commits >= 2);
    tail_world_free(world);
}

static void a_replay_may_take_many_turns(void **state)
{
    enum { MORE = 3 * LIMIT_TURN_BYTES / TAIL_RECORD_BYTES };
    struct tail_world *world = world_with_clock();

    write_with_hole(world);
    tail_world_append(world, IN_A, 17, MORE);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 15 + MORE);
    fill_hole(world);
    clock_advance(&world->clock, NS_PER_S);
    tail_world_expect(world, "a", EVENTS, 1, 17 + MORE);
    expect_in_file_order(world);
    expect_replays(world, 1);
    tail_world_free(world);
}

static void a_sink_without_memory_behind_a_hole_gets_all_again(void **state)
{
    struct tail_world *world = world_with_clock();

    write_with_hole(world);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 15);
    atomic_store(&world->refuse_spans, 1);
    tail_world_append(world, IN_A, 17, 5);
    while (atomic_load(&world->refuse_spans) > 0)
        usleep(500);
    clock_advance(&world->clock, 2 * NS_PER_S);
    tail_world_expect(world, "a", EVENTS, 1, 20);
    expect_in_file_order(world);
    tail_world_free(world);
}

static void few_descriptors_are_enough(void **state)
{
    enum { FILES = 120, DIRS = 4 };
    struct tail_world *world = tail_world_new();
    struct rlimit before, few;
    char path[64];

    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 60; /* half of it for event files */
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "r%d/" EVENTS ".%d", i % DIRS, i);
        tail_world_append(world, path, 0, 5);
    }
    setrlimit(RLIMIT_NOFILE, &few);
    tail_world_start(world);
    for (int round = 1; round < 4; round++) {
        for (int i = 0; i < FILES; i++) {
            snprintf(path, sizeof path, "r%d/" EVENTS ".%d", i % DIRS, i);
            tail_world_append(world, path, 5 * round, 5);
        }
        for (int i = 0; i < FILES; i++) {
            char run[16], file[48];
            snprintf(run, sizeof run, "r%d", i % DIRS);
            snprintf(file, sizeof file, EVENTS ".%d", i);
            tail_world_expect(world, run, file, 1, (size_t)(5 + 5 * round));
        }
    }
    setrlimit(RLIMIT_NOFILE, &before);
    tail_world_free(world);
}

/* The property: what is given out does not depend on how the bytes arrived. */

enum { PROPERTY_FILES = 4, PROPERTY_RECORDS = 60 };

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void property_name(char *out, size_t size, int i)
{
    snprintf(out, size, "r%d/" EVENTS ".%d", i % 2, i);
}

/* Writes the files in pieces of any length, in any order, the tailer started at any time. */
static void write_in_any_order(struct tail_world *world, uint32_t *seed)
{
    size_t whole = PROPERTY_RECORDS * TAIL_RECORD_BYTES, done[PROPERTY_FILES] = {0};
    static uint8_t bytes[PROPERTY_FILES][PROPERTY_RECORDS * TAIL_RECORD_BYTES];
    bool started = false;
    char path[64];

    for (int i = 0; i < PROPERTY_FILES; i++) {
        for (int j = 0; j < PROPERTY_RECORDS; j++)
            tail_world_record(bytes[i] + j * TAIL_RECORD_BYTES, j, 1000 * i + j);
    }
    for (int left = PROPERTY_FILES; left > 0;) {
        int i = (int)(next_random(seed) % PROPERTY_FILES);
        if (!started && next_random(seed) % 20 == 0) {
            tail_world_start(world);
            started = true;
        }
        if (done[i] == whole)
            continue;
        size_t piece = 1 + next_random(seed) % 300, n = MIN(piece, whole - done[i]);
        property_name(path, sizeof path, i);
        tail_world_write(world, path, bytes[i] + done[i], n);
        done[i] += n;
        left -= done[i] == whole;
        if (next_random(seed) % 8 == 0)
            usleep(200);
    }
    if (!started)
        tail_world_start(world);
}

static uint32_t sum_of(struct tail_world *world, int i)
{
    char run[16], name[48];
    uint32_t sum = 0;

    snprintf(run, sizeof run, "r%d", i % 2);
    snprintf(name, sizeof name, EVENTS ".%d", i);
    tail_world_expect(world, run, name, 1, PROPERTY_RECORDS);
    struct tail_world_file *file = tail_world_file(tail_world_run(world, run), name, 1);
    for (size_t j = 0; j < file->records.n; j++) {
        struct tail_seen *seen = &file->records.items[j];
        assert_int_equal(seen->offset, j * TAIL_RECORD_BYTES);
        sum = sum * 31 + seen->crc;
    }
    tail_world_expect_lives(world, run, name, 1);
    return sum;
}

static void any_order_of_arrival_gives_the_same_records(void **state)
{
    uint32_t expected[PROPERTY_FILES] = {0};

    for (uint32_t round = 1; round <= 40; round++) {
        struct tail_world *world = tail_world_new();
        uint32_t seed = round;
        world->options.force_poll = round % 8 == 0;
        world->options.poll_ms = round % 8 == 0 ? 50 : 0;
        write_in_any_order(world, &seed);
        for (int i = 0; i < PROPERTY_FILES; i++) {
            uint32_t sum = sum_of(world, i);
            if (round > 1 && sum != expected[i])
                fail_msg("seed %u: other records in file %d", round, i);
            expected[i] = sum;
        }
        tail_world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_page_is_put_in_its_place),
        cmocka_unit_test(zeros_are_damage_after_thirty_seconds),
        cmocka_unit_test(damage_in_an_old_file_is_passed_at_once),
        cmocka_unit_test(a_large_file_takes_many_turns),
        cmocka_unit_test(a_replay_may_take_many_turns),
        cmocka_unit_test(a_sink_without_memory_behind_a_hole_gets_all_again),
        cmocka_unit_test(few_descriptors_are_enough),
        cmocka_unit_test(any_order_of_arrival_gives_the_same_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
