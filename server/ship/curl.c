#include "ship/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "ship/httpreply.h"

/* What is used of libcurl's interface, whose numbers never change: its headers are not needed. */
enum {
    OPT_INFILESIZE = 30115,
    OPT_WRITEDATA = 10001,
    OPT_URL = 10002,
    OPT_READDATA = 10009,
    OPT_ERRORBUFFER = 10010,
    OPT_WRITEFUNCTION = 20011,
    OPT_READFUNCTION = 20012,
    OPT_LOW_SPEED_LIMIT = 19,
    OPT_LOW_SPEED_TIME = 20,
    OPT_HTTPHEADER = 10023,
    OPT_HEADERDATA = 10029,
    OPT_CUSTOMREQUEST = 10036,
    OPT_NOPROGRESS = 43,
    OPT_NOBODY = 44,
    OPT_UPLOAD = 46,
    OPT_PROGRESSDATA = 10057,
    OPT_CAINFO = 10065,
    OPT_CONNECTTIMEOUT = 78,
    OPT_HEADERFUNCTION = 20079,
    OPT_HTTP_VERSION = 84,
    OPT_NOSIGNAL = 99,
    OPT_MAX_SEND_SPEED = 30145,
    OPT_XFERINFOFUNCTION = 20219,
    INFO_RESPONSE_CODE = 0x200002,
    HTTP_VERSION_1_1 = 2,
    GLOBAL_DEFAULT = 3,
    READ_ABORT = 0x10000000,
    ERROR_BYTES = 256,
};

static struct library {
    void *handle;
    int (*global_init)(long flags);
    void *(*easy_init)(void);
    void (*easy_cleanup)(void *easy);
    void (*easy_reset)(void *easy);
    int (*setopt)(void *easy, int option, ...);
    int (*perform)(void *easy);
    int (*getinfo)(void *easy, int info, ...);
    const char *(*strerror)(int code);
    void *(*slist_append)(void *list, const char *text);
    void (*slist_free_all)(void *list);
} lib; /* filled once, under load_lock */

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;

struct curl {
    const struct channel_options *options;
    void *easy;
    const struct channel_request *request;
    uint64_t read;
    bool answered;
    struct channel_reply reply;
    char error[ERROR_BYTES + 300];
};

/* All names at once; a library that lacks one is not used. */
static bool find_names(void *handle, struct library *ret)
{
    const struct {
        const char *name;
        void **place;
    } names[] = {
        {"curl_global_init", (void **)&ret->global_init},
        {"curl_easy_init", (void **)&ret->easy_init},
        {"curl_easy_cleanup", (void **)&ret->easy_cleanup},
        {"curl_easy_reset", (void **)&ret->easy_reset},
        {"curl_easy_setopt", (void **)&ret->setopt},
        {"curl_easy_perform", (void **)&ret->perform},
        {"curl_easy_getinfo", (void **)&ret->getinfo},
        {"curl_easy_strerror", (void **)&ret->strerror},
        {"curl_slist_append", (void **)&ret->slist_append},
        {"curl_slist_free_all", (void **)&ret->slist_free_all},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!(*names[i].place = dlsym(handle, names[i].name)))
            return false;
    ret->handle = handle;
    return true;
}

static bool load(void)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4"};

    pthread_mutex_lock(&load_lock);
    for (size_t i = 0; i < ARRAY_LEN(names) && !lib.handle; i++) {
        struct library found = {0};
        void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            continue;
        if (find_names(handle, &found) && found.global_init(GLOBAL_DEFAULT) == 0)
            lib = found;
        else
            dlclose(handle);
    }
    bool loaded = lib.handle != NULL;
    pthread_mutex_unlock(&load_lock);
    return loaded;
}

void *curl_library(void)
{
    return load() ? lib.handle : NULL;
}

int curl_new(const struct channel_options *options, struct curl **ret, const char **ret_why)
{
    if (!load()) {
        *ret_why = "an https server needs libcurl (Debian: libcurl4), and libcurl.so.4 cannot be "
                   "loaded";
        return -ELIBACC;
    }
    struct curl *curl = calloc(1, sizeof *curl);
    if (!curl)
        return -ENOMEM;
    curl->options = options;
    curl->easy = lib.easy_init();
    if (!curl->easy) {
        free(curl);
        return -ENOMEM;
    }
    *ret = curl;
    return 0;
}

struct curl *curl_free(struct curl *curl)
{
    if (!curl)
        return NULL;
    lib.easy_cleanup(curl->easy);
    buf_done(&curl->reply.body);
    free(curl);
    return NULL;
}

unsigned curl_under_way(const struct curl *curl)
{
    return curl->answered;
}

void curl_forget(struct curl *curl)
{
    curl->answered = false;
}

const char *curl_error(const struct curl *curl)
{
    return curl->error;
}

/* ---- libcurl's callbacks ------------------------------------------------------------------ */

static size_t on_read(char *data, size_t one, size_t size, void *ctx)
{
    struct curl *curl = ctx;
    const struct channel_request *request = curl->request;
    size_t n = (size_t)MIN(request->size - curl->read, (uint64_t)(one * size));

    if (n > 0 && request->data) {
        memcpy(data, (const char *)request->data + curl->read, n);
    } else if (n > 0) {
        ssize_t got = request->read(request->ctx, data, n);
        if (got <= 0)
            return READ_ABORT;
        n = (size_t)got;
    }
    curl->read += n;
    return n;
}

static size_t on_write(const char *data, size_t one, size_t size, void *ctx)
{
    struct curl *curl = ctx;

    return buf_add(&curl->reply.body, data, one * size) < 0 ? 0 : one * size;
}

static size_t on_header(const char *line, size_t one, size_t size, void *ctx)
{
    struct curl *curl = ctx;
    size_t length = one * size;
    const char *colon = memchr(line, ':', length);

    if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
        httpreply_clear(&curl->reply); /* a further answer, after 100 */
    if (!colon)
        return length;
    const char *value = colon + 1, *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        end--;
    httpreply_header(&curl->reply, line, (size_t)(colon - line), value, (size_t)(end - value));
    return length;
}

static int on_progress(void *ctx, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const struct curl *curl = ctx;

    return curl->options->stop && atomic_load(curl->options->stop);
}

/* ---- requests ----------------------------------------------------------------------------- */

/* "A: b\r\nC: d\r\n" to libcurl's list. */
static void *add_headers(void *list, const char *lines)
{
    char one[1024];

    while (lines && *lines) {
        const char *end = strstr(lines, "\r\n");
        size_t n = end ? (size_t)(end - lines) : strlen(lines);
        if (n < sizeof one) {
            memcpy(one, lines, n);
            one[n] = '\0';
            list = lib.slist_append(list, one);
        }
        lines = end ? end + 2 : NULL;
    }
    return list;
}

static void set_options(struct curl *curl, const char *url, void *headers)
{
    const struct channel_request *request = curl->request;
    void *easy = curl->easy;
    const char *ca = getenv("TAILBOARD_CA_FILE");

    lib.easy_reset(easy);
    lib.setopt(easy, OPT_URL, url);
    lib.setopt(easy, OPT_HTTPHEADER, headers);
    lib.setopt(easy, OPT_HTTP_VERSION, (long)HTTP_VERSION_1_1);
    lib.setopt(easy, OPT_NOSIGNAL, 1L);
    lib.setopt(easy, OPT_ERRORBUFFER, curl->error);
    lib.setopt(easy, OPT_CONNECTTIMEOUT, (long)(LIMIT_CONNECT_MS / 1000));
    lib.setopt(easy, OPT_LOW_SPEED_LIMIT, 1L);
    lib.setopt(easy, OPT_LOW_SPEED_TIME, 2L * LIMIT_EXCHANGE_MS / 1000);
    lib.setopt(easy, OPT_WRITEFUNCTION, on_write);
    lib.setopt(easy, OPT_WRITEDATA, curl);
    lib.setopt(easy, OPT_HEADERFUNCTION, on_header);
    lib.setopt(easy, OPT_HEADERDATA, curl);
    lib.setopt(easy, OPT_NOPROGRESS, 0L);
    lib.setopt(easy, OPT_XFERINFOFUNCTION, on_progress);
    lib.setopt(easy, OPT_PROGRESSDATA, curl);
    if (ca && *ca)
        lib.setopt(easy, OPT_CAINFO, ca);
    if (strcmp(request->method, "HEAD") == 0) {
        lib.setopt(easy, OPT_NOBODY, 1L);
    } else {
        lib.setopt(easy, OPT_UPLOAD, 1L);
        lib.setopt(easy, OPT_CUSTOMREQUEST, request->method);
        lib.setopt(easy, OPT_READFUNCTION, on_read);
        lib.setopt(easy, OPT_READDATA, curl);
        lib.setopt(easy, OPT_INFILESIZE, (int64_t)request->size);
    }
    if (curl->options->rate && curl->options->rate->per_second)
        lib.setopt(easy, OPT_MAX_SEND_SPEED, (int64_t)curl->options->rate->per_second);
}

int curl_send(struct curl *curl, const struct channel_request *request, const char *auth)
{
    const struct server_name *server = curl->options->server;
    _cleanup_(buf_done) struct buf url = BUF_INIT(4 * LIMIT_PATH_BYTES + 4096);
    bool v6 = strchr(server->host, ':') != NULL;
    long status = 0;

    buf_printf(&url, "https://%s%s%s:%s%s%s", v6 ? "[" : "", server->host, v6 ? "]" : "",
               server->port, server->prefix, request->target);
    const char *text = buf_text(&url);
    if (!text)
        return -EMSGSIZE;
    void *headers = add_headers(add_headers(NULL, auth), request->headers);
    headers =
        lib.slist_append(headers, "Expect:"); /* not asked for: a refusal comes early anyway */
    headers = lib.slist_append(headers, "User-Agent: tailboard/" TB_VERSION);
    curl->request = request;
    curl->read = 0;
    curl->error[0] = '\0';
    httpreply_clear(&curl->reply);
    set_options(curl, text, headers);
    int code = lib.perform(curl->easy);
    lib.getinfo(curl->easy, INFO_RESPONSE_CODE, &status);
    lib.slist_free_all(headers);
    curl->request = NULL;
    if (code != 0) {
        if (!curl->error[0])
            snprintf(curl->error, sizeof curl->error, "%s: %s", server->host, lib.strerror(code));
        return curl->options->stop && atomic_load(curl->options->stop) ? -ECANCELED : -ECONNRESET;
    }
    curl->reply.status = (int)status;
    curl->answered = true;
    return 0;
}

int curl_receive(struct curl *curl, struct channel_reply *ret)
{
    httpreply_clear(ret);
    if (!curl->answered)
        return 0;
    struct channel_reply swap = *ret;
    *ret = curl->reply;
    curl->reply = swap;
    curl->answered = false;
    return 1;
}
