/* log.h: one line per event on standard error, made by the code that ends an error's journey.
 *
 * Control characters in the text are escaped, so that a tag or path cannot drive a terminal.
 * Thread: any. The level is the only global state of the program besides the option struct. */
#ifndef TB_BASE_LOG_H
#define TB_BASE_LOG_H

#include "base/cleanup.h"

enum log_level { LOG_NONE = -1, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_level(void);

/* Writes "tailboard: text\n" (warnings and errors carry the word). At most 2,048 bytes. */
void log_line(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Copies `text` into `out` (always terminated), control characters written as \xNN.
 * Returns the length written. For names and tags that go to a terminal. */
size_t log_escape(char *out, size_t size, const char *text, size_t length);

#endif
