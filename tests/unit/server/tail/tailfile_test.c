/* What can happen to an event file: each a named scenario, with inotify and again by polling. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tail_world.h"

#define EVENTS "events.out.tfevents.1"
#define IN_A "a/" EVENTS

static bool polled;

static struct tail_world *world_new(void)
{
    struct tail_world *world = tail_world_new();

    world->options.force_poll = polled;
    world->options.poll_ms = polled ? 50 : 0;
    return world;
}

/* A world with ten records read from a/EVENTS. */
static struct tail_world *world_of_ten(void)
{
    struct tail_world *world = world_new();

    tail_world_append(world, IN_A, 0, 10);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    return world;
}

static bool is_cut(const struct tail_state *s)
{
    return s->cut_at_source;
}

static bool is_whole(const struct tail_state *s)
{
    return !s->cut_at_source && !s->gone && s->unreadable == 0 && s->message[0] == '\0';
}

static bool is_gone(const struct tail_state *s)
{
    return s->gone;
}

static bool leaves_one_out(const struct tail_state *s)
{
    return s->left_out == 1;
}

static bool leaves_none_out(const struct tail_state *s)
{
    return s->left_out == 0;
}

static bool has_message(const struct tail_state *s)
{
    return s->message[0] != '\0';
}

static void appended(void **state)
{
    struct tail_world *world = world_of_ten();

    for (int i = 1; i <= 20; i++) {
        tail_world_append(world, IN_A, 10 * i, 10);
        tail_world_expect(world, "a", EVENTS, 1, (size_t)(10 + 10 * i));
    }
    tail_world_expect_lives(world, "a", EVENTS, 1);
    tail_world_free(world);
}

static void a_partial_record_is_waited_for(void **state)
{
    struct tail_world *world = world_of_ten();
    uint8_t bytes[TAIL_RECORD_BYTES];

    tail_world_record(bytes, 10, 5);
    for (size_t i = 0; i < sizeof bytes; i += 10)
        tail_world_write(world, IN_A, bytes + i, MIN(10, sizeof bytes - i));
    tail_world_expect(world, "a", EVENTS, 1, 11);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

static void truncated_and_written_anew_is_a_new_life(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_create(world, IN_A);
    tail_world_expect_state(world, "a", is_cut);
    tail_world_wall_time = 2000;
    tail_world_append(world, IN_A, 0, 4);
    tail_world_expect(world, "a", EVENTS, 2, 4);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_append(world, IN_A, 4, 50);
    tail_world_expect(world, "a", EVENTS, 2, 54);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_free(world);
}

static void cut_short_and_grown_again_equal_goes_on(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_truncate(world, IN_A, 5 * TAIL_RECORD_BYTES + 7);
    tail_world_expect_state(world, "a", is_cut);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_truncate(world, IN_A, 5 * TAIL_RECORD_BYTES);
    tail_world_append(world, IN_A, 5, 7);
    tail_world_expect(world, "a", EVENTS, 1, 12);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_expect_lives(world, "a", EVENTS, 1);
    tail_world_free(world);
}

static void cut_short_and_grown_differently_is_a_new_life(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_truncate(world, IN_A, 5 * TAIL_RECORD_BYTES);
    tail_world_expect_state(world, "a", is_cut);
    tail_world_wall_time = 2000;
    tail_world_append(world, IN_A, 5, 20);
    tail_world_expect(world, "a", EVENTS, 2, 25);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_free(world);
}

static void rewritten_in_place_is_a_new_life(void **state)
{
    struct tail_world *world = world_of_ten();
    uint8_t bytes[10 * TAIL_RECORD_BYTES];

    for (int i = 0; i < 10; i++)
        tail_world_record(bytes + i * TAIL_RECORD_BYTES, i, 7777 + i);
    int fd = open(tail_world_path(world, IN_A), O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
    close(fd);
    tail_world_expect(world, "a", EVENTS, 2, 10);
    tail_world_append(world, IN_A, 10, 1);
    tail_world_expect(world, "a", EVENTS, 2, 11);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_free(world);
}

static void replaced_by_a_longer_copy_goes_on(void **state)
{
    struct tail_world *world = world_of_ten();

    for (int n = 15; n < 40; n += 5) {
        tail_world_append(world, "a/." EVENTS ".Ab3dE", 0, n);
        tail_world_expect_state(world, "a", leaves_one_out);
        tail_world_rename(world, "a/." EVENTS ".Ab3dE", IN_A);
        tail_world_expect(world, "a", EVENTS, 1, (size_t)n);
        tail_world_expect_state(world, "a", leaves_none_out);
    }
    tail_world_expect_lives(world, "a", EVENTS, 1);
    tail_world_free(world);
}

static void replaced_by_another_file_is_a_new_life(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_wall_time = 2000;
    tail_world_append(world, "a/x.tmp", 0, 30);
    tail_world_rename(world, "a/x.tmp", IN_A);
    tail_world_expect(world, "a", EVENTS, 2, 30);
    tail_world_append(world, IN_A, 30, 1);
    tail_world_expect(world, "a", EVENTS, 2, 31);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_free(world);
}

static void replaced_unread_bytes_of_the_old_file_are_read(void **state)
{
    struct tail_world *world = world_of_ten();

    int fd = open(tail_world_path(world, IN_A), O_WRONLY | O_APPEND);
    tail_world_wall_time = 2000;
    tail_world_append(world, "a/x.tmp", 0, 3);
    tail_world_rename(world, "a/x.tmp", IN_A);
    tail_world_expect(world, "a", EVENTS, 2, 3);
    uint8_t bytes[TAIL_RECORD_BYTES];
    tail_world_record(bytes, 10, 5);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    tail_world_append(world, IN_A, 3, 1); /* polling has no other way to know */
    tail_world_expect(world, "a", EVENTS, 1, 11);
    tail_world_expect(world, "a", EVENTS, 2, 4);
    close(fd);
    tail_world_free(world);
}

static void renamed_keeps_its_life(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_rename(world, IN_A, "a/events.out.tfevents.2");
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 10);
    tail_world_append(world, "a/events.out.tfevents.2", 10, 5);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 15);
    tail_world_expect_lives(world, "a", EVENTS, 0);
    tail_world_append(world, IN_A, 100, 2); /* the old name starts anew */
    tail_world_expect(world, "a", EVENTS, 1, 2);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

static void renamed_and_recreated_at_once(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_wall_time = 2000;
    tail_world_append(world, "a/other", 0, 6);
    tail_world_rename(world, IN_A, "a/events.out.tfevents.0");
    tail_world_rename(world, "a/other", IN_A);
    tail_world_expect(world, "a", "events.out.tfevents.0", 1, 10);
    tail_world_expect(world, "a", EVENTS, 0, 6);
    tail_world_append(world, IN_A, 6, 1);
    tail_world_expect(world, "a", EVENTS, 0, 7);
    tail_world_free(world);
}

static void renamed_to_another_directory_is_another_run(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_rename(world, IN_A, "b/" EVENTS);
    tail_world_expect(world, "b", EVENTS, 1, 10);
    tail_world_expect_state(world, "a", is_gone);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_append(world, "b/" EVENTS, 10, 1);
    tail_world_expect(world, "b", EVENTS, 1, 11);
    tail_world_free(world);
}

static size_t lives_in_all(struct tail_world *world, const char *name)
{
    struct tail_world_run *run = tail_world_run(world, name);

    pthread_mutex_lock(&world->lock);
    size_t n = run->n_files;
    pthread_mutex_unlock(&world->lock);
    return n;
}

/* mv a b, both followed: the points of a are there once, as the next life of b. */
static void renamed_over_a_known_file_keeps_its_lives(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_wall_time = 2000;
    tail_world_append(world, "a/events.out.tfevents.2", 0, 4);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 4);
    tail_world_rename(world, "a/events.out.tfevents.2", IN_A);
    tail_world_expect(world, "a", EVENTS, 2, 4);
    tail_world_append(world, IN_A, 4, 1);
    tail_world_expect(world, "a", EVENTS, 2, 5);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    assert_int_equal(lives_in_all(world, "a"), 2);
    tail_world_append(world, "a/events.out.tfevents.2", 7, 2); /* the old name starts anew */
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 2);
    tail_world_expect_state(world, "a", is_whole);
    /* and over it once more, now with three lives behind it */
    tail_world_rename(world, IN_A, "a/events.out.tfevents.2");
    tail_world_expect(world, "a", "events.out.tfevents.2", 3, 5);
    tail_world_expect(world, "a", "events.out.tfevents.2", 2, 10);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 2);
    assert_int_equal(lives_in_all(world, "a"), 3);
    tail_world_free(world);
}

static void two_hard_links_are_two_files(void **state)
{
    struct tail_world *world = world_of_ten();
    const char *old = tail_world_path(world, IN_A);

    assert_int_equal(link(old, tail_world_path(world, "a/events.out.tfevents.2")), 0);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 10);
    tail_world_append(world, IN_A, 10, 1);
    tail_world_expect(world, "a", EVENTS, 1, 11);
    tail_world_append(world, "a/events.out.tfevents.2", 11, 1);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 12);
    tail_world_free(world);
}

static void deleted_is_read_to_its_end(void **state)
{
    struct tail_world *world = world_of_ten();
    uint8_t bytes[TAIL_RECORD_BYTES];

    int fd = open(tail_world_path(world, IN_A), O_WRONLY | O_APPEND);
    tail_world_record(bytes, 10, 5);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    tail_world_remove(world, IN_A);
    tail_world_expect(world, "a", EVENTS, 1, 11);
    tail_world_expect_state(world, "a", is_gone);
    close(fd);
    tail_world_free(world);
}

static void deleted_and_recreated_is_a_new_life(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_remove(world, IN_A);
    tail_world_expect_state(world, "a", is_gone);
    tail_world_wall_time = 2000;
    tail_world_append(world, IN_A, 0, 3);
    tail_world_expect(world, "a", EVENTS, 2, 3);
    tail_world_remove(world, IN_A);
    tail_world_wall_time = 3000;
    tail_world_append(world, IN_A, 0, 20); /* at once */
    tail_world_expect(world, "a", EVENTS, 3, 20);
    tail_world_expect(world, "a", EVENTS, 1, 10);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

static void deleted_and_copied_back_goes_on(void **state)
{
    struct tail_world *world = world_of_ten();

    tail_world_remove(world, IN_A);
    tail_world_expect_state(world, "a", is_gone);
    tail_world_append(world, IN_A, 0, 12);
    tail_world_expect(world, "a", EVENTS, 1, 12);
    tail_world_expect_lives(world, "a", EVENTS, 1);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

static void a_link_follows_its_target(void **state)
{
    struct tail_world *world = world_new();
    char elsewhere[] = "/tmp/tail-target-XXXXXX", path[256];

    assert_non_null(mkdtemp(elsewhere));
    snprintf(path, sizeof path, "%s/data", elsewhere);
    tail_world_append(world, "data", 0, 4); /* no event file by its name */
    tail_world_rename(world, "data", "moved");
    assert_int_equal(rename(tail_world_path(world, "moved"), path), 0);
    assert_int_equal(symlink(path, tail_world_path(world, IN_A)), 0);
    tail_world_start(world);
    tail_world_expect(world, "a", EVENTS, 1, 4);
    uint8_t bytes[TAIL_RECORD_BYTES];
    tail_world_record(bytes, 4, 5);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    tail_world_expect(world, "a", EVENTS, 1, 5);
    tail_world_wall_time = 2000;
    tail_world_append(world, "a/other", 0, 6);
    assert_int_equal(symlink("other", tail_world_path(world, "a/link")), 0);
    tail_world_rename(world, "a/link", IN_A); /* the link leads elsewhere now */
    tail_world_expect(world, "a", EVENTS, 2, 6);
    tail_world_append(world, "a/other", 6, 1);
    tail_world_expect(world, "a", EVENTS, 2, 7);
    unlink(path);
    rmdir(elsewhere);
    tail_world_free(world);
}

static void zeros_at_the_end_are_waited_for(void **state)
{
    struct tail_world *world = world_of_ten();
    uint8_t bytes[3 * TAIL_RECORD_BYTES];

    tail_world_truncate(world, IN_A, 13 * TAIL_RECORD_BYTES); /* three records of zeros */
    for (int i = 0; i < 3; i++)
        tail_world_record(bytes + i * TAIL_RECORD_BYTES, 10 + i, 5);
    int fd = open(tail_world_path(world, IN_A), O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, 10 * TAIL_RECORD_BYTES), sizeof bytes);
    close(fd);
    tail_world_expect(world, "a", EVENTS, 1, 13);
    tail_world_stop(world);
    assert_int_equal(tail_world_file(tail_world_run(world, "a"), EVENTS, 1)->damage.n, 0);
    tail_world_free(world);
}

static void what_is_no_event_file_is_said(void **state)
{
    struct tail_world *world = world_new();
    static const char gzip[64] = "\x1f\x8b\x08 compressed as a whole";

    tail_world_write(world, IN_A, gzip, sizeof gzip);
    tail_world_append(world, "a/events.out.tfevents.2", 0, 3);
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    utimensat(AT_FDCWD, tail_world_path(world, IN_A), old, 0);
    tail_world_start(world);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 3);
    tail_world_expect_state(world, "a", has_message);
    tail_world_append(world, "a/new", 0, 8);
    tail_world_rename(world, "a/new", IN_A);
    tail_world_expect(world, "a", EVENTS, 0, 8);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

static void a_pipe_is_no_event_file(void **state)
{
    struct tail_world *world = world_new();

    assert_int_equal(mkfifo(tail_world_path(world, IN_A), 0644), 0);
    tail_world_append(world, "a/events.out.tfevents.2", 0, 3);
    tail_world_start(world);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 3);
    tail_world_expect_lives(world, "a", EVENTS, 0);
    tail_world_free(world);
}

static void files_of_one_directory_are_all_followed(void **state)
{
    struct tail_world *world = world_new();
    char path[64];

    tail_world_start(world);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 20; i++) {
            snprintf(path, sizeof path, "a/" EVENTS ".%d", i);
            tail_world_append(world, path, round, 1);
        }
    }
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, EVENTS ".%d", i);
        tail_world_expect(world, "a", path, 1, 5);
    }
    tail_world_free(world);
}

static void a_sink_without_memory_gets_it_again(void **state)
{
    struct tail_world *world = world_of_ten();

    atomic_store(&world->refuse_spans, 1);
    tail_world_append(world, IN_A, 10, 10);
    tail_world_expect(world, "a", EVENTS, 1, 20);
    atomic_store(&world->refuse_generations, 1);
    tail_world_append(world, "a/events.out.tfevents.2", 0, 2);
    tail_world_expect(world, "a", "events.out.tfevents.2", 1, 2);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

static bool is_unreadable(const struct tail_state *s)
{
    return s->unreadable == 1;
}

static void unreadable_then_readable_scenario(void)
{
    struct tail_world *world = world_new();

    tail_world_append(world, IN_A, 0, 3);
    chmod(tail_world_path(world, IN_A), 0);
    tail_world_start(world);
    tail_world_expect_state(world, "a", is_unreadable);
    chmod(tail_world_path(world, IN_A), 0644);
    tail_world_expect(world, "a", EVENTS, 1, 3);
    tail_world_expect_state(world, "a", is_whole);
    tail_world_free(world);
}

/* Root reads everything: another user has to try. */
static void unreadable_then_readable(void **state)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(1);
        unreadable_then_readable_scenario();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define scenario(name) cmocka_unit_test(name)

static const struct CMUnitTest scenarios[] = {
    scenario(appended),
    scenario(a_partial_record_is_waited_for),
    scenario(truncated_and_written_anew_is_a_new_life),
    scenario(cut_short_and_grown_again_equal_goes_on),
    scenario(cut_short_and_grown_differently_is_a_new_life),
    scenario(rewritten_in_place_is_a_new_life),
    scenario(replaced_by_a_longer_copy_goes_on),
    scenario(replaced_by_another_file_is_a_new_life),
    scenario(replaced_unread_bytes_of_the_old_file_are_read),
    scenario(renamed_keeps_its_life),
    scenario(renamed_and_recreated_at_once),
    scenario(renamed_to_another_directory_is_another_run),
    scenario(renamed_over_a_known_file_keeps_its_lives),
    scenario(two_hard_links_are_two_files),
    scenario(deleted_is_read_to_its_end),
    scenario(deleted_and_recreated_is_a_new_life),
    scenario(deleted_and_copied_back_goes_on),
    scenario(a_link_follows_its_target),
    scenario(zeros_at_the_end_are_waited_for),
    scenario(what_is_no_event_file_is_said),
    scenario(a_pipe_is_no_event_file),
    scenario(files_of_one_directory_are_all_followed),
    scenario(a_sink_without_memory_gets_it_again),
    scenario(unreadable_then_readable),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("inotify", scenarios, NULL, NULL);

    polled = true;
    return failed + cmocka_run_group_tests_name("polled", scenarios, NULL, NULL);
}
