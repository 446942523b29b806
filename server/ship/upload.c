#include "ship/upload.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ship/ledger.h"
#include "ship/shiprun.h"

#define PIECE_FIRST (1u << 20)
#define PIECE_LEAST (64u << 10)
#define PIECE_GOAL_NS (NS_PER_S / 4)
#define SEND_NS (20 * NS_PER_MS) /* of one call, but for the piece it is at */
#define LIVE_TURNS 4             /* for one of the others */
#define DAMAGED_MAX 20           /* ranges named in one request */

void upload_init(struct upload *upload)
{
    *upload = (struct upload){.piece = PIECE_FIRST, .most = LIMIT_PIECE_BYTES};
    upload->live.last = &upload->live.first;
    upload->bulk.last = &upload->bulk.first;
}

/* ---- queues ------------------------------------------------------------------------------- */

void upload_queue(struct upload *upload, struct shipfile *file)
{
    struct upload_queue *queue = file->kind == SHIPFILE_WHOLE ? &upload->bulk : &upload->live;

    if (file->queued || !shipfile_wants(file))
        return;
    file->queued = true;
    file->next_queued = NULL;
    *queue->last = file;
    queue->last = &file->next_queued;
}

static struct shipfile *take_from(struct upload_queue *queue)
{
    struct shipfile *file = queue->first;

    if (!file)
        return NULL;
    queue->first = file->next_queued;
    if (!queue->first)
        queue->last = &queue->first;
    file->queued = false;
    return file;
}

static struct shipfile *take(struct upload *upload)
{
    bool bulk_first = ++upload->turns % (LIVE_TURNS + 1) == 0;
    struct shipfile *file = take_from(bulk_first ? &upload->bulk : &upload->live);

    return file ? file : take_from(bulk_first ? &upload->live : &upload->bulk);
}

void upload_forget(struct upload *upload)
{
    while (take(upload))
        ;
    upload->count = 0;
}

/* ---- trouble ------------------------------------------------------------------------------ */

/* Everything under way is lost: each of its files asks again. */
static void lose(struct upload *upload)
{
    for (; upload->count > 0; upload->count--) {
        struct shipfile *file = upload->pending[upload->first].file;
        upload->first = (upload->first + 1) % LIMIT_PIECES_UNDER_WAY;
        file->under_way = 0;
        file->completing = file->resync = false;
        if (file->state == SHIPFILE_OPEN || file->state == SHIPFILE_WAITING)
            file->state = SHIPFILE_ASK;
        upload_queue(upload, file);
    }
}

static void hold(struct upload *upload, int64_t ns)
{
    upload->hold_ns = MAX(upload->hold_ns, clock_ns(NULL) + ns);
}

static void tell_once(struct upload *upload, const char *why)
{
    char text[600];

    snprintf(upload->error, sizeof upload->error, "%s", why);
    if (upload->told || !upload->trouble)
        return;
    upload->told = true;
    snprintf(text, sizeof text,
             "the server %s does not take files now (%s); they are sent when it "
             "does",
             upload->server, why);
    upload->trouble(upload->ctx, text);
}

/* The connection failed with -errno. */
static void connection_lost(struct upload *upload, int error)
{
    lose(upload);
    channel_close(upload->channel);
    if (error == -ESTALE || error == -ECANCELED)
        return; /* a file became shorter while it was read; we are asked to stop */
    hold(upload, shiprun_backoff_ns(upload->tries++));
    if (upload->tries > 1)
        tell_once(upload, channel_error(upload->channel));
}

/* ---- requests ----------------------------------------------------------------------------- */

static int make_target(struct shipfile *file, struct buf *ret, const char *query)
{
    struct shiprun *run = file->root->run;

    pthread_mutex_lock(&run->lock);
    buf_printf(ret, "/api/v1/runs/%s/files/", run->id);
    pthread_mutex_unlock(&run->lock);
    if (file->elsewhere)
        buf_printf(ret, "nodes/%d/", run->given.node);
    ledger_encode(ret, file->name);
    buf_printf(ret, "?source=%s%s", run->given.source, query);
    return buf_failed(ret);
}

static int send_request(struct upload *upload, struct shipfile *file, enum upload_kind kind,
                        struct channel_request *request, const char *query)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4 * LIMIT_PATH_BYTES);
    struct shiprun *run = file->root->run;
    char token[LIMIT_PROTOCOL_TOKEN_BYTES];
    int r = make_target(file, &target, query);

    if (r < 0) {
        file->state = SHIPFILE_REFUSED;
        shiprun_leave_out(run, file->name, "its name is too long");
        return 0;
    }
    pthread_mutex_lock(&run->lock);
    snprintf(token, sizeof token, "%s", run->token);
    pthread_mutex_unlock(&run->lock);
    channel_set_token(upload->channel, token);
    request->target = buf_text(&target);
    unsigned slot = (upload->first + upload->count) % LIMIT_PIECES_UNDER_WAY;
    upload->pending[slot] = (struct upload_request){file, kind, file->sent + request->size};
    upload->count++;
    file->under_way++;
    return channel_send(upload->channel, request);
}

static int send_ask(struct upload *upload, struct shipfile *file)
{
    struct channel_request request = {.method = "HEAD"};
    char query[40];

    file->state = SHIPFILE_WAITING;
    file->resync = false;
    file->asked = file->facts.size;
    snprintf(query, sizeof query, "&at=%" PRIu64, file->asked);
    return send_request(upload, file, UPLOAD_ASK, &request, query);
}

static int send_anew(struct upload *upload, struct shipfile *file)
{
    struct channel_request request = {.method = "POST"};
    char query[40];

    file->state = SHIPFILE_WAITING;
    snprintf(query, sizeof query, "&replaces=%" PRIu32, file->generation);
    return send_request(upload, file, UPLOAD_ANEW, &request, query);
}

static ssize_t read_piece(void *ctx, void *data, size_t size)
{
    return shipfile_read(ctx, data, size);
}

/* The damaged ranges that begin in [from, to), as far as they lie in it. */
static void damaged_header(const struct shipfile *file, uint64_t to, struct buf *ret)
{
    unsigned count = 0;

    for (size_t i = 0; i < file->n_gaps && count < DAMAGED_MAX; i++) {
        uint64_t from = MAX(file->gaps[i].offset, file->sent);
        uint64_t end = MIN(file->gaps[i].offset + file->gaps[i].length, to);
        if (from >= end)
            continue;
        buf_printf(ret, "%s%" PRIu64 "-%" PRIu64, count ? ", " : "Tailboard-Damaged: ", from,
                   end - from);
        count++;
    }
    if (count > 0)
        buf_str(ret, "\r\n");
}

static void patch_headers(const struct shipfile *file, uint64_t offset, struct buf *ret)
{
    buf_printf(ret, "Content-Type: application/partial-upload\r\nUpload-Offset: %" PRIu64 "\r\n",
               offset);
    if (file->generation > 0)
        buf_printf(ret, "Tailboard-Generation: %" PRIu32 "\r\n", file->generation);
}

static int send_piece(struct upload *upload, struct shipfile *file)
{
    _cleanup_(buf_done) struct buf headers = BUF_INIT(8192);
    uint64_t size = MIN(file->limit - file->sent, upload->piece);
    struct channel_request request = {
        .method = "PATCH", .size = size, .read = read_piece, .ctx = file};

    patch_headers(file, file->sent, &headers);
    damaged_header(file, file->sent + size, &headers);
    request.headers = buf_text(&headers);
    if (!request.headers)
        return -ENOMEM;
    int64_t begun = clock_ns(NULL);
    int r = send_request(upload, file, UPLOAD_PIECE, &request, "");
    int64_t took = clock_ns(NULL) - begun;
    if (took < PIECE_GOAL_NS / 2 && size == upload->piece)
        upload->piece = MIN(2 * upload->piece, upload->most);
    else if (took > 2 * PIECE_GOAL_NS)
        upload->piece = MAX(upload->piece / 2, (uint64_t)PIECE_LEAST);
    return r;
}

static int send_last(struct upload *upload, struct shipfile *file)
{
    _cleanup_(buf_done) struct buf headers = BUF_INIT(1024);
    struct channel_request request = {.method = "PATCH", .data = ""};
    char text[DIGEST_BASE64_BYTES];
    uint8_t hash[DIGEST_BYTES];

    digest_get(&file->digest, hash);
    digest_base64(hash, text);
    patch_headers(file, file->sent, &headers);
    buf_printf(&headers, "Upload-Complete: ?1\r\nRepr-Digest: sha-256=:%s:\r\n", text);
    request.headers = buf_text(&headers);
    if (!request.headers)
        return -ENOMEM;
    file->completing = true;
    return send_request(upload, file, UPLOAD_LAST, &request, "");
}

/* Bytes that were sent as damaged and are sound now. They are at most some KB, or are left. */
static int send_repair(struct upload *upload, struct shipfile *file)
{
    _cleanup_(buf_done) struct buf headers = BUF_INIT(1024);
    _cleanup_free_ uint8_t *data = NULL;
    struct shipfile_gap repair = file->repair;

    file->repair.length = 0;
    if (repair.length > LIMIT_BODY_BYTES)
        return 0;
    data = malloc((size_t)repair.length);
    if (!data || pread(file->fd, data, (size_t)repair.length, (off_t)repair.offset) !=
                     (ssize_t)repair.length)
        return 0;
    patch_headers(file, repair.offset, &headers);
    buf_printf(&headers, "Tailboard-Repaired: %" PRIu64 "-%" PRIu64 "\r\n", repair.offset,
               repair.length);
    struct channel_request request = {
        .method = "PATCH", .headers = buf_text(&headers), .data = data, .size = repair.length};
    return request.headers ? send_request(upload, file, UPLOAD_REPAIR, &request, "") : -ENOMEM;
}

/* The file's bytes may have changed since it was looked at. */
static bool same_bytes(struct shipfile *file)
{
    if (file->fd >= 0 && shipfile_unchanged(file) == 1)
        return true;
    file->resync = true;
    return false;
}

/* Everything is sent: what remains is to say so. */
static int complete(struct upload *upload, struct shipfile *file, int64_t now_ns)
{
    if (file->kind == SHIPFILE_WHOLE && !shipfile_held_still(file)) {
        if (!file->final) {
            shipfile_drop(file, now_ns);
            return 0;
        }
        file->unsettled = true;
    }
    int r = shipfile_hash(file);
    if (r < 0) {
        shipfile_rest(file);
        file->gone = true;
        return 0;
    }
    return r == 0 ? 0 : send_last(upload, file);
}

/* The first answer tells the number of a new file's generation; and whether a whole file held still
 * is looked at when all its pieces have arrived. */
static bool waits_for_answer(const struct shipfile *file)
{
    return file->under_way > 0 &&
           (file->generation == 0 || (file->kind == SHIPFILE_WHOLE && file->sent == file->limit));
}

/* One request for this file. 0 or -errno of the connection. */
static int turn(struct upload *upload, struct shipfile *file, int64_t now_ns)
{
    if (!shipfile_wants(file))
        return 0;
    if (!shipfile_ready(file, now_ns) || !shipfile_wants(file))
        return 0;
    if (file->resync)
        file->state = SHIPFILE_ASK;
    if (file->state == SHIPFILE_ASK)
        return send_ask(upload, file);
    if (file->state == SHIPFILE_ANEW)
        return file->under_way ? 0 : send_anew(upload, file);
    if (waits_for_answer(file))
        return 0;
    if (file->repair.length > 0)
        return send_repair(upload, file);
    if (file->sent < file->limit)
        return same_bytes(file) ? send_piece(upload, file) : 0;
    return complete(upload, file, now_ns);
}

int64_t upload_send(struct upload *upload, int64_t now_ns)
{
    if (!upload->channel)
        return INT64_MAX;
    if (now_ns < upload->hold_ns)
        return upload->hold_ns;
    int64_t until_ns = now_ns + SEND_NS;
    while (channel_room(upload->channel) && upload->count < LIMIT_PIECES_UNDER_WAY) {
        struct shipfile *file = take(upload);
        if (!file)
            return INT64_MAX;
        struct shiprun *run = file->root->run;
        pthread_mutex_lock(&run->lock);
        bool known = run->registered, deleted = run->deleted;
        pthread_mutex_unlock(&run->lock);
        if (deleted)
            file->state = SHIPFILE_REFUSED;
        if (!known || deleted)
            continue; /* queued again when it is known */
        int r = turn(upload, file, now_ns);
        if (r < 0) {
            connection_lost(upload, r);
            return upload->hold_ns;
        }
        if (!waits_for_answer(file))
            upload_queue(upload, file);
        if (channel_under_way(upload->channel) > 1)
            upload_receive(upload, 0);
        if (now_ns < upload->hold_ns)
            return upload->hold_ns;
        now_ns = clock_ns(NULL);
        if (now_ns > until_ns)
            return now_ns; /* others want to be looked at */
    }
    return INT64_MAX;
}

/* ---- answers ------------------------------------------------------------------------------ */

static void asked(struct shipfile *file, const struct channel_reply *reply)
{
    bool there = file->unsure && reply->has_generation && reply->generation == file->generation &&
                 reply->received >= file->sent && reply->offset <= file->sent;

    file->unsure = false;
    if (reply->status == 404) {
        shipfile_resume(file, 0, 0);
        return;
    }
    file->generation = reply->has_generation ? reply->generation : 1;
    if (reply->check.has && reply->check.offset < reply->offset &&
        file->facts.size > file->asked) {
        file->state = SHIPFILE_ASK; /* it grew meanwhile: more of it can be compared */
        return;
    }
    int equal = shipfile_compare(file, &reply->check);
    if (equal < 0) {
        file->state = SHIPFILE_ASK;
        file->gone = true;
        shipfile_rest(file);
    } else if (equal == 0 || (file->kind == SHIPFILE_WHOLE && reply->offset > file->limit)) {
        if (file->kind == SHIPFILE_FOLLOW && !file->root->own)
            shipfile_rewritten(file, clock_ns(NULL));
        else
            file->state = SHIPFILE_ANEW;
    } else if (there) { /* it waits for the server's disk */
        file->acked = MAX(file->acked, reply->offset);
        file->state = SHIPFILE_OPEN;
    } else {
        shipfile_resume(file, file->generation, reply->offset);
    }
}

static void accepted(struct upload *upload, const struct upload_request *request,
                     const struct channel_reply *reply)
{
    struct shipfile *file = request->file;
    bool ours =
        !reply->has_generation || !file->generation || reply->generation == file->generation;

    switch (request->kind) {
    case UPLOAD_ASK:
        asked(file, reply);
        break;
    case UPLOAD_ANEW:
        shipfile_begin_anew(file, reply->has_generation ? reply->generation : file->generation + 1,
                            clock_ns(NULL));
        break;
    case UPLOAD_LAST:
        file->completing = false;
        if (ours && file->state == SHIPFILE_OPEN && request->end == file->sent) {
            file->acked = file->sent;
            file->state = SHIPFILE_DONE;
            shipfile_rest(file);
        }
        break;
    default:
        if (file->generation == 0)
            file->generation = reply->has_generation ? reply->generation : 1;
        if (ours && reply->has_offset && reply->offset <= file->sent)
            file->acked = MAX(file->acked, reply->offset);
    }
    file->root->run->ledger_due = true;
}

/* Another directory has this path: this one's files go to nodes/k/. */
static void go_elsewhere(struct shipfile *file)
{
    if (file->elsewhere) {
        file->state = SHIPFILE_REFUSED;
        shiprun_leave_out(file->root->run, file->name, "its path belongs to another directory");
        return;
    }
    file->elsewhere = true;
    file->state = SHIPFILE_ASK;
}

static void conflict(struct shipfile *file, const char *code)
{
    if (strcmp(code, "path-taken") == 0)
        go_elsewhere(file);
    else if (strcmp(code, "mismatch") == 0 || strcmp(code, "digest-mismatch") == 0)
        file->state = SHIPFILE_ANEW;
    else
        file->resync = true; /* stale-generation, gap */
}

static void run_trouble(struct upload *upload, struct shipfile *file, int status)
{
    struct shiprun *run = file->root->run;
    char text[80];

    pthread_mutex_lock(&run->lock);
    run->deleted = status == 410;
    run->registered = false; /* it is made known again, which gives a token */
    pthread_mutex_unlock(&run->lock);
    snprintf(text, sizeof text, status == 410 ? "the run was deleted" : "it answers %d", status);
    tell_once(upload, text);
}

static void refused(struct upload *upload, const struct upload_request *request,
                    const struct channel_reply *reply)
{
    struct shipfile *file = request->file;
    int status = reply->status;
    char code[64], why[100];

    channel_problem(reply, code, sizeof code);
    file->completing = false;
    if (file->state == SHIPFILE_WAITING)
        file->state = SHIPFILE_ASK;
    if (request->kind == UPLOAD_REPAIR)
        return; /* the server has judged otherwise: its damage stays listed */
    if (status == 409) {
        conflict(file, code);
    } else if (status == 401 || status == 403 || status == 404 || status == 410) {
        file->resync = true;
        run_trouble(upload, file, status);
        hold(upload, NS_PER_S);
    } else if (status == 400 || status == 413) {
        file->state = SHIPFILE_REFUSED;
        snprintf(why, sizeof why, "the server refuses it (%d %s)", status, code);
        shiprun_leave_out(file->root->run, file->name, why);
    } else { /* 429, 5xx */
        file->resync = strcmp(code, "not-durable-yet") != 0;
        snprintf(why, sizeof why, "%d %s", status, code);
        tell_once(upload, why);
        hold(upload, reply->retry_after_s ? reply->retry_after_s * NS_PER_S
                                          : shiprun_backoff_ns(upload->tries++));
    }
}

static void answer(struct upload *upload, const struct channel_reply *reply)
{
    struct upload_request request = upload->pending[upload->first];
    struct shipfile *file = request.file;
    bool fine = (reply->status >= 200 && reply->status < 300) ||
                (reply->status == 404 && request.kind == UPLOAD_ASK);

    upload->first = (upload->first + 1) % LIMIT_PIECES_UNDER_WAY;
    upload->count--;
    file->under_way--;
    file->heard_ns = clock_ns(NULL);
    if (fine) {
        upload->tries = 0;
        upload->error[0] = '\0';
        accepted(upload, &request, reply);
    } else {
        refused(upload, &request, reply);
    }
    upload_queue(upload, file);
}

void upload_receive(struct upload *upload, int timeout_ms)
{
    struct channel_reply reply = {0};

    while (upload->channel && upload->count > 0) {
        int r = channel_receive(upload->channel, &reply, timeout_ms);
        if (r < 0)
            connection_lost(upload, r);
        if (r <= 0)
            break;
        answer(upload, &reply);
        timeout_ms = 0;
    }
    buf_done(&reply.body);
}
