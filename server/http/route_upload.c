/* route_upload.c: HEAD, POST and PATCH of /runs/{id}/files/{path}: resumable uploads.
 *
 *   head ─► upload_begin: checks, opens the file ─► pieces ─► archive_append ─► route_upload: reply
 *
 * The body is given to the archive as it comes and never held: at most UPLOAD_PIECE bytes wait
 * here. The reply to a PATCH comes when the body is received; that of the last when all is durable.
 * Rules: docs/formats/upload.md. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "http/fields.h"
#include "http/history.h"
#include "http/router.h"

enum { UPLOAD_PIECE = LIMIT_CARRIED_BYTES, ROOM_MS = 5 /* between two looks for room */ };

struct upload {
    struct archive_run *run;
    struct archive_file *file;
    const char *source;
    uint64_t offset;         /* of the next byte to be given to the archive */
    bool completes, has_digest, repairs;
    uint8_t digest[SHA256_BYTES];
    uint64_t repair_length;
    struct ticket *ticket;   /* of archive_complete() */
    int64_t give_up_ns;      /* 0: the archive's queue had room so far for the last piece */
    size_t held;             /* bytes in `piece` */
    char piece[UPLOAD_PIECE];
};

/* ---- headers of answers ------------------------------------------------------------------ */

/* `offset`, `proof` NULL: those of the durable bytes. */
static void tell_with(struct request *request, struct archive_file *file, const uint64_t *offset,
                      const struct archive_check *proof)
{
    struct archive_file_facts facts = archive_file_facts(file);
    char digest[FIELDS_DIGEST_BYTES];

    response_header(request, "Upload-Offset", "%" PRIu64, offset ? *offset : facts.durable);
    response_header(request, "Tailboard-Received", "%" PRIu64, facts.received);
    response_header(request, "Upload-Complete", facts.complete ? "?1" : "?0");
    response_header(request, "Tailboard-Generation", "%" PRIu32, facts.generation);
    if (!proof)
        proof = &facts.check;
    response_header(request, "Tailboard-Check", "%" PRIu64 " %08" PRIx32 " %08" PRIx32,
                    proof->offset, proof->head_crc, proof->tail_crc);
    if (!facts.has_sha256)
        return;
    fields_put_digest(facts.sha256, digest);
    response_header(request, "Repr-Digest", "%s", digest);
}

static void tell(struct request *request, struct archive_file *file, const uint64_t *offset)
{
    tell_with(request, file, offset, NULL);
}

bool upload_tell(struct request *request, struct archive_file *file)
{
    struct archive_check proof;
    uint64_t at;

    if (!request_number(request, "at", 0, LIMIT_FILE_BYTES, UINT64_MAX, &at))
        return false;
    if (at >= archive_durable(file)) {
        tell(request, file, NULL);
        return true;
    }
    int r = archive_check_at(file, at, &proof);
    if (r < 0) {
        response_error(request, r);
        return false;
    }
    tell_with(request, file, NULL, &proof);
    return true;
}

static void refuse_gap(struct request *request, struct archive_file *file)
{
    uint64_t offset = file ? archive_file_facts(file).received : 0;

    response_problem(request, 409, "gap", "The next byte to be sent is %" PRIu64 ".", offset);
    if (file)
        tell(request, file, &offset);
    else
        response_header(request, "Upload-Offset", "0");
}

static void refuse_stale(struct request *request, struct archive_file *file)
{
    response_problem(request, 409, "stale-generation", "The present generation is %" PRIu32 ".",
                     archive_file_facts(file).generation);
    tell(request, file, NULL);
}

/* ---- what a request says ----------------------------------------------------------------- */

static bool bad(struct request *request, const char *what)
{
    response_problem(request, 400, "bad-parameter", "%s", what);
    return false;
}

static bool read_source(struct request *request, const char **ret)
{
    const char *source = request_value(request, "source");
    size_t size = source ? strlen(source) : 0;

    if (!source || (size > 0 && size <= LIMIT_SOURCE_BYTES &&
                    strspn(source, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "._:-") == size)) {
        *ret = source ? source : "http";
        return true;
    }
    return bad(request, "source is a text of letters, digits and . _ : -.");
}

/* The number in a header. Not sent: `usual`. */
static bool read_number(struct request *request, const char *name, uint64_t usual, uint64_t *ret)
{
    const char *text = request_header(request, name);

    *ret = usual;
    if (!text || fields_number(text, ret))
        return true;
    response_problem(request, 400, "bad-parameter", "%s is a whole number.", name);
    return false;
}

static bool read_type(struct request *request)
{
    const char *type = request_header(request, "Content-Type");
    size_t size = type ? strcspn(type, "; \t") : 0;

    if (size == 26 && strncasecmp(type, "application/partial-upload", 26) == 0)
        return true;
    response_problem(request, 415, "partial-upload-needed",
                     "Send the body as application/partial-upload.");
    return false;
}

static bool read_end(struct request *request, struct upload *upload)
{
    const char *complete = request_header(request, "Upload-Complete");
    const char *digest = request_header(request, "Repr-Digest");

    if (complete && !fields_flag(complete, &upload->completes))
        return bad(request, "Upload-Complete is ?0 or ?1.");
    if (!digest)
        return true;
    upload->has_digest = fields_digest(digest, upload->digest);
    return upload->has_digest || bad(request, "Repr-Digest needs sha-256=:…:.");
}

static bool read_places(struct request *request, struct upload *upload)
{
    const char *damaged = request_header(request, "Tailboard-Damaged");
    const char *repaired = request_header(request, "Tailboard-Repaired");
    uint64_t offset, length;

    if (damaged && !fields_places(damaged))
        return bad(request, "Tailboard-Damaged is OFFSET-LENGTH, or some with commas between.");
    if (!repaired)
        return true;
    if (!fields_place(repaired, &offset, &length) || offset != upload->offset)
        return bad(request, "Tailboard-Repaired is OFFSET-LENGTH, and Upload-Offset the same "
                            "offset.");
    if (length > LIMIT_BODY_BYTES) {
        response_problem(request, 413, "too-large", "A repaired range has at most %u bytes.",
                         LIMIT_BODY_BYTES);
        return false;
    }
    upload->repairs = true;
    upload->repair_length = length;
    return true;
}

/* ---- the file ---------------------------------------------------------------------------- */

/* Finds the file or makes it; checks that the request fits to it. */
static bool open_file(struct request *request, struct upload *upload, uint64_t generation)
{
    struct archive_file_facts facts;
    int r;

    upload->file = archive_find_file(upload->run, request->path, 0);
    if (!upload->file) {
        if (upload->offset > 0 || generation > 1) {
            refuse_gap(request, NULL);
            return false;
        }
        r = archive_new_file(upload->run, request->path, upload->source, &upload->file);
        if (r < 0)
            history_problem(request, r);
        return r == 0;
    }
    facts = archive_file_facts(upload->file);
    if (strcmp(facts.source, upload->source) != 0)
        history_problem(request, -EEXIST);
    else if (generation != 0 && generation != facts.generation)
        refuse_stale(request, upload->file);
    else if (upload->offset > facts.received)
        refuse_gap(request, upload->file);
    return !request->reply.status;
}

static void upload_free(void *state);

static int give(struct request *request, struct upload *upload)
{
    int r = upload->held == 0 ? 0
                              : archive_append(upload->file, upload->offset, upload->piece,
                                               upload->held, -1);

    if (r == -EAGAIN)
        return r;
    if (r == -ERANGE) {
        refuse_gap(request, upload->file);
        return r;
    }
    if (r < 0) {
        history_problem(request, r);
        tell(request, upload->file, NULL);
        return r;
    }
    upload->offset += upload->held;
    upload->held = 0;
    return 0;
}

/* The archive holds what was sent and is not written yet: a sender that is faster waits. */
static bool is_ahead(const struct upload *upload)
{
    struct archive_file_facts facts = archive_file_facts(upload->file);

    return facts.received - MIN(facts.durable, facts.received) > LIMIT_UPLOAD_AHEAD_BYTES;
}

static int take(struct request *request, const char *data, size_t size)
{
    struct upload *upload = request->state;
    size_t room;
    int r;

    if (upload->repairs)
        return buf_add(&request->body, data, size);
    /* The library's pieces are smaller than one of ours, so at most one is given away here. */
    if (size > UPLOAD_PIECE - upload->held) {
        if (is_ahead(upload))
            return -EAGAIN;
        r = give(request, upload);
        if (r < 0)
            return r;
    }
    while (size > 0) {
        room = MIN(size, UPLOAD_PIECE - upload->held);
        memcpy(upload->piece + upload->held, data, room);
        upload->held += room;
        data += room;
        size -= room;
        r = upload->held == UPLOAD_PIECE && size > 0 ? give(request, upload) : 0;
        if (r < 0) {
            if (!request->reply.status)
                response_error(request, r);
            return r == -EAGAIN ? -EBUSY : r;
        }
    }
    return 0;
}

/* What a client that left in the middle has sent is kept: it goes on behind it. */
static void upload_free(void *state)
{
    struct upload *upload = state;

    if (upload->file && upload->held > 0 &&
        archive_append(upload->file, upload->offset, upload->piece, upload->held, -1) < 0)
        upload->held = 0;
    ticket_drop(upload->ticket);
    free(upload);
}

void upload_begin(struct request *request)
{
    struct upload *upload;
    uint64_t generation;

    if (request->method != METHOD_PATCH)
        return;
    upload = calloc(1, sizeof *upload);
    if (!upload) {
        response_error(request, -ENOMEM);
        return;
    }
    request->state = upload;
    request->free_state = upload_free;
    upload->run = history_run(request);
    if (!upload->run || !history_is_open(request) || !read_source(request, &upload->source) ||
        !read_type(request) ||
        !read_number(request, "Upload-Offset", UINT64_MAX, &upload->offset) ||
        !read_number(request, "Tailboard-Generation", 0, &generation) ||
        !read_end(request, upload) || !read_places(request, upload))
        return;
    if (upload->offset == UINT64_MAX) {
        bad(request, "Upload-Offset is needed.");
        return;
    }
    if (upload->offset > LIMIT_FILE_BYTES) {
        bad(request, "Upload-Offset is more than a file may have.");
        return;
    }
    if (request->announced != UINT64_MAX && request->announced > LIMIT_UPLOAD_BYTES) {
        response_problem(request, 413, "too-large", "One request brings at most %u bytes.",
                         LIMIT_UPLOAD_BYTES);
        return;
    }
    if (!history_takes(request) || !open_file(request, upload, generation))
        return;
    lives_heard(request->shared->lives, request->id);
    request->intake = (struct intake){take, LIMIT_UPLOAD_BYTES};
}

/* ---- replies ----------------------------------------------------------------------------- */

static void finish_patch(struct request *request, struct upload *upload)
{
    response_empty(request, 204);
    tell(request, upload->file, NULL);
}

static void repair(struct request *request, struct upload *upload)
{
    const struct buf *body = &request->body;
    int r;

    if (body->length != upload->repair_length) {
        bad(request, "The body is not as long as Tailboard-Repaired says.");
        return;
    }
    r = archive_repair(upload->file, upload->offset, body->data, body->length);
    if (r == -ENOENT || r == -EINVAL || r == -ERANGE)
        response_problem(request, 409, "not-damaged", "There is no listed damage of this place "
                                                      "and length.");
    else if (r < 0)
        history_problem(request, r);
    else
        finish_patch(request, upload);
}

/* Asks the archive to make all durable; once. False: the reply is filled. */
static bool begin_completion(struct request *request, struct upload *upload)
{
    struct archive_file_facts facts = archive_file_facts(upload->file);
    int r;

    if (facts.complete && facts.durable == upload->offset &&
        (!upload->has_digest || (facts.has_sha256 && memcmp(facts.sha256, upload->digest,
                                                            SHA256_BYTES) == 0))) {
        finish_patch(request, upload); /* said again */
        return false;
    }
    if (upload->offset < facts.received) {
        response_problem(request, 409, "mismatch", "The file has %" PRIu64 " bytes here.",
                         facts.received);
        tell(request, upload->file, NULL);
        return false;
    }
    upload->ticket = ticket_new(request->shared->bell);
    if (!upload->ticket) {
        response_error(request, -ENOMEM);
        return false;
    }
    r = archive_complete(upload->file, upload->has_digest ? upload->digest : NULL, ticket_done,
                         upload->ticket);
    if (r < 0) {
        upload->ticket = ticket_void(upload->ticket);
        history_problem(request, r);
    }
    return r == 0;
}

static void complete(struct request *request, struct upload *upload)
{
    int result;

    if (!upload->ticket && !begin_completion(request, upload))
        return;
    switch (history_wait(request, &upload->ticket, &result)) {
    case 0:
        return;
    case 1:
        if (result == -EBADMSG)
            response_problem(request, 409, "digest-mismatch",
                             "The file's SHA-256 is not the one of Repr-Digest.");
        else if (result < 0)
            history_problem(request, result);
        else
            response_empty(request, 204);
        break;
    default:
        break;
    }
    tell(request, upload->file, NULL);
}

/* The archive's queue is full: the last piece of a body waits like those before it. False: it
 * waited long enough. */
static bool wait_for_room(struct request *request, struct upload *upload)
{
    int64_t now = clock_ns(NULL);
    bool stopping = upload->give_up_ns && request->time_over && now < request->due_ns;

    if (upload->give_up_ns == 0)
        upload->give_up_ns = now + LIMIT_DURABLE_SECONDS * NS_PER_S;
    if (now >= upload->give_up_ns || stopping)
        return false;
    request->due_ns = 0;
    request_wait(request, ROOM_MS / 1e3, NULL);
    return true;
}

static void serve_patch(struct request *request)
{
    struct upload *upload = request->state;
    int r;

    if (upload->repairs) {
        repair(request, upload);
        return;
    }
    r = give(request, upload);
    if (r == -EAGAIN && wait_for_room(request, upload))
        return;
    if (upload->give_up_ns) { /* what comes now has a time of its own */
        upload->give_up_ns = request->due_ns = 0;
        request->time_over = false;
    }
    if (r == -EAGAIN) {
        history_problem(request, -ENOMEM);
        tell(request, upload->file, NULL);
    } else if (r == 0 && upload->completes) {
        complete(request, upload);
    } else if (r == 0) {
        finish_patch(request, upload);
    }
}

static void serve_post(struct request *request)
{
    struct archive_run *run = history_run(request);
    struct archive_file *file;
    struct archive_file_facts facts = {0};
    const char *source;
    uint64_t replaces;
    int r;

    if (!run || !history_is_open(request) || !read_source(request, &source) ||
        !request_number(request, "replaces", 0, UINT32_MAX, 0, &replaces) ||
        !history_takes(request))
        return;
    file = archive_find_file(run, request->path, 0);
    if (file)
        facts = archive_file_facts(file);
    if (file && strcmp(facts.source, source) != 0) {
        history_problem(request, -EEXIST);
        return;
    }
    if (facts.generation == replaces) {
        r = archive_new_file(run, request->path, source, &file);
        if (r < 0) {
            history_problem(request, r);
            return;
        }
    } else if (facts.generation != replaces + 1 || facts.received > 0) {
        if (file)
            refuse_stale(request, file);
        else
            response_problem(request, 409, "stale-generation", "There is no such file yet.");
        return;
    }
    lives_heard(request->shared->lives, request->id);
    response_empty(request, 201);
    tell(request, file, NULL);
}

void route_upload(struct request *request)
{
    if (request->method == METHOD_PATCH)
        serve_patch(request);
    else if (request->method == METHOD_POST)
        serve_post(request);
    else
        route_download(request);
}
