/* Uploads as docs/formats/upload.md promises them, and what hostile or confused senders get. */
#include "history_rig.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <eventfile/crc32c.h>

#include "base/sha256.h"
#include "http/fields.h"

#define RUN "/runs/r1"
#define FILE_A RUN "/files/logs/a.bin"
#define PARTIAL "Content-Type: application/partial-upload\r\n"
#define JSON "Content-Type: application/json\r\n"

static struct history_rig rig;

static int start(void **state)
{
    struct history_answer answer;

    history_rig_start(&rig);
    answer = history_ask(&rig, "PUT", RUN, JSON, "{\"name\":\"one\"}", 14);
    assert_int_equal(answer.status, 201);
    history_answer_done(&answer);
    return 0;
}

static int stop(void **state)
{
    history_rig_stop(&rig);
    return 0;
}

/* A request that must be answered so; the answer is given out if wanted. */
static void expect(int status, const char *code, const char *method, const char *path,
                   const char *headers, const void *body, size_t size)
{
    struct history_answer answer = history_ask(&rig, method, path, headers, body, size);
    char wanted[64];

    snprintf(wanted, sizeof wanted, "\"code\":\"%s\"", code ? code : "");
    if (answer.status != status || (code && !strstr(answer.body, wanted)))
        print_message("%s %s: %d %s\n", method, path, answer.status, answer.body);
    assert_int_equal(answer.status, status);
    if (code)
        assert_non_null(strstr(answer.body, wanted));
    history_answer_done(&answer);
}

/* PATCH of `size` bytes at `offset`; further headers may be NULL. */
static struct history_answer patch(const char *path, uint64_t offset, const char *more,
                                   const void *data, size_t size)
{
    char headers[512];

    snprintf(headers, sizeof headers, PARTIAL "Upload-Offset: %" PRIu64 "\r\n%s", offset,
             more ? more : "");
    return history_ask(&rig, "PATCH", path, headers, data, size);
}

static void patch_is(int status, const char *code, const char *path, uint64_t offset,
                     const char *more, const void *data, size_t size)
{
    struct history_answer answer = patch(path, offset, more, data, size);

    if (answer.status != status)
        print_message("PATCH %s: %d %s\n", path, answer.status, answer.body);
    assert_int_equal(answer.status, status);
    if (code)
        assert_non_null(strstr(answer.body, code));
    history_answer_done(&answer);
}

static uint64_t number_of(const char *method, const char *path, const char *header)
{
    struct history_answer answer = history_ask(&rig, method, path, NULL, NULL, 0);
    char text[64];
    uint64_t value;

    assert_int_equal(answer.status, 200);
    value = strtoull(history_header(&answer, header, text, sizeof text), NULL, 10);
    history_answer_done(&answer);
    return value;
}

/* What is acknowledged follows in its own time. */
static void wait_durable(const char *path, uint64_t size)
{
    for (int i = 0; number_of("HEAD", path, "Upload-Offset") != size; i++) {
        assert_true(i < 3000);
        usleep(10000);
    }
}

static void content_is(const char *path, const void *data, size_t size)
{
    struct history_answer answer = history_ask(&rig, "GET", path, NULL, NULL, 0);

    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.size, size);
    assert_memory_equal(answer.body, data, size);
    history_answer_done(&answer);
}

static const char *complete_with(const void *data, size_t size, char out[160])
{
    char digest[FIELDS_DIGEST_BYTES];
    uint8_t hash[SHA256_BYTES];

    assert_int_equal(sha256(data, size, hash), 0);
    fields_put_digest(hash, digest);
    snprintf(out, 160, "Upload-Complete: ?1\r\nRepr-Digest: %s\r\n", digest);
    return out;
}

/* ---- what is promised -------------------------------------------------------------------- */

static void pieces_become_a_file(void **state)
{
    struct history_answer answer;
    char headers[160], text[64];

    answer = history_ask(&rig, "HEAD", FILE_A, NULL, NULL, 0);
    assert_int_equal(answer.status, 404);
    history_answer_done(&answer);
    patch_is(204, NULL, FILE_A, 0, NULL, "hello ", 6);
    wait_durable(FILE_A, 6);
    answer = patch(FILE_A, 6, "Tailboard-Generation: 1\r\n", "world", 5);
    assert_int_equal(answer.status, 204);
    assert_string_equal(history_header(&answer, "Tailboard-Received", text, sizeof text), "11");
    assert_string_equal(history_header(&answer, "Upload-Complete", text, sizeof text), "?0");
    history_answer_done(&answer);
    answer = patch(FILE_A, 11, complete_with("hello world", 11, headers), "", 0);
    assert_int_equal(answer.status, 204);
    assert_string_equal(history_header(&answer, "Upload-Offset", text, sizeof text), "11");
    assert_string_equal(history_header(&answer, "Upload-Complete", text, sizeof text), "?1");
    history_answer_done(&answer);
    content_is(FILE_A, "hello world", 11);
    /* Said again, and once more after a restart. */
    patch_is(204, NULL, FILE_A, 11, headers, "", 0);
    history_rig_again(&rig);
    patch_is(204, NULL, FILE_A, 11, headers, "", 0);
    content_is(FILE_A, "hello world", 11);
    /* More comes: it is open again. */
    patch_is(204, NULL, FILE_A, 11, NULL, "!", 1);
    answer = history_ask(&rig, "HEAD", FILE_A, NULL, NULL, 0);
    assert_string_equal(history_header(&answer, "Upload-Complete", text, sizeof text), "?0");
    history_answer_done(&answer);
}

/* A sender that has fewer bytes than are here asks for a proof of those. */
static void a_proof_is_given_as_far_as_the_sender_has_bytes(void **state)
{
    static const uint64_t lengths[] = {0, 1, 4095, 4096, 4097, 9999, 10000, 20000};
    char data[10000], path[sizeof FILE_A + 40], expected[64], text[64];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 / 3);
    patch_is(204, NULL, FILE_A, 0, NULL, data, sizeof data);
    wait_durable(FILE_A, sizeof data);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        size_t end = MIN((size_t)lengths[i], sizeof data), n = MIN(end, (size_t)4096);
        snprintf(path, sizeof path, FILE_A "?at=%" PRIu64, lengths[i]);
        snprintf(expected, sizeof expected, "%zu %08" PRIx32 " %08" PRIx32, end,
                 ef_crc32c(data, n), ef_crc32c(data + end - n, n));
        struct history_answer answer = history_ask(&rig, "HEAD", path, NULL, NULL, 0);
        assert_int_equal(answer.status, 200);
        assert_string_equal(history_header(&answer, "Tailboard-Check", text, sizeof text),
                            expected);
        assert_string_equal(history_header(&answer, "Upload-Offset", text, sizeof text), "10000");
        history_answer_done(&answer);
    }
    expect(400, NULL, "HEAD", FILE_A "?at=-1", NULL, NULL, 0);
}

static void what_is_known_is_compared(void **state)
{
    patch_is(204, NULL, FILE_A, 0, NULL, "abcdef", 6);
    patch_is(204, NULL, FILE_A, 2, NULL, "cdefgh", 6);
    patch_is(204, NULL, FILE_A, 0, NULL, "abc", 3);
    patch_is(409, "mismatch", FILE_A, 4, NULL, "xx", 2);
    patch_is(409, "mismatch", FILE_A, 0, NULL, "abXdefghi", 9);
    wait_durable(FILE_A, 8);
}

static void a_gap_is_refused_with_the_place_to_go_on(void **state)
{
    struct history_answer answer;
    char text[64];

    patch_is(409, "gap", FILE_A, 5, NULL, "x", 1);
    patch_is(204, NULL, FILE_A, 0, NULL, "abc", 3);
    answer = patch(FILE_A, 9, NULL, "x", 1);
    assert_int_equal(answer.status, 409);
    assert_string_equal(history_header(&answer, "Upload-Offset", text, sizeof text), "3");
    history_answer_done(&answer);
}

static void a_new_generation_begins_at_nothing(void **state)
{
    struct history_answer answer;
    char text[64];

    expect(201, NULL, "POST", FILE_A "?replaces=0", NULL, "", 0);
    expect(201, NULL, "POST", FILE_A "?replaces=0", NULL, "", 0);
    patch_is(204, NULL, FILE_A, 0, "Tailboard-Generation: 1\r\n", "old", 3);
    for (int i = 0; i < 2; i++) {
        answer = history_ask(&rig, "POST", FILE_A "?replaces=1", NULL, "", 0);
        assert_int_equal(answer.status, 201);
        assert_string_equal(history_header(&answer, "Tailboard-Generation", text, sizeof text),
                            "2");
        history_answer_done(&answer);
    }
    patch_is(409, "stale-generation", FILE_A, 3, "Tailboard-Generation: 1\r\n", "x", 1);
    patch_is(204, NULL, FILE_A, 0, "Tailboard-Generation: 2\r\n", "newer", 5);
    expect(409, "stale-generation", "POST", FILE_A "?replaces=1", NULL, "", 0);
    wait_durable(FILE_A, 5);
    content_is(FILE_A, "newer", 5);
    content_is(FILE_A "?generation=1", "old", 3);
}

static void a_path_belongs_to_who_sent_it_first(void **state)
{
    patch_is(204, NULL, FILE_A "?source=n1:77", 0, NULL, "a", 1);
    patch_is(409, "path-taken", FILE_A "?source=n2:77", 1, NULL, "b", 1);
    expect(409, "path-taken", "POST", FILE_A "?source=n2:77&replaces=1", NULL, "", 0);
    patch_is(204, NULL, FILE_A "?source=n1:77", 1, NULL, "b", 1);
    expect(400, "bad-parameter", "POST", FILE_A "?source=a%20b", NULL, "", 0);
}

static void the_hash_must_agree(void **state)
{
    char headers[160];

    patch_is(409, "digest-mismatch", FILE_A, 0, complete_with("other", 5, headers), "hello", 5);
    patch_is(204, NULL, FILE_A, 5, complete_with("hello", 5, headers), "", 0);
}

static void a_large_body_is_streamed(void **state)
{
    enum { SIZE = 40 << 20 };
    char *data = malloc(SIZE), headers[160];

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    patch_is(204, NULL, FILE_A, 0, complete_with(data, SIZE, headers), data, SIZE);
    content_is(FILE_A, data, SIZE);
    free(data);
}

static _Atomic bool stuck;

/* The archive writes nothing while it is stuck: over the C library's own. */
ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    while (atomic_load(&stuck))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return syscall(SYS_pwritev, fd, iov, n, offset, 0);
}

static void *let_go(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    atomic_store(&stuck, false);
    return NULL;
}

static void an_end_waits_for_room_like_the_rest(void **state)
{
    enum { FIRST = LIMIT_ARCHIVE_QUEUE_BYTES - 30000, SIZE = FIRST + 60000 };
    char *data = malloc(SIZE);
    pthread_t thread;

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    atomic_store(&stuck, true);
    patch_is(204, NULL, FILE_A, 0, NULL, data, FIRST);
    assert_int_equal(pthread_create(&thread, NULL, let_go, NULL), 0);
    patch_is(204, NULL, FILE_A, FIRST, NULL, data + FIRST, SIZE - FIRST);
    pthread_join(thread, NULL);
    wait_durable(FILE_A, SIZE);
    content_is(FILE_A, data, SIZE);
    free(data);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void unsound_requests_are_refused(void **state)
{
    static const struct {
        int status;
        const char *code, *path, *headers;
    } rows[] = {
        {400, "bad-path", RUN "/files/logs/../x", PARTIAL "Upload-Offset: 0\r\n"},
        {400, "bad-path", RUN "/files/logs/%2e%2e/x", PARTIAL "Upload-Offset: 0\r\n"},
        {400, "bad-path", RUN "/files/logs%2F..%2Fx", PARTIAL "Upload-Offset: 0\r\n"},
        {400, "bad-path", RUN "/files/%2Fetc%2Fpasswd", PARTIAL "Upload-Offset: 0\r\n"},
        {400, "bad-path", RUN "/files/a//b", PARTIAL "Upload-Offset: 0\r\n"},
        {400, "bad-path", RUN "/files/.", PARTIAL "Upload-Offset: 0\r\n"},
        {400, "bad-address", RUN "/files/a%00b", PARTIAL "Upload-Offset: 0\r\n"},
        {415, "partial-upload-needed", FILE_A, "Upload-Offset: 0\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: -1\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: 0x10\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: 0\r\nUpload-Offset: 1\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: 0\r\nUpload-Complete: yes\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: 0\r\nRepr-Digest: sha-256=x\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: 0\r\nTailboard-Damaged: 1\r\n"},
        {400, "bad-parameter", FILE_A, PARTIAL "Upload-Offset: 0\r\nTailboard-Repaired: 5-1\r\n"},
        {409, "gap", FILE_A, PARTIAL "Upload-Offset: 999999999999999\r\n"},
        {409, "gap", FILE_A, PARTIAL "Upload-Offset: 0\r\nTailboard-Generation: 7\r\n"},
        {404, "no-such-run", "/runs/r2/files/a", PARTIAL "Upload-Offset: 0\r\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].status, rows[i].code, "PATCH", rows[i].path, rows[i].headers, "x", 1);
    expect(404, NULL, "HEAD", FILE_A, NULL, NULL, 0); /* none of them made a file */
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    char path[512];
    size_t n = (size_t)snprintf(path, sizeof path, RUN "/files/");

    memset(path + n, 'a', 256);
    path[n + 256] = '\0';
    expect(400, "bad-path", "PATCH", path, PARTIAL "Upload-Offset: 0\r\n", "x", 1);
    path[n + 255] = '\0';
    expect(204, NULL, "PATCH", path, PARTIAL "Upload-Offset: 0\r\n", "x", 1);
}

static void a_body_that_is_too_large_is_not_read(void **state)
{
    static const char head[] = "PATCH /api/v1" FILE_A " HTTP/1.1\r\nHost: localhost\r\n" PARTIAL
                               "Upload-Offset: 0\r\nContent-Length: 67108865\r\n\r\n";
    int fd = history_rig_connect(&rig);
    struct history_answer answer;

    assert_true(history_send(fd, head, sizeof head - 1));
    answer = history_read(fd);
    assert_int_equal(answer.status, 413);
    history_answer_done(&answer);
    close(fd);
    expect(404, NULL, "HEAD", FILE_A, NULL, NULL, 0);
}

static void chunks_have_the_same_limit(void **state)
{
    static const char head[] = "PATCH /api/v1" FILE_A " HTTP/1.1\r\nHost: localhost\r\n" PARTIAL
                               "Upload-Offset: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
    enum { CHUNK = 1 << 20 };
    char *chunk = calloc(1, CHUNK + 2);
    int fd = history_rig_connect(&rig), sent = 0;
    struct history_answer answer;

    memcpy(chunk + CHUNK, "\r\n", 2);
    assert_true(history_send(fd, head, sizeof head - 1));
    while (sent < 80 && history_send(fd, "100000\r\n", 8) && history_send(fd, chunk, CHUNK + 2))
        sent++;
    answer = history_read(fd);
    assert_true(sent < 80 || answer.status == 413);
    history_answer_done(&answer);
    close(fd);
    free(chunk);
    assert_true(number_of("HEAD", FILE_A, "Tailboard-Received") <= LIMIT_UPLOAD_BYTES);
}

static void what_came_before_a_cut_is_kept(void **state)
{
    static const char head[] = "PATCH /api/v1" FILE_A " HTTP/1.1\r\nHost: localhost\r\n" PARTIAL
                               "Upload-Offset: 0\r\nContent-Length: 1000\r\n\r\nabcdefgh";
    int fd = history_rig_connect(&rig);

    assert_true(history_send(fd, head, sizeof head - 1));
    usleep(100000);
    close(fd);
    for (int i = 0;; i++) {
        struct history_answer answer = history_ask(&rig, "HEAD", FILE_A, NULL, NULL, 0);
        char text[32];
        bool came = strcmp(history_header(&answer, "Upload-Offset", text, sizeof text), "8") == 0;

        history_answer_done(&answer);
        if (came)
            break;
        assert_true(i < 1000);
        usleep(10000);
    }
    content_is(FILE_A, "abcdefgh", 8);
}

static void a_refusal_leaves_the_connection_usable(void **state)
{
    static const char two[] = "PATCH /api/v1" FILE_A " HTTP/1.1\r\nHost: localhost\r\n" PARTIAL
                              "Upload-Offset: 9\r\nContent-Length: 3\r\n\r\nxyz"
                              "PATCH /api/v1" FILE_A " HTTP/1.1\r\nHost: localhost\r\n" PARTIAL
                              "Upload-Offset: 0\r\nContent-Length: 3\r\n\r\nabc";
    int fd = history_rig_connect(&rig);
    struct history_answer answer;

    assert_true(history_send(fd, two, sizeof two - 1));
    answer = history_read(fd);
    assert_int_equal(answer.status, 409);
    history_answer_done(&answer);
    answer = history_read(fd);
    assert_int_equal(answer.status, 204);
    history_answer_done(&answer);
    close(fd);
}

static void a_client_that_waits_for_continue_sends_nothing_in_vain(void **state)
{
    static const char head[] = "PATCH /api/v1" FILE_A " HTTP/1.1\r\nHost: localhost\r\n" PARTIAL
                               "Expect: 100-continue\r\nUpload-Offset: %d\r\n"
                               "Content-Length: 3\r\n\r\n";
    char request[512];
    struct history_answer answer;
    int fd = history_rig_connect(&rig), n = snprintf(request, sizeof request, head, 9);

    assert_true(history_send(fd, request, (size_t)n));
    answer = history_read(fd);
    assert_int_equal(answer.status, 409);
    history_answer_done(&answer);
    close(fd);
    fd = history_rig_connect(&rig);
    n = snprintf(request, sizeof request, head, 0);
    assert_true(history_send(fd, request, (size_t)n));
    answer = history_read(fd);
    assert_int_equal(answer.status, 100);
    history_answer_done(&answer);
    assert_true(history_send(fd, "abc", 3));
    answer = history_read(fd);
    assert_int_equal(answer.status, 204);
    history_answer_done(&answer);
    close(fd);
}

static void only_the_right_token_may_send(void **state)
{
    static const struct {
        const char *name, *run;
        int status;
    } rows[] = {{"none", NULL, 401}, {"wrong", "x", 401}, {"other", "r2", 403}, {"own", "r1", 204}};
    char token[AUTH_RUN_TOKEN_BYTES], headers[512];

    rig.stranger = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(token, sizeof token, "run.r1.1.%064d", 0);
        if (rows[i].run && rows[i].run[0] == 'r')
            assert_int_equal(auth_run_token(rig.auth, rows[i].run, token), 0);
        snprintf(headers, sizeof headers, PARTIAL "Upload-Offset: 0\r\n%s%s%s",
                 rows[i].run ? "Authorization: Bearer " : "", rows[i].run ? token : "",
                 rows[i].run ? "\r\n" : "");
        expect(rows[i].status, NULL, "PATCH", FILE_A, headers, "x", 1);
    }
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", token);
    expect(200, NULL, "GET", RUN, headers, NULL, 0);
    expect(403, "not-allowed", "GET", "/runs", headers, NULL, 0);
    expect(403, "not-allowed", "DELETE", RUN, headers, NULL, 0);
    rig.stranger = false;
}

static void further_tokens_have_their_right_and_no_more(void **state)
{
    char text[64], id[9], headers[256];
    enum auth_right right;

    rig.stranger = true;
    for (right = AUTH_READ; right <= AUTH_ADMIN; right++) {
        assert_int_equal(auth_tokens_add(rig.auth, "test", right, text, id), 0);
        snprintf(headers, sizeof headers, PARTIAL "Upload-Offset: 0\r\n"
                                                  "Authorization: Bearer %s\r\n", text);
        expect(200, NULL, "GET", "/runs", headers, NULL, 0);
        expect(right >= AUTH_WRITE ? 204 : 403, NULL, "PATCH", FILE_A, headers, "x", 1);
        expect(right >= AUTH_ADMIN ? 200 : 403, NULL, "GET", "/tokens", headers, NULL, 0);
        assert_int_equal(auth_tokens_revoke(rig.auth, id), 0);
        expect(401, NULL, "GET", "/runs", headers, NULL, 0);
    }
    rig.stranger = false;
}

static void a_deleted_run_takes_nothing(void **state)
{
    patch_is(204, NULL, FILE_A, 0, NULL, "x", 1);
    expect(409, "busy", "DELETE", RUN, NULL, NULL, 0);
    expect(204, NULL, "DELETE", RUN "?force=1", NULL, NULL, 0);
    patch_is(410, "deleted", FILE_A, 1, NULL, "x", 1);
    expect(410, "deleted", "GET", FILE_A, NULL, NULL, 0);
    expect(200, NULL, "POST", RUN "/restore", NULL, "", 0);
    patch_is(204, NULL, FILE_A, 1, NULL, "y", 1);
    wait_durable(FILE_A, 2);
    content_is(FILE_A, "xy", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, start, stop)
        WITH_RIG(pieces_become_a_file),
        WITH_RIG(a_proof_is_given_as_far_as_the_sender_has_bytes),
        WITH_RIG(what_is_known_is_compared),
        WITH_RIG(a_gap_is_refused_with_the_place_to_go_on),
        WITH_RIG(a_new_generation_begins_at_nothing),
        WITH_RIG(a_path_belongs_to_who_sent_it_first),
        WITH_RIG(the_hash_must_agree),
        WITH_RIG(a_large_body_is_streamed),
        WITH_RIG(an_end_waits_for_room_like_the_rest),
        WITH_RIG(unsound_requests_are_refused),
        WITH_RIG(a_name_that_is_too_long_is_refused),
        WITH_RIG(a_body_that_is_too_large_is_not_read),
        WITH_RIG(chunks_have_the_same_limit),
        WITH_RIG(what_came_before_a_cut_is_kept),
        WITH_RIG(a_refusal_leaves_the_connection_usable),
        WITH_RIG(a_client_that_waits_for_continue_sends_nothing_in_vain),
        WITH_RIG(only_the_right_token_may_send),
        WITH_RIG(further_tokens_have_their_right_and_no_more),
        WITH_RIG(a_deleted_run_takes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
