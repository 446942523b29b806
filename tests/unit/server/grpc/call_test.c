/* Framing of requests, deadlines, and the text of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/gzip.h"
#include "grpc/call.h"

static struct call *call_with(const void *data, size_t size)
{
    struct call *call = call_new(NULL);

    assert_non_null(call);
    assert_int_equal(buf_add(&call->in, data, size), 0);
    return call;
}

static void one_whole_message_is_taken(void **state)
{
    struct call *call = call_with("\0\0\0\0\3abc", 8);

    assert_true(call_message(call));
    assert_int_equal(call->message.size, 3);
    assert_memory_equal(call->message.data, "abc", 3);
    call_free(call);
}

static void anything_else_is_an_error(void **state)
{
    static const struct {
        const char *data;
        size_t size;
        enum grpc_status status;
    } wrong[] = {
        {"", 0, GRPC_INTERNAL},
        {"\0\0\0\0", 4, GRPC_INTERNAL},
        {"\0\0\0\0\3ab", 7, GRPC_INTERNAL},
        {"\0\0\0\0\1ab", 7, GRPC_INTERNAL},
        {"\2\0\0\0\1a", 6, GRPC_INTERNAL},
        {"\1\0\0\0\1a", 6, GRPC_INTERNAL},
        {"\0\xff\xff\xff\xff", 5, GRPC_RESOURCE_EXHAUSTED},
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct call *call = call_with(wrong[i].data, wrong[i].size);
        assert_false(call_message(call));
        assert_int_equal(call->status, wrong[i].status);
        call_free(call);
    }
}

static struct call *zipped(size_t size)
{
    _cleanup_(buf_done) struct buf out = BUF_INIT(1u << 20);
    struct call *call = call_new(NULL);
    struct gzip *gzip = gzip_new();
    static const char zeros[1u << 16];

    for (size_t done = 0; done < size; done += sizeof zeros)
        assert_int_equal(gzip_add(gzip, zeros, MIN(sizeof zeros, size - done),
                                  done + sizeof zeros >= size, &out), 0);
    gzip_free(gzip);
    const char head[5] = {1, 0, (char)(out.length >> 16), (char)(out.length >> 8),
                          (char)out.length};
    buf_add(&call->in, head, 5);
    buf_add(&call->in, out.data, out.length);
    call->gzip = true;
    return call;
}

static void gzip_is_unpacked_up_to_the_limit(void **state)
{
    struct call *call = zipped(LIMIT_GRPC_REQUEST_BYTES);

    assert_true(call_message(call));
    assert_int_equal(call->message.size, LIMIT_GRPC_REQUEST_BYTES);
    call_free(call);
    call = zipped(LIMIT_GRPC_REQUEST_BYTES + 1);
    assert_false(call_message(call));
    assert_int_equal(call->status, GRPC_RESOURCE_EXHAUSTED);
    call_free(call);
}

static void deadlines_have_units(void **state)
{
    int64_t at = 0;

    assert_true(call_deadline("4970m", 5, 10, &at));
    assert_int_equal(at, 10 + 4970 * NS_PER_MS);
    assert_true(call_deadline("99999999H", 9, 10, &at));
    assert_true(at > 10);
    assert_false(call_deadline("m", 1, 0, &at));
    assert_false(call_deadline("5", 1, 0, &at));
    assert_false(call_deadline("-5S", 3, 0, &at));
    assert_false(call_deadline("123456789S", 10, 0, &at));
}

static void texts_of_errors_are_percent_encoded(void **state)
{
    _cleanup_(buf_done) struct buf out = BUF_INIT(100);

    call_encode_text("50 % of \"\xc3\xa9\"\n", &out);
    assert_string_equal(buf_text(&out), "50 %25 of \"%C3%A9\"%0A");
}

static void methods_are_found_by_their_whole_path(void **state)
{
    const char *path = "/tensorboard.data.TensorBoardDataProvider/ReadScalars";

    assert_non_null(rpc_find(path, strlen(path)));
    assert_null(rpc_find(path, strlen(path) - 1));
    assert_null(rpc_find("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_whole_message_is_taken),
        cmocka_unit_test(anything_else_is_an_error),
        cmocka_unit_test(gzip_is_unpacked_up_to_the_limit),
        cmocka_unit_test(deadlines_have_units),
        cmocka_unit_test(texts_of_errors_are_percent_encoded),
        cmocka_unit_test(methods_are_found_by_their_whole_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
