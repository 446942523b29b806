/* The main path: directories are found, files are followed, records arrive once and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tail_world.h"

static void an_existing_file_is_read_and_then_followed(void **state)
{
    struct tail_world *world = tail_world_new();

    tail_world_append(world, "a/events.out.tfevents.1", 0, 10);
    tail_world_start(world);
    tail_world_expect(world, "a", "events.out.tfevents.1", 1, 10);
    tail_world_append(world, "a/events.out.tfevents.1", 10, 5);
    tail_world_expect(world, "a", "events.out.tfevents.1", 1, 15);
    tail_world_free(world);
}

static void a_new_directory_appears_at_once(void **state)
{
    struct tail_world *world = tail_world_new();

    tail_world_start(world);
    tail_world_wait_caught_up(world);
    tail_world_append(world, "x/y/z/events.out.tfevents.1", 0, 3);
    tail_world_expect(world, "x/y/z", "events.out.tfevents.1", 1, 3);
    tail_world_append(world, "events.out.tfevents.2", 0, 4);
    tail_world_expect(world, ".", "events.out.tfevents.2", 1, 4);
    tail_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_existing_file_is_read_and_then_followed),
        cmocka_unit_test(a_new_directory_appears_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
