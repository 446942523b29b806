/* sha1.h: SHA-1, for the one place that asks for it: the WebSocket handshake (RFC 6455, 4.2.2),
 * where it proves nothing but that the key was read. Thread: any. */
#ifndef TB_BASE_SHA1_H
#define TB_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SHA1_BYTES 20

/* 0, or -ENOMEM when libcrypto cannot work. */
_must_check_ int sha1(const void *data, size_t size, uint8_t ret_digest[SHA1_BYTES]);
/* The same as base64 with padding: 28 characters and a NUL. */
_must_check_ int sha1_base64(const void *data, size_t size, char ret_text[29]);

#endif
