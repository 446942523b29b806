/* eventfile/eventfile.h: TensorBoard event files (TFEvents) in C: read, follow, salvage, write.
 *
 * From simple to detailed: <eventfile/reader.h> follows a file and gives records,
 * <eventfile/event.h> turns a record into values; <eventfile/writer.h> writes;
 * <eventfile/record.h>, <eventfile/salvage.h> and <eventfile/crc32c.h> are the parts. */
#ifndef EVENTFILE_EVENTFILE_H
#define EVENTFILE_EVENTFILE_H

#include <eventfile/crc32c.h>
#include <eventfile/error.h>
#include <eventfile/event.h>
#include <eventfile/limits.h>
#include <eventfile/reader.h>
#include <eventfile/record.h>
#include <eventfile/salvage.h>
#include <eventfile/scalar.h>
#include <eventfile/writer.h>

#endif
