/* SPDX-License-Identifier: ISC */
/*
 * `fata monitor`: a board's serial console. One loop waits for the board's bytes, for what is typed, for a port that is
 * gone to come back, and for lines that have no end yet. (What asks QEMU where a guest is, is monitor.c.)
 */
#include "cli.h"

#include "beside.h"
#include "files.h"
#include "loglines.h"
#include "process.h"
#include "project.h"
#include "record.h"
#include "serial.h"
#include "symbols.h"
#include "terminal.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SPEED 115200
#define AGAIN_MS 250 /* between looks at whether a port is back */
#define REFUSALS_TOLD 4 /* a port that is back and refused so often is told of; at first its rights may not be set yet */
#define ESCAPE 0x1d  /* Ctrl-], as telnet and other monitors have it */

enum { OPTION_BAUD = 1, OPTION_LOG, OPTION_FILTER, OPTION_IMAGE };

static const struct cli_option options[] = {
    {OPTION_BAUD, "--baud", "SPEED", "bits a second (115200)"},
    {OPTION_LOG, "--log", "FILE", "add all that is said to FILE, filtered or not"},
    {OPTION_FILTER, "--filter", "LEVELS", "log lines to show: warn,net=debug is warn, but debug for net"},
    {OPTION_IMAGE, "--image", "FILE", "the program on the board, for its source lines"},
    {0},
};

static const char details[] =
    "PORT is a serial adapter's file, by itself the only /dev/ttyUSB* or /dev/ttyACM* there is, or the terminal or the socket\n"
    "of a QEMU (-serial pty, -serial unix:FILE,server). When it goes, or is not there yet, it is waited for; without PORT, by\n"
    "whatever name it comes back. What is typed goes to the board, also Ctrl-C; Ctrl-] ends. Where standard input is no\n"
    "terminal, it goes to the board up to its end.\n\n"
    "--filter takes what a program's --log does: off, error, warn, info, debug, and MODULE=LEVEL, by commas. Output that is no\n"
    "log line is always shown. After a crash, the addresses are followed by function, file and line, when FILE.elf lies beside\n"
    "--image FILE; by itself that is what `make BSP=cubieboard2` has made of the project in the current folder.\n\n"
    "Exit status: 0 after Ctrl-]; 1 if it cannot go on; 2 for wrong usage; 128 and a signal's number if one ended it.\n";

struct console {
    const char *path; /* NULL: none has been there yet */
    bool takes_any;   /* the only adapter there is, whatever its name */
    unsigned long speed;
    const char *debug_elf;
    int port; /* -1: it is gone */
    int64_t again_ms;
    unsigned refusals; /* since it was there last */
    bool is_raw;
    bool input_ended;
    FILE *log;
    struct log_filter filter;
    struct log_lines lines;
    struct record_reader reader;
    bool in_line;
    char typed[256]; /* not passed on yet */
    size_t typed_count;
    bool is_over;
    sigset_t heeded; /* the signals that end it */
};

static volatile sig_atomic_t ended_by;

static void heed(int signal)
{
    ended_by = signal;
}

/* To standard output, by itself: what a buffer held would be in the way of the end when nobody reads. Ends the program when it
 * cannot be written. */
static void put(const char *bytes, size_t len)
{
    while (len > 0 && ended_by == 0) {
        ssize_t count = write(STDOUT_FILENO, bytes, len);

        if (count >= 0) {
            bytes += count;
            len -= (size_t)count;
        } else if (errno == EAGAIN) { /* a terminal that somebody has made so */
            (void)poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, AGAIN_MS);
        } else if (errno != EINTR) {
            cli_fail("cannot write the output: %s", strerror(errno));
        }
    }
}

static void show(struct console *console, const struct text *text)
{
    if (text->len > 0) {
        console->in_line = text->bytes[text->len - 1] != '\n';
        put(text->bytes, text->len);
    }
}

static void keep(struct console *console, const struct text *text)
{
    if (console->log != NULL && text->len > 0 &&
        (fwrite(text->bytes, 1, text->len, console->log) != text->len || fflush(console->log) != 0)) {
        cli_fail("cannot write the log: %s", strerror(errno));
    }
}

/* A line of the monitor's own, between the board's. */
static void note(struct console *console, const char *what)
{
    struct text all = {0}, wanted = {0};
    time_t now = time(NULL);
    struct tm parts;
    char when[32] = "";

    log_lines_end(&console->lines, &all, &wanted);
    show(console, &wanted);
    if (console->in_line) {
        put("\n", 1);
        console->in_line = false;
    }
    if (localtime_r(&now, &parts) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    }
    text_addf(&all, "--- %s: %s\n", when, what);
    keep(console, &all);
    if (ended_by == 0) { /* else it may be in the way of the end, as put() says */
        (void)fprintf(stderr, "--- %s\n", what);
    }
    text_free(&all);
    text_free(&wanted);
}

/* What the board said. A line that names an address is followed by what it names. */
static void take(struct console *console, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        struct text all = {0}, wanted = {0}, explained = {0};
        struct record record;
        size_t count = record_read(&console->reader, bytes + at, len - at, &record);

        log_lines_take(&console->lines, bytes + at, count, now_ms(), &all, &wanted);
        if (record.kind == RECORD_ADDRESS && console->debug_elf != NULL) {
            symbols_describe(console->debug_elf, record.address, &explained);
        }
        keep(console, &all);
        keep(console, &explained);
        show(console, &wanted);
        show(console, &explained);
        at += count;
        text_free(&all);
        text_free(&wanted);
        text_free(&explained);
    }
}

static void take_rest(struct console *console)
{
    struct text all = {0}, wanted = {0};

    log_lines_rest(&console->lines, now_ms(), &all, &wanted);
    keep(console, &all);
    show(console, &wanted);
    text_free(&all);
    text_free(&wanted);
}

static void lose(struct console *console)
{
    (void)close(console->port);
    console->port = -1;
    console->again_ms = now_ms() + AGAIN_MS;
    console->typed_count = 0;
    note(console, text_format("%s is gone; waiting for it", console->path));
}

static void list_adapters(struct words *paths_out)
{
    const char *root = getenv("FATA_TEST_ROOT");

    serial_adapters(root != NULL ? root : "", paths_out);
}

/* An adapter that is plugged in again may have got another name; of several nobody knows which is meant. */
static void choose_port(struct console *console)
{
    struct words paths = {0};

    if (!console->takes_any) {
        return;
    }
    list_adapters(&paths);
    if (paths.count == 1 && (console->path == NULL || strcmp(console->path, paths.items[0]) != 0)) {
        console->path = text_format("%s", paths.items[0]);
    }
    words_free(&paths);
}

/* Whether an error of the opening says that the port is not there yet. */
static bool is_absent(int error)
{
    return error == ENOENT || error == ENXIO || error == ENODEV || error == ECONNREFUSED || error == EIO;
}

static const char *explain_open(int error)
{
    return error == EBUSY    ? "another program uses it"
           : error == ENOTTY ? "it is no serial port"
           : error == EACCES ? "this user may not; on Debian, members of the group dialout may: sudo adduser $USER dialout"
                             : strerror(error);
}

static void find_again(struct console *console)
{
    console->again_ms = now_ms() + AGAIN_MS;
    choose_port(console);
    if (console->path == NULL) {
        return;
    }
    console->port = serial_open(console->path, console->speed);
    if (console->port >= 0) {
        console->refusals = 0;
        console->reader = (struct record_reader){0};
        note(console, text_format("%s is there", console->path));
    } else if (!is_absent(errno) && ++console->refusals == REFUSALS_TOLD) {
        note(console, text_format("%s is there, and cannot be opened: %s", console->path, explain_open(errno)));
    }
}

static void read_port(struct console *console)
{
    char bytes[4096];
    ssize_t got = read(console->port, bytes, sizeof bytes);

    if (got > 0) {
        take(console, bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose(console);
    }
}

static void read_typed(struct console *console)
{
    ssize_t got = read(STDIN_FILENO, console->typed, sizeof console->typed);
    const char *escape;

    if (got <= 0) {
        console->input_ended = got == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    console->typed_count = (size_t)got;
    escape = console->is_raw ? memchr(console->typed, ESCAPE, console->typed_count) : NULL;
    if (escape != NULL) {
        console->typed_count = (size_t)(escape - console->typed);
        console->is_over = true;
    }
    if (console->port < 0) {
        console->typed_count = 0; /* there is nobody to tell */
    }
}

static void pass_typed(struct console *console)
{
    ssize_t put = write(console->port, console->typed, console->typed_count);

    if (put > 0) {
        console->typed_count -= (size_t)put;
        memmove(console->typed, console->typed + put, console->typed_count);
    } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
        lose(console);
    }
}

/* From a terminal only in the foreground, else the tool would be stopped. From elsewhere not while there is no port. */
static bool may_read_input(const struct console *console)
{
    if (console->input_ended || console->typed_count > 0) {
        return false;
    }
    return isatty(STDIN_FILENO) == 1 ? tcgetpgrp(STDIN_FILENO) == getpgrp() : console->port >= 0;
}

/* Also until a signal, be it one that came just before. */
static bool wait_for(const struct console *console, struct pollfd *wait, nfds_t count, int64_t ms)
{
    struct timespec limit = {ms / 1000, ms % 1000 * 1000000};
    sigset_t before;
    bool is_due;

    (void)sigprocmask(SIG_BLOCK, &console->heeded, &before);
    is_due = ended_by == 0 && ppoll(wait, count, &limit, &before) >= 0;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return is_due;
}

static void step(struct console *console)
{
    struct pollfd wait[] = {
        {.fd = console->port, .events = (short)(POLLIN | (console->typed_count > 0 ? POLLOUT : 0))},
        {.fd = may_read_input(console) ? STDIN_FILENO : -1, .events = POLLIN},
    };
    int64_t left_ms = console->port < 0 ? console->again_ms - now_ms() : 60000;

    if (console->lines.due_ms != 0 && console->lines.due_ms - now_ms() < left_ms) {
        left_ms = console->lines.due_ms - now_ms();
    }
    if (!wait_for(console, wait, 2, left_ms > 0 ? left_ms : 0)) {
        return;
    }
    if (console->port >= 0 && (wait[0].revents & POLLOUT) != 0) {
        pass_typed(console);
    }
    if (console->port >= 0 && (wait[0].revents & ~POLLOUT) != 0) {
        read_port(console);
    }
    if (wait[1].revents != 0) {
        read_typed(console);
    }
    take_rest(console);
    if (console->port < 0 && now_ms() >= console->again_ms) {
        find_again(console);
    }
}

/* Each key at once, none with a meaning here but the escape; output stays as it is. */
static void make_raw(struct console *console)
{
    struct termios settings;

    terminal_save();
    if (isatty(STDIN_FILENO) != 1 || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &settings) != 0) {
        return;
    }
    settings.c_iflag &= (tcflag_t) ~(ICRNL | INLCR | IGNCR | IXON | ISTRIP | BRKINT);
    settings.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG | IEXTEN);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    console->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) == 0;
}

static int watch(struct console *console)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = heed};

    console->port = console->path != NULL ? serial_open(console->path, console->speed) : -1;
    if (console->port < 0 && console->path != NULL && !is_absent(errno)) {
        cli_fail("cannot open %s: %s", console->path, explain_open(errno));
    }
    (void)sigemptyset(&console->heeded);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &action, NULL);
        (void)sigaddset(&console->heeded, signals[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    make_raw(console);
    note(console, text_format(console->port >= 0 ? "%s, %lu bits a second%s" : "waiting for %s, %lu bits a second%s",
                              console->path != NULL ? console->path : "a serial adapter (/dev/ttyUSB* or /dev/ttyACM*)", console->speed,
                              console->is_raw ? "; Ctrl-] ends" : ""));
    console->again_ms = now_ms() + AGAIN_MS;
    while (!console->is_over && ended_by == 0) {
        step(console);
    }
    if (console->port >= 0 && console->typed_count > 0) {
        pass_typed(console);
    }
    note(console, "the end");
    terminal_restore();
    return ended_by != 0 ? 128 + (int)ended_by : CLI_OK;
}

/* The port that is meant when none is named; NULL: it is not plugged in yet. */
static const char *only_port(void)
{
    struct words paths = {0};
    struct text list = {0};

    list_adapters(&paths);
    for (size_t i = 0; i < paths.count; i++) {
        text_addf(&list, "%s%s", i > 0 ? ", " : "", paths.items[i]);
    }
    if (paths.count > 1) {
        cli_usage("which port? There are %s", list.bytes);
    }
    return paths.count == 1 ? paths.items[0] : NULL;
}

static const char *debug_elf_of(const char *path)
{
    struct text bytes = {0};
    struct image image;
    const char *why;

    if (!file_read(path, IMAGE_BYTES_MAX, &bytes, &why) || !image_parse(&image, (const uint8_t *)bytes.bytes, bytes.len, &why)) {
        cli_fail("%s: %s", path, why);
    }
    return beside_debug_elf(&image, path);
}

/* The project's image for the board, when this folder is a project that has been built for it. */
static const char *project_debug_elf(void)
{
    const char *path;

    if (access("Makefile", R_OK) != 0 || access("build/cubieboard2", F_OK) != 0) {
        return NULL;
    }
    path = project_image("cubieboard2", false);
    return access(path, R_OK) == 0 ? debug_elf_of(path) : NULL;
}

static unsigned long read_speed(const char *word)
{
    char *end;
    unsigned long speed = strtoul(word, &end, 10);

    if (end == word || *end != '\0' || !serial_has_speed(speed)) {
        cli_usage("--baud %s: it is one of the usual speeds of serial ports, from 1200 to 4000000; boards have 115200", word);
    }
    return speed;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    static struct console console = {.speed = SPEED, .port = -1};
    const char *log = NULL, *image = NULL, *why;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id == OPTION_BAUD) {
            console.speed = read_speed(walk.value);
        } else if (id == OPTION_LOG) {
            log = walk.value;
        } else if (id == OPTION_IMAGE) {
            image = walk.value;
        } else if (id == OPTION_FILTER) {
            if (!log_filter_parse(&console.filter, walk.value, &why)) {
                cli_usage("--filter %s: %s", walk.value, why);
            }
            console.lines.filter = &console.filter;
        } else if (id == CLI_POSITIONAL && console.path == NULL) {
            console.path = walk.value;
        } else {
            cli_unexpected(&walk);
        }
    }
    console.takes_any = console.path == NULL;
    console.path = console.takes_any ? only_port() : console.path;
    console.debug_elf = image != NULL ? debug_elf_of(image) : project_debug_elf();
    if (image != NULL && console.debug_elf == NULL) {
        cli_warn("there are no symbols in %s, nor in a %s.elf beside it: addresses stay numbers", image, image);
    }
    if (log != NULL && (console.log = fopen(log, "ae")) == NULL) {
        cli_fail("cannot open the log %s: %s", log, strerror(errno));
    }
    return watch(&console);
}

const struct cli_command command_monitor = {
    .name = "monitor",
    .synopsis = "[PORT]",
    .summary = "Shows a board's serial console, and source lines after a crash",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
