/* talk.h: what libmicrohttpd calls while a request comes in. Part of http.
 *
 *   talk_connection   a connection began or ended
 *   talk_address      first line: a request begins
 *   talk_handle       head (gate, router), then the body, then the route; again after a wait
 *   talk_completed    answered, or broken off
 *
 * Thread: the worker's. */
#ifndef TB_HTTP_TALK_H
#define TB_HTTP_TALK_H

#include <microhttpd.h>

#include "http/worker.h"

void talk_connection(void *worker, struct MHD_Connection *connection, void **socket_context,
                     enum MHD_ConnectionNotificationCode code);
void *talk_address(void *worker, const char *uri, struct MHD_Connection *connection);
enum MHD_Result talk_handle(void *worker, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload_data,
                            size_t *upload_size, void **context);
void talk_completed(void *worker, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode code);
/* Closes an upgraded connection. */
void talk_upgrade_end(void *handle);

#endif
