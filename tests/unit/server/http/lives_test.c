/* What the history knows of runs reaches the store: status, silence, titles, deletions. */
#include "http/lives.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static struct clock clock_now = {.wall_base_s = 1e9};
static struct store *store;
static struct archive *archive;
static struct lives *lives;
static char dir[64];

static void open_loading(void)
{
    struct archive_holder holder;
    char path[80];

    snprintf(path, sizeof path, "%s/archive", dir);
    store = store_new(&(struct store_options){.clock = &clock_now});
    CHECK(store);
    CHECK(archive_open(&(struct archive_options){.dir = path, .reserve_bytes = 1 << 20}, &archive,
                       &holder) == 0);
    CHECK(lives_new(archive, store, &clock_now, &lives) == 0);
}

static void open_all(void)
{
    open_loading();
    while (!lives_loaded(lives))
        usleep(100);
}

static void close_all(void)
{
    lives = lives_free(lives);
    archive = archive_close(archive);
    store = store_free(store);
}

static int start(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/lives-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    open_all();
    return 0;
}

static int stop(void **state)
{
    char command[96];

    close_all();
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct archive_run *make_kind(const char *id, enum archive_run_kind kind)
{
    const struct archive_run_info info = {.id = id, .name = id, .experiment = "x", .source = "",
                                          .kind = kind};
    struct archive_run *run;

    assert_int_equal(archive_run(archive, &info, &run), 0);
    assert_int_equal(lives_add(lives, run), 0);
    return run;
}

static struct archive_run *make(const char *id)
{
    return make_kind(id, ARCHIVE_RUN_JOB);
}

static void report(struct archive_run *run, const char *kind, const char *data)
{
    const struct archive_event event = {.id = kind, .kind = kind, .source = "agent", .attempt = 1,
                                        .rank = 0, .time_s = clock_wall_s(&clock_now),
                                        .data = data};

    assert_int_equal(archive_add_event(run, &event, NULL, NULL), 0);
    lives_heard(lives, archive_run_info(run)->id);
    lives_changed(lives, archive_run_info(run)->id);
}

static struct run_life life_of(const char *id)
{
    struct run *run = store_find_run(store, id);
    struct run_summary summary;

    assert_non_null(run);
    run_summarize(run, &summary);
    return summary.life;
}

static void silence_is_noticed_and_ends(void **state)
{
    struct archive_run *run = make("a");

    report(run, "started", "{}");
    assert_string_equal(life_of("a").status, "Running");
    clock_advance(&clock_now, 29 * NS_PER_S);
    lives_tick(lives);
    assert_false(life_of("a").not_responding);
    clock_advance(&clock_now, 2 * NS_PER_S);
    lives_tick(lives);
    assert_true(life_of("a").not_responding);
    assert_string_equal(life_of("a").status, "Running");
    lives_heard(lives, "a");
    assert_false(life_of("a").not_responding);
    /* Each heartbeat moves the time at which it is missed. */
    for (int i = 0; i < 10; i++) {
        clock_advance(&clock_now, 10 * NS_PER_S);
        lives_heard(lives, "a");
        lives_tick(lives);
        assert_false(life_of("a").not_responding);
    }
}

static void after_a_start_an_agent_has_its_time(void **state)
{
    report(make("a"), "started", "{}");
    close_all();
    clock_advance(&clock_now, 100 * NS_PER_S);
    open_all();
    assert_string_equal(life_of("a").status, "Running");
    assert_false(life_of("a").not_responding);
    clock_advance(&clock_now, 30 * NS_PER_S);
    lives_tick(lives);
    assert_true(life_of("a").not_responding);
}

static void an_hour_without_files_ends_the_waiting(void **state)
{
    struct archive_run *run = make("a");

    report(run, "started", "{}");
    report(run, "exited", "{\"exit\":0}");
    assert_string_equal(life_of("a").status, "Finalizing");
    for (int i = 0; i < 361; i++) {
        clock_advance(&clock_now, 10 * NS_PER_S);
        lives_tick(lives);
    }
    assert_string_equal(life_of("a").status, "Completed");
    assert_false(life_of("a").files_complete);
    report(run, "flushed", "{}");
    assert_true(life_of("a").files_complete);
}

static void only_what_changes_is_news(void **state)
{
    struct run *run;
    uint64_t commit;

    report(make("a"), "started", "{}");
    run = store_find_run(store, "a");
    commit = run_commit_number(run);
    lives_changed(lives, "a");
    lives_heard(lives, "a");
    assert_int_equal(run_commit_number(run), commit);
    lives_noted(lives, "a", &(struct archive_notes){.name = "other", .pinned = 1});
    assert_int_equal(run_commit_number(run), commit + 1);
    assert_string_equal(life_of("a").title, "other");
    assert_true(life_of("a").pinned);
    lives_deleted(lives, "a", true);
    assert_true(run_is_deleted(run));
}

static void a_run_that_was_heard_of_is_busy(void **state)
{
    make("a");
    assert_false(lives_is_busy(lives, "a"));
    lives_heard(lives, "a");
    assert_true(lives_is_busy(lives, "a"));
    clock_advance(&clock_now, 601 * NS_PER_S);
    assert_false(lives_is_busy(lives, "a"));
    assert_false(lives_is_busy(lives, "none"));
}

static void many_runs_are_found_again(void **state)
{
    char id[16];
    struct run_summary *list;
    struct life life;
    size_t count;

    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "run%d", i);
        make_kind(id, i % 2 ? ARCHIVE_RUN_JOB : ARCHIVE_RUN_FOUND);
    }
    close_all();
    open_all();
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "run%d", i);
        assert_true(lives_take(lives, id, &life));
        lives_give_back(lives);
        assert_non_null(store_find_run(store, id));
    }
    assert_false(lives_take(lives, "run300", &life));
    assert_int_equal(store_runs(store, &list, &count), 0);
    assert_int_equal(count, 300);
    for (size_t i = 0; i < count; i++)
        assert_true(list[i].changed > 0); /* whoever had the list before hears of it */
    free(list);
}

enum { RUNS = 300 };

static void is_as_it_was(int i)
{
    char id[16], title[24];
    struct life life;

    snprintf(id, sizeof id, "run%d", i);
    snprintf(title, sizeof title, "title %d", i);
    assert_true(lives_take(lives, id, &life));
    assert_string_equal(life.title, title);
    assert_int_equal(life.deleted, i % 3 == 0);
    assert_int_equal(life.pinned, i % 3 == 1);
    lives_give_back(lives);
}

/* Whoever asks before a run's turn has come is not told less; no list shows what was deleted. */
static void what_is_said_while_runs_come_in_is_right(void **state)
{
    char id[16], title[24];
    struct run_summary *list;
    size_t count;

    for (int i = 0; i < RUNS; i++) {
        snprintf(id, sizeof id, "run%d", i);
        snprintf(title, sizeof title, "title %d", i);
        struct archive_run *run = make(id);
        assert_int_equal(archive_set_notes(run, &(struct archive_notes){.name = title,
                                                                       .pinned = i % 3 == 1},
                                           NULL, NULL), 0);
        if (i % 3 == 0)
            assert_int_equal(archive_delete(run, true, NULL, NULL), 0);
    }
    close_all();
    for (int round = 0; round < 3; round++) {
        open_loading();
        for (int i = 0; i < RUNS; i++)
            is_as_it_was(i * 7 % RUNS); /* 7 and RUNS have no common factor */
        close_all();
        open_loading();
        bool loaded;
        do {
            loaded = lives_loaded(lives);
            assert_int_equal(store_runs(store, &list, &count), 0);
            for (size_t i = 0; i < count; i++)
                assert_int_equal(list[i].life.deleted, atoi(list[i].id + 3) % 3 == 0);
            free(list);
        } while (!loaded);
        assert_int_equal(count, RUNS);
        close_all();
        open_loading(); /* ends in the middle */
        close_all();
    }
    open_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silence_is_noticed_and_ends, start, stop),
        cmocka_unit_test_setup_teardown(after_a_start_an_agent_has_its_time, start, stop),
        cmocka_unit_test_setup_teardown(an_hour_without_files_ends_the_waiting, start, stop),
        cmocka_unit_test_setup_teardown(only_what_changes_is_news, start, stop),
        cmocka_unit_test_setup_teardown(a_run_that_was_heard_of_is_busy, start, stop),
        cmocka_unit_test_setup_teardown(many_runs_are_found_again, start, stop),
        cmocka_unit_test_setup_teardown(what_is_said_while_runs_come_in_is_right, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
