/* classify.h: what a connection is, by its first bytes. Part of front.
 *
 * A pure function over what was peeked so far, so that any cut of the bytes can be tested. It
 * waits only where more bytes could change the answer: for the rest of the HTTP/2 preface, and for
 * the header of "GET <prefix>/live". Only a sound WebSocket request goes to the live door; whatever
 * is odd about it goes to http, whose gate answers. Thread: any. */
#ifndef TB_FRONT_CLASSIFY_H
#define TB_FRONT_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

enum classify_kind { CLASSIFY_WAIT, CLASSIFY_HTTP, CLASSIFY_LIVE, CLASSIFY_GRPC };

/* `final`: no more bytes will come (or no more would fit). Never CLASSIFY_WAIT then. */
enum classify_kind classify(const char *data, size_t size, bool final, const char *prefix);

#endif
