/* Directories: what is a run, which name it has, and how directories come and go. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tail/discover.h"
#include "tail_world.h"

#define EVENTS "events.out.tfevents.1"

static bool polled;

static struct tail_world *world_new(void)
{
    struct tail_world *world = tail_world_new();

    world->options.force_poll = polled;
    world->options.poll_ms = polled ? 50 : 0;
    return world;
}

static void link_to(struct tail_world *world, const char *target, const char *name)
{
    assert_int_equal(symlink(target, tail_world_path(world, name)), 0);
}

static bool is_gone(const struct tail_state *s)
{
    return s->gone;
}

static bool is_there(const struct tail_state *s)
{
    return !s->gone;
}

static void runs_are_named_by_their_path(void **state)
{
    struct tail_world *world = world_new();

    tail_world_append(world, EVENTS, 0, 1);
    tail_world_append(world, "train/" EVENTS, 0, 2);
    tail_world_append(world, "train/eval/" EVENTS, 0, 3);
    tail_world_append(world, "no/events/here", 0, 1);
    tail_world_create(world, "empty/" EVENTS);
    tail_world_start(world);
    tail_world_expect(world, ".", EVENTS, 1, 1);
    tail_world_expect(world, "train", EVENTS, 1, 2);
    tail_world_expect(world, "train/eval", EVENTS, 1, 3);
    tail_world_expect(world, "empty", EVENTS, 1, 0);
    tail_world_wait_caught_up(world);
    assert_int_equal(tail_world_runs(world), 4);
    struct tail_world_run *run = tail_world_run(world, "train");
    assert_int_equal(strlen(run->id), 16);
    assert_string_equal(run->experiment, "logs");
    char *real = realpath(tail_world_path(world, "train"), NULL);
    assert_string_equal(run->path, real);
    free(real);
    tail_world_free(world);
}

static void a_missing_logdir_is_waited_for(void **state)
{
    struct tail_world *world = world_new();
    char path[256];

    snprintf(path, sizeof path, "%s/later/on", world->dir);
    world->logdir.path = path;
    tail_world_start(world);
    tail_world_wait_caught_up(world);
    assert_true(tail_stats(world->tail).waiting_for_logdir);
    tail_world_append(world, "later/on/x/" EVENTS, 0, 2);
    tail_world_expect(world, "x", EVENTS, 1, 2);
    assert_false(tail_stats(world->tail).waiting_for_logdir);
    tail_world_free(world);
}

static void a_logdir_may_go_and_come_again(void **state)
{
    struct tail_world *world = world_new();
    char path[256];

    snprintf(path, sizeof path, "%s/logs", world->dir);
    world->logdir.path = path;
    tail_world_append(world, "logs/x/" EVENTS, 0, 2);
    tail_world_start(world);
    tail_world_expect(world, "x", EVENTS, 1, 2);
    tail_world_rename(world, "logs", "elsewhere");
    tail_world_expect_state(world, "x", is_gone);
    tail_world_rename(world, "elsewhere", "logs");
    tail_world_expect_state(world, "x", is_there);
    tail_world_append(world, "logs/x/" EVENTS, 2, 1);
    tail_world_expect(world, "x", EVENTS, 1, 3);
    assert_int_equal(tail_world_runs(world), 1);
    tail_world_free(world);
}

static void a_logdir_that_is_a_file_is_an_error(void **state)
{
    struct tail_world *world = world_new();
    char path[256];

    tail_world_append(world, EVENTS, 0, 1);
    snprintf(path, sizeof path, "%s/" EVENTS, world->dir);
    world->logdir.path = path;
    assert_int_equal(tail_start(&world->options, &world->tail), -ENOTDIR);
    tail_world_free(world);
}

static void a_renamed_directory_is_a_new_run(void **state)
{
    struct tail_world *world = world_new();

    tail_world_append(world, "a/b/" EVENTS, 0, 5);
    tail_world_start(world);
    tail_world_expect(world, "a/b", EVENTS, 1, 5);
    tail_world_rename(world, "a", "c");
    tail_world_expect(world, "c/b", EVENTS, 1, 5);
    tail_world_expect_state(world, "a/b", is_gone);
    tail_world_expect(world, "a/b", EVENTS, 1, 5);
    tail_world_append(world, "c/b/" EVENTS, 5, 1);
    tail_world_expect(world, "c/b", EVENTS, 1, 6);
    tail_world_append(world, "c/b/d/" EVENTS, 0, 1); /* watches moved along */
    tail_world_expect(world, "c/b/d", EVENTS, 1, 1);
    tail_world_free(world);
}

static void a_directory_removed_and_made_again_is_the_same_run(void **state)
{
    struct tail_world *world = world_new();

    tail_world_append(world, "a/" EVENTS, 0, 5);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 5);
    tail_world_remove(world, "a/" EVENTS);
    assert_int_equal(rmdir(tail_world_path(world, "a")), 0);
    tail_world_expect_state(world, "a", is_gone);
    tail_world_wall_time = 2000;
    tail_world_append(world, "a/" EVENTS, 0, 3);
    tail_world_expect(world, "a", EVENTS, 2, 3);
    tail_world_expect(world, "a", EVENTS, 1, 5);
    assert_int_equal(tail_world_runs(world), 1);
    tail_world_free(world);
}

static void links_are_followed_and_loops_end(void **state)
{
    struct tail_world *world = world_new();

    tail_world_append(world, "real/" EVENTS, 0, 2);
    link_to(world, "..", "real/up");
    link_to(world, "real", "zlink");
    link_to(world, "real", "alink"); /* sorts before "real": the run's name */
    link_to(world, "nowhere", "dangling");
    link_to(world, "self", "self");
    tail_world_start(world);
    tail_world_expect(world, "alink", EVENTS, 1, 2);
    tail_world_wait_caught_up(world);
    assert_int_equal(tail_world_runs(world), 1);
    tail_world_append(world, "real/" EVENTS, 2, 2);
    tail_world_expect(world, "alink", EVENTS, 1, 4);
    tail_world_free(world);
}

static void a_run_lives_on_under_its_other_name(void **state)
{
    struct tail_world *world = world_new();

    tail_world_append(world, "real/" EVENTS, 0, 2);
    link_to(world, "real", "alink");
    tail_world_start(world);
    tail_world_expect(world, "alink", EVENTS, 1, 2);
    tail_world_remove(world, "alink");
    tail_world_append(world, "real/" EVENTS, 2, 2);
    tail_world_expect(world, "alink", EVENTS, 1, 4);
    tail_world_append(world, "real/" EVENTS, 4, 1);
    tail_world_expect(world, "alink", EVENTS, 1, 5);
    tail_world_expect_state(world, "alink", is_there);
    assert_int_equal(tail_world_runs(world), 1);
    tail_world_free(world);
}

static void a_linked_directory_appears(void **state)
{
    struct tail_world *world = world_new();
    struct tail_world *other = world_new();
    char late[256];

    tail_world_append(other, "deep/" EVENTS, 0, 2);
    snprintf(late, sizeof late, "%s-late", other->dir);
    link_to(world, late, "dangling");
    tail_world_start(world);
    tail_world_wait_caught_up(world);
    link_to(world, other->dir, "link");
    tail_world_expect(world, "link/deep", EVENTS, 1, 2);
    tail_world_append(other, "deep/" EVENTS, 2, 2);
    tail_world_expect(world, "link/deep", EVENTS, 1, 4);
    assert_int_equal(rename(other->dir, late), 0);
    tail_world_expect(world, "dangling/deep", EVENTS, 1, 4);
    assert_int_equal(rename(late, other->dir), 0);
    tail_world_free(world);
    tail_world_free(other);
}

static void several_logdirs_have_aliases(void **state)
{
    struct tail_world *world = world_new();
    struct tail_logdir dirs[2];
    char arg[256];

    tail_world_append(world, "one/x/" EVENTS, 0, 2);
    tail_world_append(world, "two/" EVENTS, 0, 3);
    snprintf(arg, sizeof arg, "first:%s/one/", world->dir);
    assert_int_equal(tail_logdir_parse(arg, &dirs[0]), 0);
    snprintf(arg, sizeof arg, "%s/two", world->dir);
    assert_int_equal(tail_logdir_parse(arg, &dirs[1]), 0);
    world->options.logdirs = dirs;
    world->options.n_logdirs = 2;
    tail_world_start(world);
    tail_world_expect(world, "first/x", EVENTS, 1, 2);
    tail_world_expect(world, "two/.", EVENTS, 1, 3);
    assert_string_equal(tail_world_run(world, "first/x")->experiment, "first");
    tail_world_stop(world);
    free(dirs[1].alias);
    dirs[1].alias = strdup("first");
    assert_int_equal(tail_start(&world->options, &world->tail), -EEXIST);
    tail_logdir_done(&dirs[0]);
    tail_logdir_done(&dirs[1]);
    tail_world_free(world);
}

static void a_logdir_argument_is_a_path_or_alias_and_path(void **state)
{
    struct tail_world *world = world_new();
    struct tail_logdir dir;

    assert_int_equal(tail_logdir_parse("", &dir), -EINVAL);
    assert_int_equal(tail_logdir_parse("x:", &dir), -EINVAL);
    assert_int_equal(tail_logdir_parse("/a/b.c:d//", &dir), 0);
    assert_string_equal(dir.path, "/a/b.c:d");
    assert_string_equal(dir.alias, "b.c:d");
    tail_logdir_done(&dir);
    assert_int_equal(tail_logdir_parse("/", &dir), 0);
    assert_string_equal(dir.path, "/");
    assert_string_equal(dir.alias, "root");
    tail_logdir_done(&dir);
    assert_int_equal(chdir(world->dir), 0);
    tail_world_append(world, "a:b/" EVENTS, 0, 1);
    assert_int_equal(tail_logdir_parse("a:b", &dir), 0); /* such a file exists */
    assert_string_equal(dir.path, "a:b");
    tail_logdir_done(&dir);
    assert_int_equal(tail_logdir_parse("a-1:b", &dir), 0);
    assert_string_equal(dir.alias, "a-1");
    assert_string_equal(dir.path, "b");
    tail_logdir_done(&dir);
    assert_int_equal(chdir("/"), 0);
    tail_world_free(world);
}

static void names_that_are_not_utf8_are_shown_with_a_mark(void **state)
{
    struct tail_world *world = world_new();

    tail_world_append(world, "a\xff" "b\xc3\xa9/" EVENTS, 0, 2);
    tail_world_start(world);
    tail_world_expect(world, "a\xef\xbf\xbd" "b\xc3\xa9", EVENTS, 1, 2);
    tail_world_free(world);
}

static void thousands_of_directories(void **state)
{
    enum { BEFORE = 2000, AFTER = 500 };
    struct tail_world *world = world_new();
    char path[64], name[64];

    for (int i = 0; i < BEFORE; i++) {
        snprintf(path, sizeof path, "g%d/r%d/" EVENTS, i % 50, i);
        tail_world_append(world, path, 0, 2);
    }
    tail_world_start(world);
    tail_world_wait_caught_up(world);
    assert_int_equal(tail_world_runs(world), BEFORE);
    for (int i = 0; i < AFTER; i++) {
        snprintf(path, sizeof path, "h%d/r%d/" EVENTS, i % 50, i);
        tail_world_append(world, path, 0, 2);
    }
    for (int i = 0; i < AFTER; i++) {
        snprintf(name, sizeof name, "h%d/r%d", i % 50, i);
        tail_world_expect(world, name, EVENTS, 1, 2);
    }
    tail_world_free(world);
}

static void a_start_can_be_ended_at_once(void **state)
{
    struct tail_world *world = world_new();
    char path[64];

    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "r%d/" EVENTS, i);
        tail_world_append(world, path, 0, 2000);
    }
    for (int i = 0; i < 20; i++) {
        tail_world_start(world);
        usleep((useconds_t)i * 500);
        int64_t start = clock_ns(NULL);
        tail_world_stop(world);
        assert_true(clock_ns(NULL) - start < NS_PER_S);
        /* What was found belongs to the sink; each start finds it anew. */
        for (size_t j = 0; j < world->n_runs; j++)
            world->runs[j]->name[0] = '\0';
    }
    tail_world_free(world);
}

/* Discovery without its thread: the queue of the kernel runs over while nobody reads it. */
static void a_lost_event_queue_is_made_good(void **state)
{
    enum { FILES = 17000 }; /* more than fs.inotify.max_queued_events usually is */
    struct tail_world *world = world_new();
    struct source_set set = {.sink = world->options.sink};
    struct discover discover;
    struct watch_inotify inotify;
    uv_loop_t loop;
    char path[64];

    fdcache_init(&set.fdcache);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pool_start(&set.pool, 1, NULL, source_turn), 0);
    assert_int_equal(discover_init(&discover, &set, &world->options), 0);
    assert_int_equal(watch_inotify_start(&inotify, &loop, discover_event, &discover), 0);
    discover.inotify = &inotify;
    discover_check_roots(&discover);
    tail_world_append(world, "a/" EVENTS, 0, 1);
    while (discover_walk(&discover)) {
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "a/noise%d", i);
        tail_world_create(world, path);
    }
    tail_world_append(world, "a/events.out.tfevents.2", 0, 2);
    tail_world_append(world, "a/new/" EVENTS, 0, 3);
    for (int i = 0; i < 100 && atomic_load(&discover.overflows) == 0; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    if (atomic_load(&discover.overflows) == 0) /* a larger queue than usual: say it ourselves */
        discover_event(&discover, &(struct inotify_event){.mask = IN_Q_OVERFLOW});
    while (discover_walk(&discover)) {
    }
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 2);
    tail_world_expect(world, "a/new", EVENTS, 1, 3);
    pool_stop(&set.pool);
    watch_inotify_stop(&inotify);
    uv_run(&loop, UV_RUN_DEFAULT);
    discover_done(&discover);
    pool_done(&set.pool);
    assert_int_equal(uv_loop_close(&loop), 0);
    tail_world_free(world);
}

static bool is_polled(const struct tail_state *s)
{
    return s->watch == TAIL_WATCH_POLL && s->poll_ms > 0;
}

static void no_watches_left_scenario(void)
{
    enum { DIRS = 20 };
    struct tail_world *world = world_new();
    char path[64];

    for (int i = 0; i < DIRS; i++) {
        snprintf(path, sizeof path, "r%02d/" EVENTS, i);
        tail_world_append(world, path, 0, 2);
    }
    tail_world_start(world);
    tail_world_wait_caught_up(world);
    tail_world_expect_state(world, "r19", is_polled);
    for (int i = 0; i < DIRS; i++) {
        snprintf(path, sizeof path, "r%02d/" EVENTS, i);
        tail_world_append(world, path, 2, 3);
    }
    for (int i = 0; i < DIRS; i++) {
        snprintf(path, sizeof path, "r%02d", i);
        tail_world_expect(world, path, EVENTS, 1, 5);
    }
    tail_world_free(world);
}

/* The limit of watches is made small in a user namespace of its own, where that is allowed. */
static void without_watches_directories_are_polled(void **state)
{
    enum { NOT_ALLOWED = 77 };
    pid_t pid = fork();

    if (pid == 0) {
        int fd = unshare(CLONE_NEWUSER) < 0
                     ? -1
                     : open("/proc/sys/user/max_inotify_watches", O_WRONLY);
        if (fd < 0 || write(fd, "5", 1) != 1)
            _exit(NOT_ALLOWED);
        no_watches_left_scenario();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ALLOWED) {
        print_message("the limit of watches cannot be set here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void local_file_systems_are_not_remote(void **state)
{
    assert_false(watch_is_remote("/tmp"));
    assert_false(watch_is_remote("/proc"));
    assert_false(watch_is_remote("/no/such/place"));
}

static const struct CMUnitTest scenarios[] = {
    cmocka_unit_test(runs_are_named_by_their_path),
    cmocka_unit_test(a_missing_logdir_is_waited_for),
    cmocka_unit_test(a_logdir_may_go_and_come_again),
    cmocka_unit_test(a_logdir_that_is_a_file_is_an_error),
    cmocka_unit_test(a_renamed_directory_is_a_new_run),
    cmocka_unit_test(a_directory_removed_and_made_again_is_the_same_run),
    cmocka_unit_test(links_are_followed_and_loops_end),
    cmocka_unit_test(a_run_lives_on_under_its_other_name),
    cmocka_unit_test(a_linked_directory_appears),
    cmocka_unit_test(several_logdirs_have_aliases),
    cmocka_unit_test(a_logdir_argument_is_a_path_or_alias_and_path),
    cmocka_unit_test(names_that_are_not_utf8_are_shown_with_a_mark),
    cmocka_unit_test(thousands_of_directories),
    cmocka_unit_test(a_start_can_be_ended_at_once),
    cmocka_unit_test(a_lost_event_queue_is_made_good),
    cmocka_unit_test(without_watches_directories_are_polled),
    cmocka_unit_test(local_file_systems_are_not_remote),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("inotify", scenarios, NULL, NULL);

    polled = true;
    return failed + cmocka_run_group_tests_name("polled", scenarios, NULL, NULL);
}
