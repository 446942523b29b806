/* Content of ./outputs is stored once, and a file that goes on does not change what it shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "archive_world.h"
#include "base/digest.h"
#include "base/log.h"

static void complete(struct archive_file *file)
{
    struct archive_wait *wait = archive_wait_new();

    assert_int_equal(archive_complete(file, NULL, archive_wait_done, wait), 0);
    assert_int_equal(archive_wait_free(wait), 0);
}

static struct stat look(struct archive_world *world, const char *path)
{
    char at[512];
    struct stat st;

    snprintf(at, sizeof at, "%s/%s", world->dir, path);
    assert_int_equal(stat(at, &st), 0);
    return st;
}

static void equal_outputs_share_one_inode(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *one = archive_world_file(run, "outputs/a.pt", "agent");
    struct archive_file *two = archive_world_file(run, "nodes/1/outputs/b.pt", "agent");
    struct archive_file *log = archive_world_file(run, "logs/c.txt", "agent");
    assert_int_equal(archive_append(one, 0, "weights", 7, -1), 0);
    assert_int_equal(archive_append(two, 0, "weights", 7, -1), 0);
    assert_int_equal(archive_append(log, 0, "weights", 7, -1), 0);
    complete(one);
    complete(two);
    complete(log);
    struct stat a = look(world, "runs/r1/files/outputs/a.pt");
    assert_int_equal(a.st_ino, look(world, "runs/r1/files/nodes/1/outputs/b.pt").st_ino);
    assert_int_equal(a.st_nlink, 3);
    assert_int_not_equal(a.st_ino, look(world, "runs/r1/files/logs/c.txt").st_ino);
    archive_world_free(world);
}

static void a_file_that_goes_on_leaves_the_object_alone(void **state)
{
    struct archive_world *world = archive_world_new();
    size_t size;

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *one = archive_world_file(run, "outputs/a.pt", "agent");
    struct archive_file *two = archive_world_file(run, "outputs/b.pt", "agent");
    assert_int_equal(archive_append(one, 0, "weights", 7, -1), 0);
    assert_int_equal(archive_append(two, 0, "weights", 7, -1), 0);
    complete(one);
    complete(two);
    assert_int_equal(archive_append(two, 7, " and more", 9, -1), 0);
    complete(two);
    uint8_t *a = archive_world_read(world, "runs/r1/files/outputs/a.pt", &size);
    assert_int_equal(size, 7);
    assert_memory_equal(a, "weights", 7);
    uint8_t *b = archive_world_read(world, "runs/r1/files/outputs/b.pt", &size);
    assert_int_equal(size, 16);
    assert_memory_equal(b, "weights and more", 16);
    free(a);
    free(b);
    archive_world_free(world);
}

static void objects_go_with_the_last_run_that_has_them(void **state)
{
    struct archive_world *world = archive_world_new();

    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    struct archive_file *one = archive_world_file(run, "outputs/a.pt", "agent");
    assert_int_equal(archive_append(one, 0, "weights", 7, -1), 0);
    complete(one);
    assert_true(archive_world_exists(world, "objects"));
    assert_int_equal(archive_delete(run, true, NULL, NULL), 0);
    struct archive_wait *wait = archive_wait_new();
    assert_int_equal(archive_purge(world->archive, 0, archive_wait_done, wait), 0);
    assert_int_equal(archive_wait_free(wait), 0);
    struct digest digest;
    uint8_t hash[DIGEST_BYTES];
    char object[128];
    digest_init(&digest);
    digest_add(&digest, "weights", 7);
    digest_get(&digest, hash);
    int n = snprintf(object, sizeof object, "objects/%02x/", hash[0]);
    for (size_t i = 1; i < DIGEST_BYTES; i++)
        n += snprintf(object + n, sizeof object - (size_t)n, "%02x", hash[i]);
    assert_false(archive_world_exists(world, object));
    archive_world_free(world);
}

static void of_an_output_so_many_versions_are_kept(void **state)
{
    static const char *const versions[] = {"first", "second", "third", "second"};
    struct archive_world *world = archive_world_new();
    struct archive_file *file = NULL;
    struct archive_run_row *rows;
    size_t n;

    world->options.output_generations = 2;
    archive_world_open(world);
    struct archive_run *run = archive_world_run(world, "r1");
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        file = archive_world_file(run, "outputs/model", "agent");
        assert_int_equal(archive_file_facts(file).generation, i + 1);
        assert_int_equal(archive_append(file, 0, versions[i], strlen(versions[i]), -1), 0);
        complete(file);
    }
    assert_false(archive_world_exists(world, "runs/r1/generations/1/outputs/model"));
    assert_false(archive_world_exists(world, "runs/r1/generations/2/outputs/model"));
    assert_true(archive_world_exists(world, "runs/r1/generations/3/outputs/model"));
    assert_null(archive_find_file(run, "outputs/model", 2));
    assert_int_equal(look(world, "runs/r1/files/outputs/model").st_nlink, 2); /* shared still */
    archive_world_close(world);
    archive_world_open(world);
    run = archive_find_run(world->archive, "r1");
    assert_null(archive_find_file(run, "outputs/model", 2));
    assert_int_equal(archive_durable(archive_find_file(run, "outputs/model", 3)), 5);
    assert_int_equal(archive_file_facts(archive_find_file(run, "outputs/model", 0)).generation, 4);
    assert_int_equal(archive_runs(world->archive, &rows, &n), 0);
    assert_int_equal(rows[0].bytes, 11);
    free(rows);
    archive_world_free(world);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_outputs_share_one_inode),
        cmocka_unit_test(a_file_that_goes_on_leaves_the_object_alone),
        cmocka_unit_test(of_an_output_so_many_versions_are_kept),
        cmocka_unit_test(objects_go_with_the_last_run_that_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
