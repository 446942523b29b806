/* curl.h: the client for https:// servers: libcurl, loaded by name when it is needed.
 *
 * So the programs of compute nodes depend on no TLS library. One request at a time: curl_send()
 * stays until the answer is there. See channel.h for the rules; private to channel.c. */
#ifndef TB_SHIP_CURL_H
#define TB_SHIP_CURL_H

#include "ship/channel.h"

struct curl;

/* libcurl as it was loaded; NULL: it cannot be. */
void *curl_library(void);

/* -ELIBACC and *ret_why: libcurl cannot be had; -ENOMEM. */
_must_check_ int curl_new(const struct channel_options *options, struct curl **ret,
                          const char **ret_why);
struct curl *curl_free(struct curl *curl);
_must_check_ int curl_send(struct curl *curl, const struct channel_request *request,
                           const char *auth);
_must_check_ int curl_receive(struct curl *curl, struct channel_reply *ret);
unsigned curl_under_way(const struct curl *curl);
/* Drops an answer that was not taken. */
void curl_forget(struct curl *curl);
const char *curl_error(const struct curl *curl);

#endif
