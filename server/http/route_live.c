/* route_live.c: GET /live where it comes to http: without an upgrade, or as a later request. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/sha1.h"
#include "http/router.h"

#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SUBPROTOCOL "tailboard.v1"

static bool is_websocket(const struct request *request)
{
    const char *upgrade = request_header(request, "Upgrade");
    const char *connection = request_header(request, "Connection");
    const char *version = request_header(request, "Sec-WebSocket-Version");
    const char *key = request_header(request, "Sec-WebSocket-Key");

    return request->method == METHOD_GET && upgrade && strcasecmp(upgrade, "websocket") == 0 &&
           connection && strcasestr(connection, "upgrade") && version &&
           strcmp(version, "13") == 0 && key && strlen(key) == 24;
}

static bool offers(const struct request *request, const char *protocol)
{
    const char *at = request_header(request, "Sec-WebSocket-Protocol");

    while (at && *at) {
        size_t size = strcspn(at, ", \t");

        if (size == strlen(protocol) && strncmp(at, protocol, size) == 0)
            return true;
        at += size;
        at += strspn(at, ", \t");
    }
    return false;
}

static void check_caller(struct request *request)
{
    struct auth_request ask = {
        .peer = request->peer,
        .method = request->method_text,
        .websocket = true,
        .header = router_header,
        .ctx = request,
    };

    auth_check(request->shared->options.auth, &ask, &request->verdict);
    if (request->verdict.status)
        response_problem(request, request->verdict.status, request->verdict.code, "%s",
                      request->verdict.detail);
}

/* The request as the live door will read it. */
static void write_request(struct request *request)
{
    struct buf *out = &request->body;

    buf_clear(out);
    buf_printf(out, "GET %s/live%s%s HTTP/1.1\r\n", request->shared->prefix,
               *request->target.query ? "?" : "", request->target.query);
    for (size_t i = 0; i < request->n_headers; i++) {
        buf_add(out, request->headers[i].name, request->headers[i].name_size);
        buf_add(out, ": ", 2);
        buf_add(out, request->headers[i].value, request->headers[i].value_size);
        buf_add(out, "\r\n", 2);
    }
    buf_add(out, "\r\n", 2);
}

void route_live(struct request *request)
{
    char text[64], proof[29];

    if (!is_websocket(request)) {
        response_problem(request, 426, "upgrade-required", "This address speaks WebSocket "
                                                        "(RFC 6455), protocol tailboard.v1.");
        response_header(request, "Upgrade", "websocket");
        return;
    }
    if (!request->shared->options.live.take) {
        response_problem(request, 503, "no-live", "This server has no live side.");
        return;
    }
    check_caller(request);
    if (request->reply.status)
        return;
    snprintf(text, sizeof text, "%s" WEBSOCKET_GUID, request_header(request, "Sec-WebSocket-Key"));
    if (sha1_base64(text, strlen(text), proof) < 0) {
        response_error(request, -ENOMEM);
        return;
    }
    write_request(request);
    response_header(request, "Upgrade", "websocket");
    response_header(request, "Sec-WebSocket-Accept", "%s", proof);
    if (offers(request, SUBPROTOCOL))
        response_header(request, "Sec-WebSocket-Protocol", SUBPROTOCOL);
    request->reply.status = 101;
}
