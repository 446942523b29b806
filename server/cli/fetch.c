#include "cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"

enum { TRIES = 5, PART_BYTES = 4096 + 16 };

struct fetch {
    struct asker *asker;
    const char *path; /* in the run */
    uint64_t size;
    int fd;
    uint64_t written;
    bool failed;
};

static int complain(const char *what, const char *why)
{
    char safe[4096];

    log_escape(safe, sizeof safe, what, strlen(what));
    fprintf(stderr, "tailboard: %s: %s\n", safe, why);
    return CLI_FAILED;
}

int fetch_parents(const char *path)
{
    char part[LIMIT_PATH_BYTES];

    if (strlen(path) >= sizeof part)
        return -ENAMETOOLONG;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdir(part, 0777) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

/* ---- which files ------------------------------------------------------------------------- */

static bool fits(const char *pattern, const char *path)
{
    const char *star = NULL, *from = NULL;
    size_t length = strlen(pattern);

    if (strncmp(pattern, path, length) == 0 &&
        (path[length] == '/' || (length > 0 && pattern[length - 1] == '/')))
        return true; /* a folder */
    while (*path) {
        if (*pattern == '*') {
            star = pattern++;
            from = path;
        } else if (*pattern == '?' || *pattern == *path) {
            pattern++;
            path++;
        } else if (star) {
            pattern = star + 1;
            path = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* A server is not believed where it would have us write elsewhere. */
static bool is_inside(const char *path)
{
    for (const char *part = path;; part++) {
        size_t size = strcspn(part, "/");

        if (size == 0 || (size == 1 && part[0] == '.') ||
            (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += size;
        if (!*part)
            return true;
    }
}

json_t *fetch_list(struct asker *asker, const char *run, const char *pattern)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    json_t *root, *list = json_array(), *file;
    size_t i;

    buf_printf(&target, "/api/v1/runs/%s/files", run);
    root = asker_get(asker, buf_text(&target), NULL);
    json_array_foreach(json_object_get(root, "kept"), i, file)
        if (json_is_true(json_object_get(file, "newest")) &&
            is_inside(asker_text(file, "path")) &&
            (!pattern || fits(pattern, asker_text(file, "path"))))
            json_array_append(list, file);
    if (!root) {
        json_decref(list);
        return NULL;
    }
    json_decref(root);
    return list;
}

/* ---- one file ---------------------------------------------------------------------------- */

static int take(void *ctx, const char *data, size_t size)
{
    struct fetch *fetch = ctx;

    while (size > 0) {
        ssize_t n = write(fetch->fd, data, size);

        if (n < 0) {
            fetch->failed = true;
            return complain(fetch->path, strerror(errno));
        }
        data += n;
        size -= (size_t)n;
        fetch->written += (uint64_t)n;
    }
    return 0;
}

/* One request for what is missing. 0: all is there; 1: try again; CLI_FAILED. */
static int once(struct fetch *fetch, const char *run, uint64_t generation, char *digest,
                size_t digest_size)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(1 << 16);
    struct asker_request request = ASKER_REQUEST("GET", "");
    struct asker_reply reply;
    char range[64];
    int r;

    buf_printf(&target, "/api/v1/runs/%s/files/", run);
    asker_quote(&target, fetch->path, true);
    buf_printf(&target, "?generation=%" PRIu64, generation);
    snprintf(range, sizeof range, "Range: bytes=%" PRIu64 "-\r\n", fetch->written);
    request.target = buf_text(&target);
    request.headers = fetch->written > 0 ? range : NULL;
    request.take = take;
    request.ctx = fetch;
    r = asker_ask(fetch->asker, &request, &reply);
    if (r != 0)
        return fetch->failed ? CLI_FAILED : 1;
    if (reply.status == 416 && fetch->written == fetch->size)
        reply.whole = true;
    else if (reply.status != (fetch->written > 0 && request.headers ? 206 : 200) &&
             reply.status != 200 && reply.status != 206)
        r = asker_refused(fetch->asker, &reply);
    snprintf(digest, digest_size, "%s", reply.digest);
    asker_reply_done(&reply);
    if (fetch->failed)
        return CLI_FAILED;
    return r != 0 ? r : reply.whole ? 0 : 1;
}

static int hash_fits(int fd, const char *hex)
{
    _cleanup_free_ char *piece = malloc(1 << 20);
    struct digest digest;
    uint8_t hash[DIGEST_BYTES];
    char text[2 * DIGEST_BYTES + 1];
    off_t at = 0;
    ssize_t n = 0;

    if (!piece)
        return -ENOMEM;
    digest_init(&digest);
    while ((n = pread(fd, piece, 1 << 20, at)) > 0) {
        digest_add(&digest, piece, (size_t)n);
        at += n;
    }
    digest_get(&digest, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return n < 0 ? -errno : strcmp(text, hex) == 0 ? 0 : -EBADMSG;
}

static int fetch_all(struct fetch *fetch, const char *run, const json_t *kept)
{
    uint64_t generation = (uint64_t)asker_number(kept, "generation");
    char digest[80];
    int r = 1;

    for (int i = 0; i < TRIES && r == 1; i++) {
        if (i > 0)
            sleep(1);
        r = once(fetch, run, generation, digest, sizeof digest);
    }
    return r == 1 ? complain(fetch->path, "the connection broke off again and again") : r;
}

static int fetch_named(struct fetch *fetch, const char *run, const json_t *kept, const char *to)
{
    const char *hex = asker_text(kept, "sha256");
    char part[PART_BYTES];
    struct stat st;
    int r = fetch_parents(to);

    if (r < 0 || snprintf(part, sizeof part, "%s.part", to) >= (int)sizeof part)
        return complain(to, r < 0 ? strerror(-r) : "the name is too long");
    fetch->fd = open(part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fetch->fd < 0 || fstat(fetch->fd, &st) < 0)
        return complain(part, strerror(errno));
    fetch->written = (uint64_t)st.st_size;
    if (fetch->written > fetch->size && ftruncate(fetch->fd, 0) == 0)
        fetch->written = 0;
    r = fetch_all(fetch, run, kept);
    if (r == 0 && *hex && (r = hash_fits(fetch->fd, hex)) < 0) {
        unlink(part);
        r = complain(to, r == -EBADMSG ? "its hash is not the one that the server told"
                                       : strerror(-r));
    }
    close(fetch->fd);
    if (r == 0 && rename(part, to) < 0)
        r = complain(to, strerror(errno));
    return r;
}

int fetch_file(struct asker *asker, const char *run, const json_t *kept, const char *to)
{
    struct fetch fetch = {
        .asker = asker,
        .path = asker_text(kept, "path"),
        .size = (uint64_t)asker_number(kept, "size"),
        .fd = STDOUT_FILENO,
    };

    return to ? fetch_named(&fetch, run, kept, to) : fetch_all(&fetch, run, kept);
}
