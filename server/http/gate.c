#include "http/gate.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c))
            return false;
    }
    return size > 0;
}

static bool is_value(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static void refuse(struct gate_verdict *ret, int status, const char *detail)
{
    ret->status = status;
    ret->detail = detail;
}

static void check_line(const struct gate_head *head, struct gate_verdict *ret)
{
    if (strcmp(head->version, "HTTP/1.1") != 0 && strcmp(head->version, "HTTP/1.0") != 0)
        refuse(ret, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    else if (!is_token(head->method, strlen(head->method)))
        refuse(ret, 400, "The method is not a word.");
    else if (head->target[0] != '/')
        refuse(ret, 400, "The address must begin with a slash.");
    else if (strlen(head->target) > LIMIT_URL_BYTES)
        refuse(ret, 414, "The address is too long.");
    for (const char *p = head->target; *p && !ret->status; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '#')
            refuse(ret, 400, "The address has a character that must be percent-encoded.");
}

static void check_headers(const struct gate_head *head, struct gate_verdict *ret)
{
    if (head->n_headers > LIMIT_HEADERS)
        refuse(ret, 431, "Too many headers.");
    for (size_t i = 0; i < head->n_headers && !ret->status; i++) {
        const struct head_field *h = &head->headers[i];

        if (!is_token(h->name, h->name_size))
            refuse(ret, 400, "A header's name is not a word.");
        else if (!is_value(h->value, h->value_size))
            refuse(ret, 400, "A header's value has a control character.");
    }
}

static void check_host(const struct gate_head *head, struct gate_verdict *ret)
{
    unsigned count;
    const char *host = head_find(head->headers, head->n_headers, "Host", &count);

    if (count > 1)
        refuse(ret, 400, "Host was sent twice.");
    else if (count == 0 && strcmp(head->version, "HTTP/1.1") == 0)
        refuse(ret, 400, "Host is missing.");
    else if (host && strcspn(host, " \t,/?#@\\\"<>") != strlen(host))
        refuse(ret, 400, "Host is not a name or address with a port.");
}

static void check_length(const struct gate_head *head, struct gate_verdict *ret)
{
    unsigned lengths, codings;
    const char *length = head_find(head->headers, head->n_headers, "Content-Length", &lengths);
    const char *coding = head_find(head->headers, head->n_headers, "Transfer-Encoding", &codings);

    ret->length = 0;
    if (lengths > 1 || codings > 1 || (lengths && codings)) {
        refuse(ret, 400, "The body's length was said twice.");
        return;
    }
    if (coding) {
        if (strcasecmp(coding, "chunked") != 0)
            refuse(ret, 501, "The only Transfer-Encoding taken is \"chunked\".");
        else if (strcmp(head->version, "HTTP/1.1") != 0)
            refuse(ret, 400, "HTTP/1.0 has no chunks.");
        ret->length = UINT64_MAX;
        return;
    }
    if (!length)
        return;
    if (*length == '\0' || strlen(length) > 18 || strspn(length, "0123456789") != strlen(length)) {
        refuse(ret, 400, "Content-Length is not a number.");
        return;
    }
    for (const char *p = length; *p; p++)
        ret->length = ret->length * 10 + (uint64_t)(*p - '0');
}

static void check_rest(const struct gate_head *head, struct gate_verdict *ret)
{
    static const char *const once[] = {"Content-Type", "Authorization", "Origin", "Upgrade",
                                       "Sec-WebSocket-Key", "Content-Encoding"};
    unsigned count;
    const char *expect = head_find(head->headers, head->n_headers, "Expect", &count);

    if (expect && strcasecmp(expect, "100-continue") != 0)
        refuse(ret, 417, "The only Expect met is \"100-continue\".");
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        head_find(head->headers, head->n_headers, once[i], &count);
        if (count > 1)
            refuse(ret, 400, "A header that may come once was sent twice.");
    }
}

void gate_check(const struct gate_head *head, struct gate_verdict *ret)
{
    static void (*const checks[])(const struct gate_head *, struct gate_verdict *) = {
        check_line, check_headers, check_host, check_length, check_rest,
    };

    *ret = (struct gate_verdict){.status = 0};
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !ret->status; i++)
        checks[i](head, ret);
}
