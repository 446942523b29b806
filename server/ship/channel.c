#include "ship/channel.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "ship/curl.h"
#include "ship/http1.h"

struct channel {
    struct channel_options options;
    struct http1 *http1; /* one of the two */
    struct curl *curl;
    char auth[LIMIT_PROTOCOL_TOKEN_BYTES + 32]; /* a header line */
};

static int parse_port(const char *text, size_t size, char ret[8])
{
    if (size == 0 || size > 5 || strspn(text, "0123456789") < size)
        return -EINVAL;
    memcpy(ret, text, size);
    ret[size] = '\0';
    return strtol(ret, NULL, 10) > 65535 ? -EINVAL : 0;
}

/* Control characters and blanks would end a header; user names have no place here. */
static bool is_clean(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p <= ' ' || *p == 0x7f || *p == '@' || *p == '?' || *p == '#')
            return false;
    return true;
}

int channel_parse(const char *url, struct server_name *ret)
{
    struct server_name name = {0};

    if (strncmp(url, "http://", 7) == 0)
        url += 7;
    else if (strncmp(url, "https://", 8) == 0) {
        name.tls = true;
        url += 8;
    } else
        return -EINVAL;
    if (!is_clean(url))
        return -EINVAL;
    bool v6 = *url == '[';
    size_t host = v6 ? strcspn(++url, "]") : strcspn(url, ":/");
    if (host == 0 || host >= sizeof name.host || (v6 && url[host] != ']'))
        return -EINVAL;
    memcpy(name.host, url, host);
    url += host + v6;
    snprintf(name.port, sizeof name.port, "%s", name.tls ? "443" : "80");
    if (*url == ':') {
        size_t port = strcspn(++url, "/");
        if (parse_port(url, port, name.port) < 0)
            return -EINVAL;
        url += port;
    }
    size_t prefix = strlen(url);
    while (prefix > 0 && url[prefix - 1] == '/')
        prefix--;
    if (prefix >= sizeof name.prefix || (*url && *url != '/'))
        return -EINVAL;
    memcpy(name.prefix, url, prefix);
    *ret = name;
    return 0;
}

int channel_new(const struct channel_options *options, struct channel **ret, const char **ret_why)
{
    struct channel *channel = calloc(1, sizeof *channel);
    int r = 0;

    *ret_why = "out of memory";
    if (!channel)
        return -ENOMEM;
    channel->options = *options;
    if (options->server->tls) {
        r = curl_new(&channel->options, &channel->curl, ret_why);
    } else {
        channel->http1 = http1_new(&channel->options);
        r = channel->http1 ? 0 : -ENOMEM;
    }
    if (r < 0) {
        free(channel);
        return r;
    }
    *ret = channel;
    return 0;
}

void *channel_libcurl(void)
{
    return curl_library();
}

struct channel *channel_free(struct channel *channel)
{
    if (!channel)
        return NULL;
    http1_free(channel->http1);
    curl_free(channel->curl);
    free(channel);
    return NULL;
}

void channel_set_token(struct channel *channel, const char *token)
{
    channel->auth[0] = '\0';
    if (token && *token && is_clean(token) && strlen(token) < LIMIT_PROTOCOL_TOKEN_BYTES)
        snprintf(channel->auth, sizeof channel->auth, "Authorization: Bearer %s\r\n", token);
}

int channel_send(struct channel *channel, const struct channel_request *request)
{
    return channel->http1 ? http1_send(channel->http1, request, channel->auth)
                          : curl_send(channel->curl, request, channel->auth);
}

int channel_receive(struct channel *channel, struct channel_reply *ret, int timeout_ms)
{
    return channel->http1 ? http1_receive(channel->http1, ret, timeout_ms)
                          : curl_receive(channel->curl, ret);
}

unsigned channel_under_way(const struct channel *channel)
{
    return channel->http1 ? http1_under_way(channel->http1) : curl_under_way(channel->curl);
}

bool channel_room(const struct channel *channel)
{
    return channel->http1 ? http1_room(channel->http1) : curl_under_way(channel->curl) == 0;
}

int channel_fd(const struct channel *channel)
{
    return channel->http1 ? http1_fd(channel->http1) : -1;
}

void channel_close(struct channel *channel)
{
    if (channel->http1)
        http1_close(channel->http1);
    else
        curl_forget(channel->curl);
}

const char *channel_error(const struct channel *channel)
{
    return channel->http1 ? http1_error(channel->http1) : curl_error(channel->curl);
}

void channel_problem(const struct channel_reply *reply, char *ret, size_t size)
{
    json_error_t where;
    json_t *root = NULL;

    *ret = '\0';
    if (reply->body.length > 0 && reply->body.length <= 65536)
        root = json_loadb(reply->body.data, reply->body.length, 0, &where);
    const char *code = json_string_value(json_object_get(root, "code"));
    if (code)
        snprintf(ret, size, "%s", code);
    json_decref(root);
}
