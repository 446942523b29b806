/* static_parts.c: what the static program has in place of libraries.
 *
 * It can load none, so https servers are refused with a reason (in place of ship/curl.c); and ISA-L
 * comes as a shared library only, so long checksums are made of short ones. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <eventfile/crc32c.h>

#include "ship/curl.h"

#define SHORT_BYTES 1000 /* the library asks for ISA-L above this */

/* ISA-L's: the inner state before and after, without the final inversion. */
unsigned int crc32_iscsi(unsigned char *data, int size, unsigned int state);

unsigned int crc32_iscsi(unsigned char *data, int size, unsigned int state)
{
    uint32_t crc = ~state;

    for (int done = 0; done < size; done += SHORT_BYTES)
        crc = ef_crc32c_extend(crc, data + done,
                               size - done < SHORT_BYTES ? (size_t)(size - done) : SHORT_BYTES);
    return ~crc;
}

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
