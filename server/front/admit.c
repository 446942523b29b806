#include "front/admit.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "name:port" in its two parts. */
struct authority {
    const char *name, *port;
    size_t name_size, port_size;
};

static bool split(const char *text, size_t size, struct authority *ret)
{
    const char *end = text + size, *colon;

    if (size > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', size);
        if (!close || (close + 1 < end && close[1] != ':'))
            return false;
        colon = close + 1;
    } else {
        colon = memchr(text, ':', size);
        if (!colon)
            colon = end;
    }
    *ret = (struct authority){.name = text, .name_size = (size_t)(colon - text), .port = end};
    if (colon < end) {
        ret->port = colon + 1;
        ret->port_size = (size_t)(end - colon - 1);
    }
    for (size_t i = 0; i < ret->port_size; i++)
        if (ret->port[i] < '0' || ret->port[i] > '9')
            return false;
    return ret->name_size > 0;
}

/* The authority of "scheme://authority/…", and the scheme's own port. */
static bool split_url(const char *url, struct authority *ret, const char **ret_port)
{
    const char *start = strstr(url, "://");

    if (!start)
        return false;
    *ret_port = strncasecmp(url, "https:", 6) == 0 ? "443" : "80";
    start += 3;
    return split(start, strcspn(start, "/?#"), ret);
}

static bool same_name(const struct authority *a, const struct authority *b)
{
    return a->name_size == b->name_size && strncasecmp(a->name, b->name, a->name_size) == 0;
}

/* Ports are equal as written, or where one is left out and the other is what the scheme means. */
static bool same_port(const struct authority *a, const struct authority *b, const char *usual)
{
    size_t usual_size = strlen(usual);
    const char *left = a->port_size ? a->port : usual, *right = b->port_size ? b->port : usual;
    size_t left_size = a->port_size ? a->port_size : usual_size;
    size_t right_size = b->port_size ? b->port_size : usual_size;

    return left_size == right_size && memcmp(left, right, left_size) == 0;
}

static bool is_ip_literal(const struct authority *host)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    bool bracketed = host->name[0] == '[';
    size_t size = host->name_size - (bracketed ? 2 : 0);

    if (size == 0 || size >= sizeof text)
        return false;
    memcpy(text, host->name + bracketed, size);
    text[size] = '\0';
    return inet_pton(bracketed ? AF_INET6 : AF_INET, text, address) == 1;
}

static bool ends_with(const struct authority *host, const char *word)
{
    size_t length = strlen(word);

    return host->name_size > length &&
           strncasecmp(host->name + host->name_size - length, word, length) == 0;
}

static bool host_is_listed(const struct authority *host, const char *const *list)
{
    for (; list && *list; list++) {
        struct authority allowed;

        if (split(*list, strlen(*list), &allowed) && same_name(host, &allowed) &&
            (allowed.port_size == 0 || same_port(host, &allowed, "")))
            return true;
    }
    return false;
}

/* A page that rebinds its own name to this machine cannot choose any of these. */
static bool host_is_ours(const struct admit_case *c)
{
    struct authority host;

    if (c->hosts != 1 || !c->host || !split(c->host, strlen(c->host), &host))
        return false;
    return (host.name_size == 9 && strncasecmp(host.name, "localhost", 9) == 0) ||
           ends_with(&host, ".localhost") || is_ip_literal(&host) ||
           host_is_listed(&host, c->allow_hosts);
}

static bool origin_is(const char *origin, const char *url)
{
    struct authority a, b;
    const char *a_port, *b_port;

    return split_url(origin, &a, &a_port) && split_url(url, &b, &b_port) && same_name(&a, &b) &&
           same_port(&a, &b, a_port) && strcmp(a_port, b_port) == 0;
}

static bool origin_is_listed(const struct admit_case *c)
{
    if (c->origins != 1)
        return false;
    if (c->public_url && origin_is(c->origin, c->public_url))
        return true;
    for (const char *const *list = c->allow_origins; list && *list; list++)
        if (strcasecmp(c->origin, *list) == 0 || origin_is(c->origin, *list))
            return true;
    return false;
}

static bool origin_is_host(const struct admit_case *c)
{
    struct authority origin, host;
    const char *port;

    return c->origins == 1 && c->hosts == 1 && c->host && split_url(c->origin, &origin, &port) &&
           split(c->host, strlen(c->host), &host) && same_name(&origin, &host) &&
           same_port(&origin, &host, port);
}

static _printf_(4, 5) void refuse(struct auth_verdict *ret, int status, const char *code,
                                  const char *format, ...)
{
    va_list args;

    *ret = (struct auth_verdict){.status = status, .code = code};
    va_start(args, format);
    vsnprintf(ret->detail, sizeof ret->detail, format, args);
    va_end(args);
}

static bool is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* What other people's pages make a browser send. */
static bool from_elsewhere(const struct admit_case *c, struct auth_verdict *ret)
{
    if (c->fetch_site && strcasecmp(c->fetch_site, "same-origin") == 0)
        return false;
    if (origin_is_listed(c))
        return false;
    if (c->fetch_site && strcasecmp(c->fetch_site, "cross-site") == 0) {
        refuse(ret, 403, "cross-site",
               "A page of another site asked (Sec-Fetch-Site: cross-site, Origin: %.80s). Start "
               "with --allow-origin to let it.", c->origin ? c->origin : "none");
        return true;
    }
    if (c->origins == 0 || (is_read(c->method) && !c->websocket) || origin_is_host(c))
        return false;
    refuse(ret, 403, "origin-not-allowed",
           "Origin %.80s is not the host asked for (%.60s). Start with --allow-origin or "
           "--public-url to let it.", c->origin, c->host ? c->host : "none");
    return true;
}

void admit_origin(const struct admit_case *c, struct auth_verdict *ret)
{
    *ret = (struct auth_verdict){.code = ""};
    from_elsewhere(c, ret);
}

static void refuse_stranger(const struct admit_case *c, struct auth_verdict *ret)
{
    if (c->cookie == ADMIT_GOOD)
        refuse(ret, 403, "key-needed",
               "A request that changes something needs X-Tailboard-Key, which POST "
               "/api/v1/session gives.");
    else if (c->token == ADMIT_WRONG)
        refuse(ret, 401, "token-wrong", "This token is not the server's. Its link was printed at "
                                        "start.");
    else if (c->own_user && c->proxied && !c->by_user_off)
        refuse(ret, 401, "token-needed", "The request came through a proxy (header %s), so the "
                                         "token is needed.", c->proxied);
    else
        refuse(ret, 401, "token-needed", "Send the token: Authorization: Bearer, or open the link "
                                         "that was printed at start.");
}

void admit(const struct admit_case *c, struct auth_verdict *ret)
{
    bool needs_key = !is_read(c->method) && !c->reads_only;

    *ret = (struct auth_verdict){.code = ""};
    if (from_elsewhere(c, ret))
        return;
    if (c->token == ADMIT_GOOD) {
        ret->by_token = true;
    } else if (c->cookie == ADMIT_GOOD && (!needs_key || c->key)) {
        ret->by_cookie = true;
    } else if (c->own_user && !c->by_user_off && !c->proxied) {
        if (host_is_ours(c))
            ret->by_user = true;
        else
            refuse(ret, 403, "host-not-allowed",
                   "Host %.80s is not this machine's. Start with --allow-host to let it, or send "
                   "the token.", c->hosts == 1 && c->host ? c->host : "(missing or sent twice)");
    } else {
        refuse_stranger(c, ret);
    }
}
