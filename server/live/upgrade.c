#include "live/upgrade.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

#define FIELDS 128
#define KEY_BYTES 24

struct request {
    char bytes[LIMIT_HEADER_BYTES + 1];
    const char *method, *target, *version;
    struct head_field fields[FIELDS];
    size_t n_fields;
    char bearer[8 + LIMIT_PROTOCOL_TOKEN_BYTES]; /* "Bearer …" from the subprotocol list */
};

/* ---- the header ------------------------------------------------------------------------- */

static bool is_token(const char *text)
{
    size_t n = strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return n > 0 && !text[n];
}

/* Cuts off the next line, which must end in CR LF. NULL: none, or a stray CR or LF. */
static char *next_line(char **at)
{
    char *line = *at, *end = strpbrk(line, "\r\n");

    if (!end || end[0] != '\r' || end[1] != '\n')
        return NULL;
    *end = '\0';
    *at = end + 2;
    return line;
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        text[--n] = '\0';
    return text;
}

static bool parse_request_line(struct request *request, char *line)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version || strchr(version + 1, ' '))
        return false;
    *target = *version = '\0';
    request->method = line;
    request->target = target + 1;
    request->version = version + 1;
    return strcmp(request->version, "HTTP/1.1") == 0;
}

/* Cuts the header into fields, in place. Anything unusual is refused: this is one request. */
static bool parse_header(struct request *request, const char *data, size_t size)
{
    char *at = request->bytes, *line;

    memcpy(request->bytes, data, size);
    request->bytes[size] = '\0';
    if (memchr(data, '\0', size) || !(line = next_line(&at)) ||
        !parse_request_line(request, line))
        return false;
    while ((line = next_line(&at)) && *line) {
        char *colon = strchr(line, ':');

        if (!colon || request->n_fields == FIELDS)
            return false;
        *colon = '\0';
        if (!is_token(line))
            return false;
        char *value = trimmed(colon + 1);
        request->fields[request->n_fields++] =
            (struct head_field){line, value, strlen(line), strlen(value)};
    }
    return line != NULL;
}

static const char *field(const struct request *request, const char *name, unsigned *ret_count)
{
    return head_find(request->fields, request->n_fields, name, ret_count);
}

static const char *only(const struct request *request, const char *name)
{
    return head_only(request->fields, request->n_fields, name);
}

/* Goes over the items of all fields of a name; each call gives the next one, cut to `item`. */
struct items {
    const char *at;
    size_t field;
};

static bool next_item(const struct request *request, const char *name, struct items *items,
                      char *item, size_t size)
{
    for (;;) {
        if (items->at)
            items->at += strspn(items->at, ", \t");
        if (items->at && *items->at) {
            size_t n = strcspn(items->at, ", \t");
            snprintf(item, size, "%.*s", (int)n, items->at);
            items->at += n;
            return true;
        }
        do
            if (items->field == request->n_fields)
                return false;
        while (strcasecmp(request->fields[items->field++].name, name) != 0);
        items->at = request->fields[items->field - 1].value;
    }
}

static bool lists(const struct request *request, const char *name, const char *wanted,
                  unsigned *ret_count)
{
    struct items items = {0};
    char item[64];
    bool found = false;
    unsigned n = 0;

    for (; next_item(request, name, &items, item, sizeof item); n++)
        found = found || strcasecmp(item, wanted) == 0;
    if (ret_count)
        *ret_count = n;
    return found;
}

/* ---- the credential in the subprotocol list --------------------------------------------- */

static int base64url_digit(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Decodes to printable text. false: it is none. */
static bool decode(const char *text, char *out, size_t size)
{
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (; *text && *text != '='; text++) {
        int digit = base64url_digit(*text);

        if (digit < 0)
            return false;
        bits = bits << 6 | (unsigned)digit;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        char c = (char)(bits >> have & 0xff);
        if (n + 1 == size || c < 0x21 || c > 0x7e)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}

/* "bearer.<base64url>" stands for "Authorization: Bearer …" where a page cannot set headers. */
static void find_bearer(struct request *request)
{
    struct items items = {0};
    char item[7 + (LIMIT_PROTOCOL_TOKEN_BYTES * 4 / 3) + 8];

    if (field(request, "Authorization", NULL))
        return;
    while (next_item(request, "Sec-WebSocket-Protocol", &items, item, sizeof item)) {
        if (strncmp(item, "bearer.", 7) != 0)
            continue;
        memcpy(request->bearer, "Bearer ", 8);
        if (decode(item + 7, request->bearer + 7, sizeof request->bearer - 7))
            return;
        request->bearer[0] = '\0';
    }
}

static const char *auth_header(void *ctx, const char *name, unsigned *ret_count)
{
    const struct request *request = ctx;

    if (request->bearer[0] && strcasecmp(name, "Authorization") == 0) {
        *ret_count = 1;
        return request->bearer;
    }
    return field(request, name, ret_count);
}

/* ---- answers ---------------------------------------------------------------------------- */

static void refuse(struct upgrade *ret, int status, const char *code, const char *detail)
{
    _cleanup_(buf_done) struct buf body = BUF_INIT(sizeof ret->text);

    head_problem(&body, status, code, detail);
    const char *text = buf_failed(&body) ? "" : buf_text(&body);
    ret->admitted = false;
    snprintf(ret->code, sizeof ret->code, "%s", code);
    snprintf(ret->text, sizeof ret->text,
             "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
             "Content-Length: %zu\r\n%s%sCache-Control: no-store\r\nConnection: close\r\n\r\n%s",
             status, head_title(status), strlen(text),
             status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
             status == 426 ? "Sec-WebSocket-Version: 13\r\n" : "", text);
}

/* What is wrong with the request as a WebSocket one; true: nothing. */
static bool check_form(const struct request *request, const char *prefix, struct upgrade *ret)
{
    const char *key = only(request, "Sec-WebSocket-Key");
    const char *version = only(request, "Sec-WebSocket-Version");
    size_t path = strcspn(request->target, "?"), n = strlen(prefix);
    unsigned protocols;

    if (strcmp(request->method, "GET") != 0 || path != n + 5 ||
        strncmp(request->target, prefix, n) != 0 ||
        strncmp(request->target + n, "/live", 5) != 0)
        refuse(ret, 404, "not-found", "The WebSocket is at GET /live");
    else if (!only(request, "Host") || field(request, "Transfer-Encoding", NULL) ||
             (field(request, "Content-Length", NULL) &&
              strcmp(field(request, "Content-Length", NULL), "0") != 0))
        refuse(ret, 400, "bad-request", "One Host, and no body, please");
    else if (!lists(request, "Upgrade", "websocket", NULL) ||
             !lists(request, "Connection", "upgrade", NULL) || !version ||
             strcmp(version, "13") != 0)
        refuse(ret, 426, "upgrade-needed", "This is a WebSocket of version 13 (RFC 6455)");
    else if (!key || strlen(key) != KEY_BYTES || strcmp(key + KEY_BYTES - 2, "==") != 0 ||
             strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789+/") != KEY_BYTES - 2)
        refuse(ret, 400, "bad-request", "Sec-WebSocket-Key must be 16 bytes in base64");
    else if (!lists(request, "Sec-WebSocket-Protocol", UPGRADE_PROTOCOL, &protocols) &&
             protocols > 0)
        refuse(ret, 400, "unknown-protocol",
               "The subprotocol spoken here is " UPGRADE_PROTOCOL);
    else
        return true;
    return false;
}

static void admit(const struct request *request, struct upgrade *ret)
{
    unsigned protocols;

    lists(request, "Sec-WebSocket-Protocol", "", &protocols);
    ret->admitted = true;
    ret->code[0] = '\0';
    snprintf(ret->text, sizeof ret->text,
             "GET /live HTTP/1.1\r\nHost: tailboard\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             only(request, "Sec-WebSocket-Key"),
             protocols > 0 ? "Sec-WebSocket-Protocol: " UPGRADE_PROTOCOL "\r\n" : "");
}

void upgrade_read(const char *data, size_t size, const struct peer *peer, struct auth *auth,
                  const char *prefix, struct upgrade *ret)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    struct request request;

    request.n_fields = 0;
    request.bearer[0] = '\0';
    ret->size = end ? (size_t)(end - data) + 4 : 0;
    if (!end || ret->size > LIMIT_HEADER_BYTES) {
        bool large = size >= LIMIT_HEADER_BYTES;
        refuse(ret, large ? 431 : 400, large ? "header-too-large" : "bad-request",
               large ? "The header is too large" : "The header is not whole");
        return;
    }
    if (!parse_header(&request, data, ret->size)) {
        refuse(ret, 400, "bad-request", "The header is not sound HTTP/1.1");
        return;
    }
    if (!check_form(&request, prefix, ret))
        return;
    find_bearer(&request);
    struct auth_request ask = {
        .peer = peer,
        .method = request.method,
        .websocket = true,
        .header = auth_header,
        .ctx = &request,
    };
    struct auth_verdict verdict = {0};
    auth_check(auth, &ask, &verdict);
    if (verdict.status)
        refuse(ret, verdict.status, verdict.code ? verdict.code : "refused", verdict.detail);
    else
        admit(&request, ret);
}
