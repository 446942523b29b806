/* recorder.h: what the command prints, kept in files, without ever holding the command up for long.
 *
 *   command ──► launch (passes it on) ──► recorder_add() ──► buffer ──► own thread ──► file
 *
 * A slow disk is waited for; one that takes nothing for RECORDER_PATIENCE_S ends the recording, as
 * do a full disk and LIMIT_CONSOLE_BYTES a stream. The command goes on in each case. */
#ifndef TB_LAUNCH_RECORDER_H
#define TB_LAUNCH_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define RECORDER_STREAMS 2 /* 0: stdout, 1: stderr */
#define RECORDER_PATIENCE_S 5

struct recorder;

/* paths[i] NULL: that stream is not recorded. Files are appended to. trouble(ctx, text) is called
 * at most once, on the thread that notices. 0 or -errno. */
_must_check_ int recorder_start(const char *const paths[RECORDER_STREAMS],
                                void (*trouble)(void *ctx, const char *text), void *ctx,
                                struct recorder **ret);
/* Main. The bytes are copied. */
void recorder_add(struct recorder *recorder, int stream, const void *data, size_t size);
/* Writes what is buffered (within the patience above), joins, frees. Accepts NULL; returns NULL. */
struct recorder *recorder_stop(struct recorder *recorder);

#endif
