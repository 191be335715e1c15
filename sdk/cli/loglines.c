/* SPDX-License-Identifier: ISC */
/* A board's lines, and a filter of its log: see loglines.h. */
#include "loglines.h"

#include <ctype.h>
#include <string.h>

static const char *const level_names[] = {"off", "error", "warn", "info", "debug"};

enum { LEVEL_COUNT = sizeof level_names / sizeof level_names[0] };

static int level_of(const char *word, size_t len)
{
    for (int i = 0; i < LEVEL_COUNT; i++) {
        if (strlen(level_names[i]) == len && memcmp(word, level_names[i], len) == 0) {
            return i;
        }
    }
    return -1;
}

bool log_filter_parse(struct log_filter *filter_out, const char *words, const char **why_out)
{
    *filter_out = (struct log_filter){.level = LEVEL_COUNT - 1};
    while (*words != '\0') {
        size_t len = strcspn(words, ",");
        const char *equals = memchr(words, '=', len);
        size_t name_len = equals != NULL ? (size_t)(equals - words) : 0;
        const char *level_word = equals != NULL ? equals + 1 : words;
        int level = level_of(level_word, len - (size_t)(level_word - words));

        if (level < 0) {
            *why_out = "a level is off, error, warn, info or debug";
            return false;
        }
        if (equals == NULL) {
            filter_out->level = level;
        } else if (name_len == 0 || name_len > LOG_FILTER_NAME_BYTES_MAX || filter_out->count == LOG_FILTER_MODULES_MAX) {
            *why_out = "it names a module without a name, or a longer one, or more, than there can be";
            return false;
        } else {
            memcpy(filter_out->modules[filter_out->count].name, words, name_len);
            filter_out->modules[filter_out->count++].level = level;
        }
        words += len + (words[len] == ',' ? 1 : 0);
    }
    return true;
}

/* Takes what `fits` off the line; at least one such byte must be there. */
static bool skip(const char **line, const char *end, int (*fits)(int))
{
    const char *start = *line;

    while (*line < end && fits((unsigned char)**line)) {
        (*line)++;
    }
    return *line > start;
}

static bool skip_byte(const char **line, const char *end, char byte)
{
    if (*line == end || **line != byte) {
        return false;
    }
    (*line)++;
    return true;
}

static int is_of_a_name(int byte)
{
    return byte != ':' && isgraph(byte);
}

/* Whether a line has the whole head of a log line, and of a kind that the filter does not want. */
static bool is_unwanted(const struct log_filter *filter, const char *line, size_t len)
{
    const char *end = line + len;
    const char *word;
    int level, limit;
    size_t name_len;

    if (filter == NULL || !skip_byte(&line, end, '[')) {
        return false;
    }
    (void)skip(&line, end, isblank);
    if (!skip(&line, end, isdigit) || !skip_byte(&line, end, '.') || !skip(&line, end, isdigit) || !skip_byte(&line, end, ']') ||
        !skip(&line, end, isblank)) {
        return false;
    }
    word = line;
    (void)skip(&line, end, isalpha);
    level = level_of(word, (size_t)(line - word));
    if (level <= 0 || !skip(&line, end, isblank)) {
        return false;
    }
    word = line;
    if (!skip(&line, end, is_of_a_name) || line == end || *line != ':') {
        return false;
    }
    name_len = (size_t)(line - word);
    limit = filter->level;
    for (size_t i = 0; i < filter->count; i++) {
        if (strlen(filter->modules[i].name) == name_len && memcmp(filter->modules[i].name, word, name_len) == 0) {
            limit = filter->modules[i].level;
        }
    }
    return level > limit;
}

/* Hands on what of the line has not been, up to `len`. */
static void pass(struct log_lines *lines, size_t len, struct text *all, struct text *wanted)
{
    if (lines->passed == 0 && !lines->goes_on) {
        lines->is_unwanted = is_unwanted(lines->filter, lines->line, len);
    }
    text_add_bytes(all, lines->line + lines->passed, len - lines->passed);
    if (!lines->is_unwanted) {
        text_add_bytes(wanted, lines->line + lines->passed, len - lines->passed);
    }
    lines->passed = len;
}

static void start_line(struct log_lines *lines, bool goes_on)
{
    lines->len = lines->passed = 0;
    lines->goes_on = goes_on;
    lines->due_ms = 0;
}

static void take_byte(struct log_lines *lines, char byte, struct text *all, struct text *wanted)
{
    if (lines->len == sizeof lines->line) {
        pass(lines, lines->len, all, wanted);
        start_line(lines, true);
    }
    lines->line[lines->len++] = byte;
    if (byte == '\n') {
        if (lines->len >= 2 && lines->line[lines->len - 2] == '\r' && lines->passed < lines->len - 1) {
            lines->line[--lines->len - 1] = '\n';
        }
        pass(lines, lines->len, all, wanted);
        start_line(lines, false);
    }
}

/* A line that has no end yet: what a person types must be seen at once, but of what may become a log line nothing. A CR
 * waits for what follows. */
static void pass_open_line(struct log_lines *lines, struct text *all, struct text *wanted)
{
    size_t len = lines->len > 0 && lines->line[lines->len - 1] == '\r' ? lines->len - 1 : lines->len;

    if (len > lines->passed) {
        pass(lines, len, all, wanted);
    }
}

void log_lines_take(struct log_lines *lines, const char *bytes, size_t len, int64_t at_ms, struct text *all, struct text *wanted)
{
    text_add(all, "");
    text_add(wanted, "");
    for (size_t i = 0; i < len; i++) {
        take_byte(lines, bytes[i], all, wanted);
    }
    if (lines->filter != NULL && lines->passed == 0 && !lines->goes_on && lines->len > 0 && lines->line[0] == '[') {
        lines->due_ms = at_ms + LOG_QUIET_MS;
    } else {
        pass_open_line(lines, all, wanted);
    }
}

void log_lines_rest(struct log_lines *lines, int64_t at_ms, struct text *all, struct text *wanted)
{
    text_add(all, "");
    text_add(wanted, "");
    if (lines->due_ms != 0 && at_ms >= lines->due_ms) {
        lines->due_ms = 0;
        if (!is_unwanted(lines->filter, lines->line, lines->len)) {
            pass_open_line(lines, all, wanted);
        }
    }
}

void log_lines_end(struct log_lines *lines, struct text *all, struct text *wanted)
{
    text_add(all, "");
    text_add(wanted, "");
    if (lines->len > 0) {
        take_byte(lines, '\n', all, wanted);
    }
}
