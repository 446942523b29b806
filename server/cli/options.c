/* options.c: one option table for parsing, for the environment and for the help text. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/suggest.h"

enum { HELP_COLUMN = 26, OPTIONS_MAX = 64 };

/* One call of cli_parse(). */
struct parse {
    const struct cli_command *command;
    const struct cli_option *options;
    uint64_t from_env; /* bit i: the list of option i came from the environment */
};

int cli_usage_error(const struct cli_command *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "tailboard %s: ", command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n'tailboard %s --help' says more.\n", command->name);
    return CLI_USAGE;
}

static bool same_name(const char *given, size_t size, const char *name)
{
    if (strlen(name) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (given[i] != name[i] && !(given[i] == '_' && name[i] == '-') &&
            !(given[i] == '-' && name[i] == '_'))
            return false;
    return true;
}

static int bad_value(const struct parse *parse, const struct cli_option *option, bool env,
                     const char *value, const char *format, ...) _printf_(5, 6);

static int bad_value(const struct parse *parse, const struct cli_option *option, bool env,
                     const char *value, const char *format, ...)
{
    char safe[200], why[200];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    log_escape(safe, sizeof safe, value, strlen(value));
    return cli_usage_error(parse->command, "%s%s: '%s' %s", env ? "" : "--",
                           env ? option->env : option->name, safe, why);
}

static int set_uint(const struct parse *parse, const struct cli_option *option, bool env,
                    const char *value)
{
    uint64_t n = 0;

    if (!*value)
        return bad_value(parse, option, env, value, "is no whole number");
    for (const char *p = value; *p; p++) {
        if (*p < '0' || *p > '9')
            return bad_value(parse, option, env, value, "is no whole number");
        if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
            return bad_value(parse, option, env, value, "is too large");
    }
    if (n < option->min)
        return bad_value(parse, option, env, value, "is below %llu",
                         (unsigned long long)option->min);
    if (option->max && n > option->max)
        return bad_value(parse, option, env, value, "is above %llu",
                         (unsigned long long)option->max);
    *(uint64_t *)option->value = n;
    return 0;
}

/* "512M": digits, then perhaps a unit, with or without a B behind it. */
static int set_bytes(const struct parse *parse, const struct cli_option *option, bool env,
                     const char *value)
{
    static const char units[] = "KMGT";
    char *end;

    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    bool digits = *value >= '0' && *value <= '9' && errno == 0;
    while (*end == ' ')
        end++;
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    end += unit != NULL;
    end += unit && *end == 'i';
    end += *end == 'B' || *end == 'b';
    if (!digits || *end || n > UINT64_MAX >> shift)
        return bad_value(parse, option, env, value, "is no size such as 512M or 10G");
    n <<= shift;
    if (n < option->min)
        return bad_value(parse, option, env, value, "is below %llu bytes",
                         (unsigned long long)option->min);
    *(uint64_t *)option->value = n;
    return 0;
}

static int set_double(const struct parse *parse, const struct cli_option *option, bool env,
                      const char *value)
{
    char *end;

    errno = 0;
    double x = strtod(value, &end);
    if (end == value || *end || !isfinite(x) || errno == ERANGE)
        return bad_value(parse, option, env, value, "is no number");
    *(double *)option->value = x;
    return 0;
}

static int set_flag(const struct parse *parse, const struct cli_option *option, bool env,
                    const char *value)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"", "0", "false", "no", "off"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        if (strcmp(value, yes[i]) == 0) {
            *(bool *)option->value = true;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (strcmp(value, no[i]) == 0) {
            *(bool *)option->value = false;
            return 0;
        }
    return bad_value(parse, option, env, value, "is neither true nor false");
}

static int set_list(struct parse *parse, const struct cli_option *option, bool env,
                    const char *value)
{
    struct cli_list *list = option->value;
    uint64_t bit = UINT64_C(1) << (option - parse->options);

    if (!env && (parse->from_env & bit)) { /* flags win over the environment as a whole */
        list->count = 0;
        parse->from_env &= ~bit;
    }
    if (env)
        parse->from_env |= bit;
    if (list->count == ARRAY_LEN(list->items))
        return cli_usage_error(parse->command, "--%s: more than %zu times", option->name,
                               ARRAY_LEN(list->items));
    list->items[list->count++] = value;
    return 0;
}

static int set_value(struct parse *parse, const struct cli_option *option, bool env,
                     const char *value)
{
    switch (option->type) {
    case CLI_FLAG:
        return set_flag(parse, option, env, value);
    case CLI_STRING:
        *(const char **)option->value = value;
        return 0;
    case CLI_LIST:
        return set_list(parse, option, env, value);
    case CLI_UINT:
        return set_uint(parse, option, env, value);
    case CLI_DOUBLE:
        return set_double(parse, option, env, value);
    case CLI_BYTES:
        return set_bytes(parse, option, env, value);
    }
    return CLI_USAGE;
}

static int read_environment(struct parse *parse)
{
    for (const struct cli_option *o = parse->options; o->name; o++) {
        const char *value = o->env ? getenv(o->env) : NULL;
        if (!value || (!*value && o->type != CLI_FLAG))
            continue;
        int r = set_value(parse, o, true, value);
        if (r != 0)
            return r;
    }
    return 0;
}

static int unknown_option(const struct parse *parse, const char *name, size_t size)
{
    char word[80], safe[200];
    struct suggest suggest;

    snprintf(word, sizeof word, "%.*s", (int)MIN(size, sizeof word - 1), name);
    log_escape(safe, sizeof safe, word, strlen(word));
    suggest_init(&suggest, word);
    for (const struct cli_option *o = parse->options; o->name; o++)
        suggest_offer(&suggest, o->name);
    if (suggest.best)
        return cli_usage_error(parse->command, "there is no option --%s; did you mean --%s?", safe,
                               suggest.best);
    return cli_usage_error(parse->command, "there is no option --%s", safe);
}

/* --name, --name=value, --name value, --no-name. Returns the arguments used beyond the first (0
 * or 1), or -2. */
static int parse_long(struct parse *parse, const char *arg, const char *next)
{
    const char *name = arg + 2, *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);

    for (const struct cli_option *o = parse->options; o->name; o++) {
        if (same_name(name, size, o->name)) {
            if (o->type == CLI_FLAG)
                return set_value(parse, o, false, equals ? equals + 1 : "true") == 0 ? 0 : -2;
            if (!equals && !next) {
                cli_usage_error(parse->command, "--%s needs a value: --%s %s", o->name, o->name,
                                o->meta);
                return -2;
            }
            if (set_value(parse, o, false, equals ? equals + 1 : next) != 0)
                return -2;
            return equals ? 0 : 1;
        }
        if (o->type == CLI_FLAG && !equals && size > 3 && strncmp(name, "no", 2) == 0 &&
            (name[2] == '-' || name[2] == '_') && same_name(name + 3, size - 3, o->name)) {
            *(bool *)o->value = false;
            return 0;
        }
    }
    unknown_option(parse, name, size);
    return -2;
}

/* -x, -xy (flags), -x value, -xvalue. Returns as parse_long(). */
static int parse_short(struct parse *parse, const char *arg, const char *next)
{
    for (const char *letter = arg + 1; *letter; letter++) {
        const struct cli_option *o = parse->options;
        while (o->name && o->letter != *letter)
            o++;
        if (!o->name) {
            cli_usage_error(parse->command, "there is no option -%c",
                            *letter > ' ' && *letter < 0x7f ? *letter : '?');
            return -2;
        }
        if (o->type == CLI_FLAG) {
            *(bool *)o->value = true;
            continue;
        }
        bool attached = letter[1] != '\0';
        if (!attached && !next) {
            cli_usage_error(parse->command, "-%c needs a value: -%c %s", *letter, *letter, o->meta);
            return -2;
        }
        if (set_value(parse, o, false, attached ? letter + 1 : next) != 0)
            return -2;
        return attached ? 0 : 1;
    }
    return 0;
}

/* Moves argv[from..from+count) in front of argv[to], to <= from: options before operands. */
static void move_forward(char **argv, int to, int from, int count)
{
    for (int i = 0; i < count; i++) {
        char *moved = argv[from + i];
        memmove(&argv[to + i + 1], &argv[to + i], (size_t)(from - to) * sizeof *argv);
        argv[to + i] = moved;
    }
}

int cli_parse(const struct cli_command *command, const struct cli_option *options, int argc,
              char **argv)
{
    struct parse parse = {.command = command, .options = options};
    int operands = 1; /* argv[1..operands) are options, argv[operands..i) operands */
    size_t n = 0;

    while (options[n].name)
        n++;
    CHECK(n <= OPTIONS_MAX);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            cli_help(stdout, command, options);
            return -1;
        }
    if (read_environment(&parse) != 0)
        return -2;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0') /* "-" is an operand */
            continue;
        if (strcmp(argv[i], "--") == 0) {
            move_forward(argv, operands, i, 1);
            return operands + 1;
        }
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        int used = argv[i][1] == '-' ? parse_long(&parse, argv[i], next)
                                     : parse_short(&parse, argv[i], next);
        if (used < 0)
            return -2;
        move_forward(argv, operands, i, 1 + used);
        operands += 1 + used;
        i += used;
    }
    return operands;
}

/* Prints the lines of `help` in the right column; the cursor stands at `column`. */
static void help_lines(FILE *out, const char *help, int column)
{
    if (column >= HELP_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    for (const char *line = help; line; column = 0) {
        const char *end = strchr(line, '\n');
        fprintf(out, "%*s%.*s\n", HELP_COLUMN - column, "",
                end ? (int)(end - line) : (int)strlen(line), line);
        line = end ? end + 1 : NULL;
    }
}

void cli_help(FILE *out, const struct cli_command *command, const struct cli_option *options)
{
    const char *args = command->args ? command->args : "";

    fprintf(out, "Usage: tailboard %s%s%s%s\n\n%s\n\nOptions:\n", command->name,
            options[0].name ? " [OPTION...]" : "", *args ? " " : "", args, command->summary);
    for (const struct cli_option *o = options; o->name; o++) {
        int column = fprintf(out, o->letter ? "  -%c, " : "      ", o->letter);
        column += fprintf(out, "--%s%s%s", o->name, o->meta ? " " : "", o->meta ? o->meta : "");
        help_lines(out, o->help, column);
        if (o->env)
            fprintf(out, "%*s(or %s)\n", HELP_COLUMN, "", o->env);
    }
    int column = fprintf(out, "  -h, --help");
    help_lines(out, "print this text", column);
}
