/* cmd_import.c: `tailboard import`: old log directories into the run history, once.
 *
 * Each directory with event files becomes a run, as `serve --logdir` would find it; its id is made
 * from the directory's path, so a second import goes on where the first ended. Sent as uploads are,
 * and acknowledged when durable, with the hash of the whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/sha256.h"
#include "cli/asker.h"
#include "cli/inputs.h"

enum { PIECE = 32 << 20, ID_DIGITS = 16 };

struct import {
    struct asker_options options;
    struct asker *asker;
    const char *experiment;
    const char *root; /* canonical */
    char id[ID_DIGITS + 2], folder[PATH_MAX]; /* the run under way and its directory */
    uint64_t runs, files, bytes;
};

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "tailboard import: ");
    input_print_path(stderr, path);
    fprintf(stderr, ": %s\n", why);
    return CLI_FAILED;
}

/* ---- a run ------------------------------------------------------------------------------- */

static const char *name_of(const struct import *import)
{
    size_t length = strlen(import->root);
    const char *below = import->folder + length;

    return *below == '/' ? below + 1 : ".";
}

static int begin_run(struct import *import, const char *folder)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    const char *base = strrchr(import->root, '/');
    json_t *body, *answer;

    snprintf(import->folder, sizeof import->folder, "%s", folder);
    import->id[0] = 'i';
    if (sha256_hex(folder, strlen(folder), ID_DIGITS, import->id + 1) < 0)
        return CLI_FAILED;
    body = json_pack("{s:s, s:s, s:b}", "name", name_of(import), "experiment",
                     import->experiment ? import->experiment : base && base[1] ? base + 1 : "/",
                     "imported", 1);
    buf_printf(&target, "/api/v1/runs/%s", import->id);
    answer = body ? asker_send(import->asker, "PUT", buf_text(&target), body) : NULL;
    json_decref(body);
    if (!answer)
        return complain(folder, "the run cannot be made");
    json_decref(answer);
    import->runs++;
    return 0;
}

/* ---- a file ------------------------------------------------------------------------------ */

static int hash_file(int fd, uint64_t size, char ret[DIGEST_BASE64_BYTES])
{
    _cleanup_free_ char *piece = malloc(1 << 20);
    struct digest digest;
    uint8_t hash[DIGEST_BYTES];
    uint64_t at = 0;

    if (!piece)
        return -ENOMEM;
    digest_init(&digest);
    while (at < size) {
        ssize_t n = pread(fd, piece, MIN((uint64_t)1 << 20, size - at), (off_t)at);

        if (n <= 0)
            return n < 0 ? -errno : -ENODATA;
        digest_add(&digest, piece, (size_t)n);
        at += (uint64_t)n;
    }
    digest_get(&digest, hash);
    digest_base64(hash, ret);
    return 0;
}

/* One PATCH of [offset, offset + size); `last` tells the hash too. */
static int send_piece(struct import *import, const char *target, int fd, uint64_t offset,
                      size_t size, const char *hash)
{
    struct asker_request request = ASKER_REQUEST("PATCH", target);
    struct asker_reply reply;
    char headers[512];
    int r;

    snprintf(headers, sizeof headers,
             "Content-Type: application/partial-upload\r\nUpload-Offset: %" PRIu64 "\r\n%s%s%s",
             offset, hash ? "Upload-Complete: ?1\r\nRepr-Digest: sha-256=:" : "",
             hash ? hash : "", hash ? ":\r\n" : "");
    if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
        return complain(target, strerror(errno));
    request.headers = headers;
    request.fd = fd;
    request.size = size;
    r = asker_ask(import->asker, &request, &reply);
    if (r != 0)
        return r;
    if (reply.status != 204)
        r = asker_refused(import->asker, &reply);
    asker_reply_done(&reply);
    return r;
}

/* Where to go on. */
static int ask_offset(struct import *import, const char *target, uint64_t *ret)
{
    struct asker_request request = ASKER_REQUEST("HEAD", target);
    struct asker_reply reply;
    int r = asker_ask(import->asker, &request, &reply);

    if (r != 0)
        return r;
    *ret = reply.status == 200 ? reply.received : 0;
    asker_reply_done(&reply);
    return 0;
}

static int send_file(struct import *import, int fd, uint64_t size, const char *name)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(1 << 16);
    char hash[DIGEST_BASE64_BYTES];
    uint64_t offset = 0;
    int r = hash_file(fd, size, hash);

    if (r < 0)
        return complain(name, strerror(-r));
    buf_printf(&target, "/api/v1/runs/%s/files/logs/", import->id);
    asker_quote(&target, name, false);
    buf_str(&target, "?source=import");
    if (!buf_text(&target))
        return CLI_FAILED;
    r = ask_offset(import, target.data, &offset);
    if (r != 0)
        return r;
    if (offset > size)
        return complain(name, "it is shorter here than in the history");
    do {
        size_t piece = MIN((uint64_t)PIECE, size - offset);

        r = send_piece(import, target.data, fd, offset, piece,
                       offset + piece == size ? hash : NULL);
        offset += piece;
    } while (r == 0 && offset < size);
    return r;
}

static int import_file(struct import *import, const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_close_ int fd = -1;
    char folder[PATH_MAX];
    struct stat st;
    int r = 0;

    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (strcmp(folder, import->folder) != 0)
        r = begin_run(import, folder);
    if (r != 0)
        return r;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return complain(path, strerror(errno));
    r = send_file(import, fd, (uint64_t)st.st_size, slash + 1);
    if (r != 0)
        return r;
    import->files++;
    import->bytes += (uint64_t)st.st_size;
    return 0;
}

static int import_folder(struct import *import, const char *operand)
{
    struct inputs inputs = {.command = &cmd_import};
    _cleanup_free_ char *root = realpath(operand, NULL);
    int r = 0;

    if (!root)
        return complain(operand, strerror(errno));
    import->root = root;
    import->folder[0] = '\0';
    if (inputs_add(&inputs, root) < 0)
        r = CLI_FAILED;
    for (size_t i = 0; r == 0 && i < inputs.count; i++)
        r = import_file(import, inputs.paths[i]);
    if (inputs.failed)
        r = MAX(r, CLI_FAILED);
    inputs_done(&inputs);
    return r;
}

static int run_import(int argc, char **argv)
{
    struct import import = {0};
    const struct cli_option options[] = {
        {"experiment", 'e', CLI_STRING, &import.experiment, "NAME",
         "group of runs (default: the directory's name)", 0, 0, NULL},
        ASKER_OPTION_ROWS(&import.options),
        {0},
    };
    int first = cli_parse(&cmd_import, options, argc, argv), r;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_import, "which directory?");
    r = asker_open(&cmd_import, &import.options, &import.asker);
    if (r != 0)
        return r;
    for (int i = first; i < argc && r == 0; i++)
        r = import_folder(&import, argv[i]);
    asker_close(import.asker);
    printf("%" PRIu64 " run%s, %" PRIu64 " file%s, %.1f MB\n", import.runs, plural(import.runs),
           import.files, plural(import.files), (double)import.bytes / 1e6);
    return r;
}

const struct cli_command cmd_import = {
    .name = "import",
    .args = "DIR...",
    .summary = "Take old log directories into the run history",
    .run = run_import,
};
