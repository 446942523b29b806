/* What lists and commits say: kinds, metadata, renames, damage, files, attempts, subscribers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "store/store.h"

struct rig {
    struct clock clock;
    struct store *store;
    struct run *run;
    struct commit last;
    unsigned commits;
};

static void on_commit(void *ctx, const struct commit *commit)
{
    struct rig *rig = ctx;

    rig->last = *commit;
    rig->commits++;
}

static void rig_open(struct rig *rig)
{
    *rig = (struct rig){.clock = {.wall_base_s = 5000}};
    rig->store = store_new(&(struct store_options){.clock = &rig->clock, .epoch = 77});
    assert_non_null(rig->store);
    assert_int_equal(store_epoch(rig->store), 77);
    rig->run = store_run(rig->store,
                         &(struct run_info){"r1", "digits/lr=0.1", "digits", "/x", false});
    assert_non_null(rig->run);
    assert_int_equal(store_subscribe(rig->store, on_commit, rig), 0);
}

static struct text text(const char *s)
{
    return (struct text){s, strlen(s)};
}

static struct lane *lane_of(struct generation *g, const char *tag, enum series_kind kind,
                            const char *plugin, uint64_t offset)
{
    struct series_meta meta = {.kind = kind, .plugin = text(plugin)};

    return generation_lane(g, text(tag), &meta, offset);
}

static void add(struct generation *g, const char *tag, int64_t step, double wall)
{
    generation_event(g, (uint64_t)step, wall, true);
    assert_int_equal(lane_add(lane_of(g, tag, SERIES_SCALAR, "scalars", 0), step, wall, VALUE_F32,
                              0), 0);
}

static struct series *find(struct rig *rig, const char *tag)
{
    return run_find_series(rig->run, text(""), text(tag));
}

static void test_nothing_is_visible_before_its_commit(void **state)
{
    struct rig rig;

    rig_open(&rig);
    struct generation *g = run_generation(rig.run, "", "a", 0);
    add(g, "loss", 1, 1000);
    assert_null(find(&rig, "loss"));
    assert_int_equal(run_commit(rig.run), 0);
    assert_non_null(find(&rig, "loss"));
    assert_int_equal(rig.commits, 1);
    assert_int_equal(rig.last.n_changed, 1);
    assert_ptr_equal(rig.last.changed[0], find(&rig, "loss"));
    assert_true(rig.last.new_series);
    assert_int_equal(run_commit(rig.run), 0); /* nothing new: no commit */
    assert_int_equal(rig.commits, 1);
    assert_int_equal(run_commit_number(rig.run), 1);
    store_free(rig.store);
}

static void test_kind_and_metadata_are_those_of_the_first_file(void **state)
{
    struct rig rig;
    struct series_summary s;

    rig_open(&rig);
    struct generation *b = run_generation(rig.run, "", "b", 0);
    generation_event(b, 0, 1000, true);
    assert_int_equal(lane_add(lane_of(b, "x", SERIES_SCALAR, "scalars", 0), 1, 1000, VALUE_F32, 0),
                     0);
    assert_int_equal(run_commit(rig.run), 0);
    uint64_t ordinal = series_ordinal(find(&rig, "x"));
    struct generation *a = run_generation(rig.run, "", "a", 0);
    struct reference reference = {.step = 5, .wall_time = 1000};
    generation_event(a, 0, 1000, true);
    assert_int_equal(lane_add_reference(lane_of(a, "x", SERIES_TENSOR, "text", 0), &reference), 0);
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(series_summarize(find(&rig, "x"), VIEW_ALL, &s), 0);
    assert_int_equal(s.meta.kind, SERIES_TENSOR);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.other, 1);
    assert_int_equal(s.first_step, 5);
    assert_true(s.ordinal > ordinal); /* a reset */
    struct news news;
    assert_int_equal(series_news(find(&rig, "x"), VIEW_ALL, ordinal, 64, &news), 0);
    assert_int_equal(news.kind, NEWS_BEHIND);
    news_done(&news);
    store_free(rig.store);
}

static void test_a_rename_changes_the_order_of_equal_points(void **state)
{
    struct rig rig;
    struct query q = {.axis = AXIS_STEP, .view = VIEW_ALL};
    struct answer answer;

    rig_open(&rig);
    struct generation *a = run_generation(rig.run, "", "a", 0);
    struct generation *b = run_generation(rig.run, "", "b", 0);
    generation_event(a, 0, 1000, true);
    generation_event(b, 0, 1000, true);
    lane_add(lane_of(a, "x", SERIES_SCALAR, "", 0), 1, 1000, VALUE_U8, 1);
    lane_add(lane_of(b, "x", SERIES_SCALAR, "", 0), 1, 1000, VALUE_U8, 2);
    assert_int_equal(run_commit(rig.run), 0);
    uint64_t ordinal = series_ordinal(find(&rig, "x"));
    assert_int_equal(generation_rename(a, "c", 0), 0);
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(series_query(find(&rig, "x"), &q, &answer), 0);
    assert_int_equal(answer.bits[0], 2);
    assert_int_equal(answer.bits[1], 1);
    assert_int_equal(series_ordinal(find(&rig, "x")), ordinal + 1);
    answer_done(&answer);
    store_free(rig.store);
}

static void test_damage_is_listed_once_and_updated(void **state)
{
    struct rig rig;
    struct damage_entry *list;
    size_t count;

    rig_open(&rig);
    struct generation *g = run_generation(rig.run, "", "a", 0);
    add(g, "loss", 1, 1000);
    struct damage damage = {.offset = 40, .length = 10, .reason = 3, .found_wall_s = 5};
    assert_int_equal(generation_damage(g, &damage), 0);
    damage.length = 20;
    assert_int_equal(generation_damage(g, &damage), 0);
    add(g, "loss", 2, 1001);
    add(g, "loss", 3, 1002);
    assert_int_equal(run_commit(rig.run), 0);
    assert_true(rig.last.damage_changed);
    assert_int_equal(run_damage(rig.run, &list, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].damage.length, 20);
    assert_int_equal(list[0].records_after, 2);
    assert_string_equal(list[0].path, "a");
    damage_entries_free(list, count);
    store_free(rig.store);
}

static void test_files_and_attempts(void **state)
{
    struct rig rig;
    struct file_summary *files;
    struct attempt_summary *attempts;
    struct run_summary s;
    size_t n_files, n_attempts;

    rig_open(&rig);
    struct generation *a = run_generation(rig.run, "", "a", 0);
    struct generation *b = run_generation(rig.run, "", "b", 0);
    for (int i = 0; i < 10; i++)
        add(a, "loss", i, 1000 + i);
    for (int i = 5; i < 8; i++)
        add(b, "loss", i, 2000 + i);
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(run_files(rig.run, &files, &n_files), 0);
    assert_int_equal(n_files, 2);
    assert_int_equal(files[0].points, 10);
    assert_true(files[0].hides);
    assert_int_equal(files[0].hides_from, 5);
    assert_false(files[1].hides);
    assert_int_equal(files[1].attempt, 2);
    assert_int_equal(run_attempts(rig.run, &attempts, &n_attempts), 0);
    assert_int_equal(n_attempts, 2);
    assert_int_equal(attempts[0].hidden, 5);
    assert_int_equal(attempts[1].first_step, 5);
    assert_int_equal(attempts[1].last_step, 7);
    run_summarize(rig.run, &s);
    assert_int_equal(s.attempts, 2);
    assert_int_equal(s.restarts, 1);
    assert_int_equal(s.points, 13);
    assert_int_equal(s.hidden, 5);
    assert_true(s.first_wall == 1000 && s.last_wall == 2007);
    free(attempts);
    file_summaries_free(files, n_files);
    store_free(rig.store);
}

static void test_activity_follows_the_newest_byte(void **state)
{
    struct rig rig;
    struct run_summary s;
    struct run_source source = {.watch = "inotify", .newest_byte_wall_s = 4990};

    rig_open(&rig);
    run_source(rig.run, &source);
    assert_int_equal(run_commit(rig.run), 0);
    run_summarize(rig.run, &s);
    assert_int_equal(s.activity, ACTIVITY_LIVE);
    clock_advance(&rig.clock, 40 * NS_PER_S);
    run_summarize(rig.run, &s);
    assert_int_equal(s.activity, ACTIVITY_QUIET);
    source.gone = true;
    run_source(rig.run, &source);
    assert_int_equal(run_commit(rig.run), 0);
    run_summarize(rig.run, &s);
    assert_int_equal(s.activity, ACTIVITY_GONE);
    assert_string_equal(activity_word(s.activity), "gone");
    store_free(rig.store);
}

static void test_more_news_than_wanted_are_buckets_and_far_behind_is_behind(void **state)
{
    struct rig rig;
    struct news news;

    rig_open(&rig);
    struct generation *g = run_generation(rig.run, "", "a", 0);
    for (int i = 0; i < 1000; i++)
        add(g, "loss", i, 1000 + i);
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(series_news(find(&rig, "loss"), VIEW_STITCHED, 10, 64, &news), 0);
    assert_int_equal(news.kind, NEWS_POINTS);
    assert_true(news.points.buckets);
    assert_in_range(news.points.count, 1, 64);
    uint64_t total = 0;
    for (size_t i = 0; i < news.points.count; i++)
        total += news.points.n[i];
    assert_int_equal(total, 990);
    news_done(&news);
    assert_int_equal(series_news(find(&rig, "loss"), VIEW_STITCHED, 1000, 64, &news), 0);
    assert_int_equal(news.kind, NEWS_NONE);
    news_done(&news);
    for (int i = 0; i < LIMIT_LIVE_BACKLOG_POINTS; i++)
        add(g, "loss", 1000 + i, 3000 + i);
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(series_news(find(&rig, "loss"), VIEW_STITCHED, 999, 64, &news), 0);
    assert_int_equal(news.kind, NEWS_BEHIND);
    news_done(&news);
    store_free(rig.store);
}

static void test_runs_are_listed_in_natural_order(void **state)
{
    struct rig rig;
    struct run_summary *runs;
    size_t count;

    rig_open(&rig);
    store_run(rig.store, &(struct run_info){"r3", "digits/10", "", "", false});
    store_run(rig.store, &(struct run_info){"r2", "digits/9", "", "", false});
    assert_int_equal(store_runs(rig.store, &runs, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(runs[0].id, "r2");
    assert_string_equal(runs[1].id, "r3");
    assert_ptr_equal(store_find_run(rig.store, "r2"), runs[0].run);
    assert_null(store_find_run(rig.store, "r4"));
    free(runs);
    store_free(rig.store);
}

static void test_the_pulse_counts_runs_and_knows_the_newest_commit(void **state)
{
    const struct run_source source = {.watch = "poll"};
    struct rig rig;
    double newest;

    rig_open(&rig);
    assert_int_equal(store_pulse(rig.store, &newest), 1);
    assert_true(isnan(newest));
    run_source(rig.run, &source);
    assert_int_equal(run_commit(rig.run), 0);
    assert_int_equal(store_pulse(rig.store, &newest), 1);
    assert_true(newest == clock_wall_s(&rig.clock));
    store_free(rig.store);
}

static void test_words(void **state)
{
    assert_int_equal(series_kind_parse("histogram", 9), SERIES_HISTOGRAM);
    assert_int_equal(series_kind_parse("histo", 5), 0);
    assert_string_equal(series_kind_word(SERIES_BLOB), "blob");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_visible_before_its_commit),
        cmocka_unit_test(test_kind_and_metadata_are_those_of_the_first_file),
        cmocka_unit_test(test_a_rename_changes_the_order_of_equal_points),
        cmocka_unit_test(test_damage_is_listed_once_and_updated),
        cmocka_unit_test(test_files_and_attempts),
        cmocka_unit_test(test_activity_follows_the_newest_byte),
        cmocka_unit_test(test_more_news_than_wanted_are_buckets_and_far_behind_is_behind),
        cmocka_unit_test(test_runs_are_listed_in_natural_order),
        cmocka_unit_test(test_the_pulse_counts_runs_and_knows_the_newest_commit),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
