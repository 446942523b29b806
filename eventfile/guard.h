/* eventfile/guard.h: looks through a message before protobuf-c may have it.
 *
 * protobuf-c recurses into nested messages and allocates by what it finds. This scan walks the same
 * bytes by the same descriptors with a stack of its own, and lets pass only what is well-formed,
 * nested at most EF_DEPTH_MAX deep and within the counts of limits.h. What it lets pass, protobuf-c
 * unpacks (or runs out of memory). Thread: any. */
#ifndef EVENTFILE_GUARD_H
#define EVENTFILE_GUARD_H

#include <protobuf-c/protobuf-c.h>

#include <eventfile/event.h>

/* 0, EF_ERR_NOT_EVENT (malformed), EF_ERR_LIMIT. */
EF_MUST_CHECK int guard_scan(const ProtobufCMessageDescriptor *message, struct ef_slice bytes);

#endif
