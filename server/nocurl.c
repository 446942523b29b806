/* nocurl.c: in place of ship/curl.c in the static program, which can load no library: https servers
 * are refused with a reason. */
#include <errno.h>

#include "ship/curl.h"

int curl_new(const struct channel_options *options, struct curl **ret, const char **ret_why)
{
    *ret_why = "this static program speaks http:// only; an https server needs the other build of "
               "tailboard-agent, and libcurl";
    return -ELIBACC;
}

struct curl *curl_free(struct curl *curl)
{
    return NULL;
}

int curl_send(struct curl *curl, const struct channel_request *request, const char *auth)
{
    return -ELIBACC;
}

int curl_receive(struct curl *curl, struct channel_reply *ret)
{
    return 0;
}

unsigned curl_under_way(const struct curl *curl)
{
    return 0;
}

void curl_forget(struct curl *curl)
{
}

const char *curl_error(const struct curl *curl)
{
    return "";
}
