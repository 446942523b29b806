/* Ranks as the launchers say them, with their traps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "launch/ranks.h"

static void set(const char *const *pairs)
{
    clearenv();
    for (; pairs[0]; pairs += 2)
        setenv(pairs[0], pairs[1], 1);
}

static void alone_there_is_one_process(void **state)
{
    static const char *const none[] = {NULL};
    struct ranks place;

    set(none);
    ranks_read(&place);
    assert_false(place.launched);
    assert_int_equal(place.rank, 0);
    assert_int_equal(place.world, 1);
    assert_int_equal(place.attempt, 1);
    assert_string_equal(place.key, "");
}

static void under_mpirun_inside_slurm_mpi_counts(void **state)
{
    static const char *const env[] = {"SLURM_PROCID",
                                      "0",
                                      "SLURM_STEP_ID",
                                      "0",
                                      "SLURM_JOB_ID",
                                      "7",
                                      "OMPI_COMM_WORLD_RANK",
                                      "5",
                                      "OMPI_COMM_WORLD_SIZE",
                                      "8",
                                      "OMPI_COMM_WORLD_LOCAL_RANK",
                                      "1",
                                      "OMPI_COMM_WORLD_LOCAL_SIZE",
                                      "4",
                                      "PMIX_NAMESPACE",
                                      "ns",
                                      "OMPI_MCA_orte_hnp_uri",
                                      "uri",
                                      NULL};
    struct ranks place;

    set(env);
    ranks_read(&place);
    assert_int_equal(place.rank, 5);
    assert_int_equal(place.world, 8);
    assert_int_equal(place.local_rank, 1);
    assert_int_equal(place.node, 1);
    assert_int_equal(strlen(place.key), 64);
}

static void the_batch_shell_of_slurm_is_no_rank(void **state)
{
    static const char *const shell[] = {"SLURM_PROCID", "0", "SLURM_JOB_ID", "7", NULL};
    static const char *const step[] = {"SLURM_PROCID",
                                       "3",
                                       "SLURM_STEP_ID",
                                       "0",
                                       "SLURM_JOB_ID",
                                       "7",
                                       "SLURM_NODEID",
                                       "2",
                                       "SLURM_LOCALID",
                                       "1",
                                       "SLURM_STEP_NUM_TASKS",
                                       "6",
                                       "SLURM_RESTART_COUNT",
                                       "2",
                                       NULL};
    struct ranks place;

    set(shell);
    ranks_read(&place);
    assert_false(place.launched);
    set(step);
    ranks_read(&place);
    assert_true(place.launched);
    assert_int_equal(place.rank, 3);
    assert_int_equal(place.node, 2);
    assert_int_equal(place.world, 6);
    assert_int_equal(place.attempt, 3);
}

static void keys_are_equal_for_all_ranks_and_differ_by_step(void **state)
{
    const char *env[] = {"RANK", "0",           "WORLD_SIZE", "2", "MASTER_ADDR",
                         "a",    "MASTER_PORT", "1",          NULL};
    struct ranks first, second, third;

    set(env);
    ranks_read(&first);
    env[1] = "1";
    set(env);
    ranks_read(&second);
    env[7] = "2";
    set(env);
    ranks_read(&third);
    assert_string_equal(first.key, second.key);
    assert_string_not_equal(first.key, third.key);
}

static void odd_numbers_count_as_not_said(void **state)
{
    static const char *const env[] = {"RANK",        "-1", "OMPI_COMM_WORLD_RANK", "x", "PMI_RANK",
                                      "99999999999", NULL};
    struct ranks place;

    set(env);
    ranks_read(&place);
    assert_false(place.launched);
}

static void ids_are_valid_ordered_and_made_of_keys(void **state)
{
    char first[RUN_ID_BYTES], second[RUN_ID_BYTES], a[RUN_ID_BYTES], b[RUN_ID_BYTES];

    run_id_make(first);
    usleep(3000);
    run_id_make(second);
    assert_true(run_id_valid(first) && run_id_valid(second));
    assert_true(strcmp(first, second) < 0);
    run_id_from_key("key", a);
    run_id_from_key("key", b);
    assert_string_equal(a, b);
    run_id_from_key("other", b);
    assert_string_not_equal(a, b);
    assert_false(run_id_valid("0123456789ABCDEI") || run_id_valid("short"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_there_is_one_process),
        cmocka_unit_test(under_mpirun_inside_slurm_mpi_counts),
        cmocka_unit_test(the_batch_shell_of_slurm_is_no_rank),
        cmocka_unit_test(keys_are_equal_for_all_ranks_and_differ_by_step),
        cmocka_unit_test(odd_numbers_count_as_not_said),
        cmocka_unit_test(ids_are_valid_ordered_and_made_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
