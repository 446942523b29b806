/* shortage_test.c: whichever allocation fails, the same span given again later adds nothing twice
 * and loses nothing.
 *
 * malloc() and its kin are this file's own: they fail once, at a chosen call. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "ef_builder.h"
#include "ingest/ingest.h"
#include "ingest_message.h"

static long fail_in = -1; /* calls until one fails; -1: none does */
static bool failed;

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if SANITIZED
#define INTERPOSE 0 /* sanitizers bring an allocator of their own */
#else
#define INTERPOSE 1
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);

static bool is_time_to_fail(void)
{
    if (fail_in < 0 || fail_in-- > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return is_time_to_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_time_to_fail() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return is_time_to_fail() ? NULL : __libc_realloc(memory, size);
}
#endif

/* Ten tags in each event, text beside, a record that is no event, a restart in the middle. */
static void build(struct ef_builder *b)
{
    struct message start = {0}, log = {0};

    ef_builder_version(b);
    for (int step = 0; step < 300; step++) {
        struct message summary = {0}, event = {0};
        char tag[40];
        for (int i = 0; i < 10; i++) {
            struct message value = {0};
            snprintf(tag, sizeof tag, "a rather long name of a tag/%d", i);
            message_text(&value, 1, tag);
            message_float(&value, 2, (float)step);
            message_nest(&summary, 1, &value);
        }
        message_double(&event, 1, EF_BUILDER_WALL + step);
        message_varint(&event, 2, (uint64_t)step);
        message_nest(&event, 5, &summary);
        ef_builder_record(b, event.data, event.size);
    }
    ef_builder_record(b, "\xff no event", 10);
    message_varint(&log, 1, 1);
    message_double(&start, 1, EF_BUILDER_WALL + 300);
    message_varint(&start, 2, 200);
    message_nest(&start, 7, &log);
    ef_builder_record(b, start.data, start.size);
    ef_builder_scalars(b, 200, 200);
    ef_builder_blob(b, 300, 1);
}

/* Takes the file in with the n-th allocation failing; true if one did. The sums must not change. */
static bool take_in(const struct ef_builder *b, long n, uint64_t ret_sums[4])
{
    const struct run_info info = {"r", "r", "logs", "/r", false};
    const struct span span = {.data = b->data, .size = b->size};
    struct run_summary summary;

    struct store *store = store_new(&(struct store_options){0});
    struct ingest *ingest = ingest_new(store);
    void *run = ingest_run_found(ingest, &info);
    void *file = ingest_generation(ingest, run, "", "events", 1);
    assert_non_null(file);
    failed = false;
    fail_in = n;
    int r = ingest_span(ingest, run, file, &span);
    ingest_commit(ingest, run);
    fail_in = -1;
    if (r < 0) {
        assert_int_equal(r, -ENOMEM);
        assert_int_equal(ingest_span(ingest, run, file, &span), 0);
    }
    ingest_commit(ingest, run);
    run_summarize(store_find_run(store, "r"), &summary);
    ret_sums[0] = summary.points;
    ret_sums[1] = summary.references;
    ret_sums[2] = summary.hidden;
    ret_sums[3] = summary.damage;
    ingest_free(ingest);
    store_free(store);
    return failed;
}

static void any_failed_allocation_is_made_up_for(void **state)
{
    struct ef_builder b = {0};
    uint64_t expected[4], sums[4];

    if (!INTERPOSE) {
        print_message("the sanitizer has the allocator here\n");
        skip();
    }
    log_set_level((enum log_level)-1); /* the shortage is made on purpose */
    build(&b);
    take_in(&b, -1, expected);
    assert_int_equal(expected[0], 300 * 10 + 200);
    assert_int_equal(expected[1], 1);
    assert_int_equal(expected[3], 1);
    long n = 0;
    for (; take_in(&b, n, sums); n++)
        for (int i = 0; i < 4; i++)
            if (sums[i] != expected[i])
                fail_msg("allocation %ld: sum %d is %llu, not %llu", n, i,
                         (unsigned long long)sums[i], (unsigned long long)expected[i]);
    assert_true(n > 10);
    ef_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_failed_allocation_is_made_up_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
