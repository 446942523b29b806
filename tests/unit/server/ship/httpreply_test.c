/* Answers are the same however they are cut, and hostile ones are refused within the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "ship/httpreply.h"

struct result {
    int error; /* of feeding; 0 */
    enum httpreply_state state;
    size_t used;
    struct channel_reply reply;
};

static struct result parse(const char *text, size_t size, bool head, size_t piece)
{
    struct result result = {0};
    struct httpreply parser;

    httpreply_begin(&parser, &result.reply, head);
    while (result.used < size && parser.state != HTTPREPLY_DONE) {
        size_t n = MIN(piece, size - result.used);
        ssize_t took = httpreply_feed(&parser, text + result.used, n);
        if (took < 0) {
            result.error = (int)took;
            break;
        }
        assert_true((size_t)took == n || parser.state == HTTPREPLY_DONE);
        result.used += (size_t)took;
    }
    result.state = parser.state;
    return result;
}

static void done(struct result *result)
{
    buf_done(&result->reply.body);
}

static void every_cut_gives_the_same_answer(void **state)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n"
                               "HTTP/1.1 409 Conflict\r\nUpload-Offset:  77 \r\n"
                               "tailboard-generation: 3\r\nUPLOAD-COMPLETE: ?1\r\n"
                               "Tailboard-Check: 77 0a1b2c3d ffffffff\r\nRetry-After: 5\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n"
                               "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: 1\r\n\r\nHTTP/1.1";
    size_t whole = sizeof text - 1 - 8;

    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct result r = parse(text, sizeof text - 1, false, piece);
        assert_int_equal(r.error, 0);
        assert_int_equal(r.state, HTTPREPLY_DONE);
        assert_int_equal(r.used, whole);
        assert_int_equal(r.reply.status, 409);
        assert_true(r.reply.has_offset && r.reply.offset == 77);
        assert_true(r.reply.has_generation && r.reply.generation == 3);
        assert_true(r.reply.complete);
        assert_true(r.reply.check.has && r.reply.check.offset == 77);
        assert_int_equal(r.reply.check.head, 0x0a1b2c3d);
        assert_int_equal(r.reply.retry_after_s, 5);
        assert_int_equal(r.reply.body.length, 6);
        assert_memory_equal(r.reply.body.data, "hello!", 6);
        done(&r);
    }
}

static void bodies_end_where_their_framing_says(void **state)
{
    static const struct {
        const char *text;
        bool head;
        size_t body, rest;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", false, 3, 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", true, 0, 4},
        {"HTTP/1.1 204 No Content\r\n\r\nabcd", false, 0, 4},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nabcd", false, 0, 4},
        {"HTTP/1.1 200 OK\nContent-Length: 0\n\nabcd", false, 0, 4},
        {"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nabcd", false, 0, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result r = parse(rows[i].text, strlen(rows[i].text), rows[i].head, 7);
        assert_int_equal(r.error, 0);
        assert_int_equal(r.state, HTTPREPLY_DONE);
        assert_int_equal(strlen(rows[i].text) - r.used, rows[i].rest);
        assert_int_equal(r.reply.body.length, rows[i].body);
        done(&r);
    }
}

static void a_body_without_length_ends_with_the_connection(void **state)
{
    static const char text[] = "HTTP/1.0 200 OK\r\n\r\nall of it";
    struct channel_reply reply = {0};
    struct httpreply parser;

    httpreply_begin(&parser, &reply, false);
    assert_int_equal(httpreply_feed(&parser, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(parser.state, HTTPREPLY_TO_END);
    assert_true(parser.close);
    assert_int_equal(httpreply_end(&parser), 0);
    assert_int_equal(reply.body.length, 9);
    httpreply_begin(&parser, &reply, false);
    assert_int_equal(httpreply_feed(&parser, text, 10), 10);
    assert_int_equal(httpreply_end(&parser), -EPROTO); /* broken off */
    buf_done(&reply.body);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const texts[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (size_t piece = 1; piece < 40; piece += 6) {
            struct result r = parse(texts[i], strlen(texts[i]), false, piece);
            assert_true(r.error == -EPROTO);
            done(&r);
        }
}

static void headers_without_end_are_refused(void **state)
{
    struct channel_reply reply = {0};
    struct httpreply parser;
    ssize_t r = 0;
    size_t fed = 0;

    httpreply_begin(&parser, &reply, false);
    r = httpreply_feed(&parser, "HTTP/1.1 200 OK\r\n", 17);
    for (; r >= 0 && fed < 1u << 20; fed += 9)
        r = httpreply_feed(&parser, "X: yyyy\r\n", 9);
    assert_int_equal(r, -EMSGSIZE);
    assert_true(fed <= LIMIT_REPLY_HEADER_BYTES);
    httpreply_begin(&parser, &reply, false);
    for (fed = 0, r = 0; r >= 0 && fed < 1u << 20; fed += 9)
        r = httpreply_feed(&parser, "yyyyyyyyy", 9);
    assert_int_equal(r, -EMSGSIZE);
    buf_done(&reply.body);
}

static void a_body_above_the_limit_is_refused(void **state)
{
    static char piece[65536];
    struct channel_reply reply = {0};
    struct httpreply parser;
    ssize_t r;

    httpreply_begin(&parser, &reply, false);
    r = httpreply_feed(&parser, "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", 49);
    for (int i = 0; i < 100 && r >= 0; i++)
        r = httpreply_feed(&parser, piece, sizeof piece);
    assert_int_equal(r, -EMSGSIZE);
    assert_true(reply.body.length <= LIMIT_REPLY_BODY_BYTES);
    buf_done(&reply.body);
}

static void odd_values_of_headers_count_as_not_said(void **state)
{
    static const char text[] =
        "HTTP/1.1 204 X\r\nUpload-Offset: x\r\nTailboard-Generation: 4294967296\r\n"
        "Upload-Complete: ?0\r\nTailboard-Check: 5 1 2\r\nRetry-After: 99999\r\n\r\n";
    struct result r = parse(text, sizeof text - 1, false, sizeof text);

    assert_int_equal(r.state, HTTPREPLY_DONE);
    assert_false(r.reply.has_offset || r.reply.has_generation || r.reply.complete);
    assert_false(r.reply.check.has);
    assert_int_equal(r.reply.retry_after_s, LIMIT_RETRY_AFTER_S);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_answer),
        cmocka_unit_test(bodies_end_where_their_framing_says),
        cmocka_unit_test(a_body_without_length_ends_with_the_connection),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(headers_without_end_are_refused),
        cmocka_unit_test(a_body_above_the_limit_is_refused),
        cmocka_unit_test(odd_values_of_headers_count_as_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
