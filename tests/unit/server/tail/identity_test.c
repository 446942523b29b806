/* Identity by content: every change in what is compared is noticed, growth and cuts are not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tail/identity.h"

struct sample {
    struct identity identity;
    struct identity_scratch scratch;
    uint8_t *bytes;
    size_t size;
    int fd;
};

/* A file of `size` bytes, fed in pieces of `piece`. */
static struct sample sample_of(size_t size, size_t piece)
{
    struct sample s = {.bytes = malloc(size), .size = size, .fd = memfd_create("sample", 0)};

    for (size_t i = 0; i < size; i++)
        s.bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    assert_int_equal(pwrite(s.fd, s.bytes, size, 0), size);
    for (size_t at = 0; at < size; at += piece) {
        size_t n = MIN(piece, size - at);
        assert_int_equal(identity_feed(&s.identity, &s.scratch, at, s.bytes + at, n), 0);
    }
    identity_settle(&s.identity, &s.scratch);
    return s;
}

static void sample_done(struct sample *s)
{
    identity_done(&s->identity);
    close(s->fd);
    free(s->bytes);
}

static int check_size(struct sample *s, uint64_t size, bool full)
{
    return identity_check(&s->identity, s->fd, size, full, &s->scratch);
}

static void flip(struct sample *s, size_t at)
{
    uint8_t other = s->bytes[at] ^ 0x20;

    assert_int_equal(pwrite(s->fd, &other, 1, (off_t)at), 1);
}

static void unflip(struct sample *s, size_t at)
{
    assert_int_equal(pwrite(s->fd, &s->bytes[at], 1, (off_t)at), 1);
}

static void the_same_bytes_are_equal_however_they_were_fed(void **state)
{
    static const size_t sizes[] = {1, 63, 64, 65, 4095, 4096, 4097, 9000, 3 << 20};
    static const size_t pieces[] = {1, 51, 64, 4096, 5000, 1 << 20};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (size_t j = 0; j < ARRAY_LEN(pieces); j++) {
            if (sizes[i] / pieces[j] > 100000)
                continue;
            struct sample s = sample_of(sizes[i], pieces[j]);
            assert_int_equal(check_size(&s, s.size, true), IDENTITY_EQUAL);
            assert_int_equal(check_size(&s, s.size + 100, true), IDENTITY_EQUAL);
            assert_int_equal(s.scratch.size, MIN(s.size, IDENTITY_BYTES));
            sample_done(&s);
        }
    }
}

static void each_changed_byte_at_both_ends_is_noticed(void **state)
{
    struct sample s = sample_of(10000, 51);

    for (size_t at = 0; at < s.size; at++) {
        bool compared = at < IDENTITY_BYTES || at >= s.size - IDENTITY_BYTES;
        flip(&s, at);
        assert_int_equal(check_size(&s, s.size, false),
                         compared ? IDENTITY_DIFFERENT : IDENTITY_EQUAL);
        unflip(&s, at);
    }
    sample_done(&s);
}

static void a_file_cut_short_is_compared_in_steps(void **state)
{
    struct sample s = sample_of(3000, 51);

    for (size_t size = 0; size <= s.size; size++)
        assert_int_equal(check_size(&s, size, true), IDENTITY_EQUAL);
    flip(&s, 200);
    assert_int_equal(check_size(&s, 200, true), IDENTITY_EQUAL);
    assert_int_equal(check_size(&s, 256, true), IDENTITY_DIFFERENT);
    assert_int_equal(check_size(&s, s.size, true), IDENTITY_DIFFERENT);
    sample_done(&s);
}

static void marks_in_the_middle_are_compared_when_asked_for(void **state)
{
    struct sample s = sample_of(5 << 20, 1 << 20);
    size_t before_mark = (2 << 20) - 10;

    assert_int_equal(s.identity.n_marks, 5);
    flip(&s, before_mark);
    assert_int_equal(check_size(&s, s.size, false), IDENTITY_EQUAL);
    assert_int_equal(check_size(&s, s.size, true), IDENTITY_DIFFERENT);
    assert_int_equal(check_size(&s, (2 << 20) - 1, true), IDENTITY_EQUAL);
    assert_int_equal(check_size(&s, 3 << 20, true), IDENTITY_DIFFERENT);
    sample_done(&s);
}

/* Bytes that were left out may change; all others that are compared may not. */
static void what_is_left_out_may_change(void **state)
{
    static const size_t holes[] = {0, 5, 64, 3000, 4090, 4096, 7000, 7990};

    for (size_t i = 0; i < ARRAY_LEN(holes); i++) {
        for (int after = 0; after < 2; after++) {
            struct sample s = sample_of(8000, 8000);
            identity_done(&s.identity);
            s.scratch.size = 0;
            if (!after)
                identity_leave_out(&s.identity, &s.scratch, holes[i], 10);
            assert_int_equal(identity_feed(&s.identity, &s.scratch, 0, s.bytes, s.size), 0);
            if (after)
                identity_leave_out(&s.identity, &s.scratch, holes[i], 10);
            identity_settle(&s.identity, &s.scratch);
            for (size_t at = holes[i]; at < holes[i] + 10; at++)
                flip(&s, at);
            assert_int_equal(check_size(&s, s.size, true), IDENTITY_EQUAL);
            if (holes[i] + 10 < s.size) {
                flip(&s, s.size - 1);
                assert_int_equal(check_size(&s, s.size, true), IDENTITY_DIFFERENT);
            }
            sample_done(&s);
        }
    }
}

static void the_window_goes_on_over_visits(void **state)
{
    struct sample s = sample_of(6000, 51), t = {.fd = s.fd};

    for (size_t at = 0; at < s.size; at += 600) {
        assert_int_equal(identity_check(&t.identity, s.fd, at, false, &t.scratch),
                         IDENTITY_EQUAL);
        assert_int_equal(identity_feed(&t.identity, &t.scratch, at, s.bytes + at, 600), 0);
        identity_settle(&t.identity, &t.scratch);
        t.scratch.size = 0; /* another file came in between */
    }
    assert_int_equal(t.identity.window_size, IDENTITY_BYTES);
    assert_int_equal(t.identity.window_crc, s.identity.window_crc);
    assert_int_equal(t.identity.head_crc, s.identity.head_crc);
    identity_done(&t.identity);
    sample_done(&s);
}

/* What a sample's identity was, as an index keeps it, taken up again on the present bytes. */
static int resume(struct sample *s, uint64_t size, uint64_t offset, struct identity *ret)
{
    const struct identity_mark head = {s->identity.head_size, s->identity.head_size,
                                       s->identity.head_crc};
    const struct identity_mark window = {s->identity.window_end, s->identity.window_size,
                                         s->identity.window_crc};

    *ret = (struct identity){0};
    return identity_resume(ret, s->fd, size, &head, &window, offset, &s->scratch);
}

static void a_resumed_identity_goes_on_like_the_first(void **state)
{
    static const size_t sizes[] = {1, 63, 64, 4095, 4096, 4097, 20000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct sample s = sample_of(sizes[i], 1000);
        struct identity again;
        uint8_t more[100] = {1, 2, 3};
        assert_int_equal(resume(&s, s.size, s.size, &again), IDENTITY_EQUAL);
        assert_int_equal(pwrite(s.fd, more, sizeof more, (off_t)s.size), sizeof more);
        assert_int_equal(identity_feed(&again, &s.scratch, s.size, more, sizeof more), 0);
        identity_settle(&again, &s.scratch);
        struct identity_scratch scratch = {0};
        assert_int_equal(identity_check(&s.identity, s.fd, s.size, false, &scratch),
                         IDENTITY_EQUAL);
        assert_int_equal(identity_feed(&s.identity, &scratch, s.size, more, sizeof more), 0);
        identity_settle(&s.identity, &scratch);
        assert_int_equal(again.head_size, s.identity.head_size);
        assert_int_equal(again.head_crc, s.identity.head_crc);
        assert_int_equal(again.window_size, s.identity.window_size);
        assert_int_equal(again.window_crc, s.identity.window_crc);
        identity_done(&again);
        sample_done(&s);
    }
}

static void another_file_is_not_resumed(void **state)
{
    struct sample s = sample_of(20000, 1000);
    struct identity again;

    for (size_t at = 0; at < s.size; at += 97) {
        bool compared = at < IDENTITY_BYTES || at >= s.size - IDENTITY_BYTES;
        flip(&s, at);
        assert_int_equal(resume(&s, s.size, s.size, &again),
                         compared ? IDENTITY_DIFFERENT : IDENTITY_EQUAL);
        identity_done(&again);
        unflip(&s, at);
    }
    sample_done(&s);
}

static void a_cut_file_is_resumed_if_its_head_is_whole(void **state)
{
    struct sample s = sample_of(20000, 1000);
    struct identity again;

    assert_int_equal(resume(&s, 5000, s.size, &again), IDENTITY_EQUAL);
    assert_int_equal(again.window_end, 20000);
    identity_done(&again);
    assert_int_equal(resume(&s, 4000, s.size, &again), IDENTITY_DIFFERENT);
    identity_done(&again);
    sample_done(&s);
}

static void a_proof_may_reach_further_than_what_was_given(void **state)
{
    struct sample s = sample_of(20000, 1000);
    struct identity again;

    assert_int_equal(resume(&s, s.size, 12000, &again), IDENTITY_EQUAL);
    assert_int_equal(again.window_end, 12000);
    assert_int_equal(identity_feed(&again, &s.scratch, 12000, s.bytes + 12000, 8000), 0);
    identity_settle(&again, &s.scratch);
    assert_int_equal(again.window_crc, s.identity.window_crc);
    identity_done(&again);
    flip(&s, 19999);
    assert_int_equal(resume(&s, s.size, 12000, &again), IDENTITY_DIFFERENT);
    identity_done(&again);
    sample_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_are_equal_however_they_were_fed),
        cmocka_unit_test(each_changed_byte_at_both_ends_is_noticed),
        cmocka_unit_test(a_file_cut_short_is_compared_in_steps),
        cmocka_unit_test(marks_in_the_middle_are_compared_when_asked_for),
        cmocka_unit_test(what_is_left_out_may_change),
        cmocka_unit_test(the_window_goes_on_over_visits),
        cmocka_unit_test(a_resumed_identity_goes_on_like_the_first),
        cmocka_unit_test(another_file_is_not_resumed),
        cmocka_unit_test(a_cut_file_is_resumed_if_its_head_is_whole),
        cmocka_unit_test(a_proof_may_reach_further_than_what_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
