/* SPDX-License-Identifier: ISC */
/*
 * A guest's run: see guest.h. One loop waits for three things: console bytes, a signal (read as data through signalfd,
 * so that nothing is interrupted half-way) and the next deadline; and with ports, for their first answers. A run ends when
 * the guest's process ended, when its last record stood for a while without further output, when its time is over, or when
 * a signal asks for it: once a port has answered, the guest serves, and the last two are the ordinary end.
 */
#include "guest.h"

#include "cli.h"
#include "makes.h"
#include "monitor.h"
#include "process.h"
#include "record.h"
#include "symbols.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* From the last record to the end of a machine that does not end itself: of one that should have, and of one that
 * cannot. A guest that says more does so within microseconds of it. */
#define LINGER_MS 2000
#define LINGER_HALTED_MS 100
#define MAKES_MS 250 /* between looks at the makes above */
#define CRASH_EXIT 134 /* of a guest's last record */
#define KILL_MS 2000 /* from SIGTERM to SIGKILL */
#define ADDRESS_COUNT_MAX 128
/* Turning on a UART's FIFO, as the guest does when it boots, clears it: input waits until the guest has said something,
 * or so long. */
#define INPUT_HOLD_MS 1000
#define END_OF_INPUT "\004" /* EOT, Ctrl-D: a serial line has no end of its own */
#define READ_COUNT_MAX 64 /* reads of what is left in the pipe when the guest has ended */

enum end { END_NONE, END_ITSELF, END_LINGERED, END_TIMEOUT, END_SIGNAL, END_OUTPUT, END_BY_XEN };

struct guest {
    const struct guest_plan *plan;
    pid_t process;
    int console; /* -1: at its end */
    int signals;
    int input; /* of a serial console; -1: the guest reads the tool's standard input itself */
    bool input_ended;
    int64_t input_at_ms; /* when input may begin, or go on; 0: it may */
    bool started;        /* by its loader, if it has one */
    bool switched_input; /* Xen's has been told to go to the guest */
    bool holds_input;    /* which Xen would give to the guest, until that has booted */
    char typed[256]; /* not passed on yet */
    size_t typed_count;
    struct record_reader reader;
    struct probe probe;
    bool in_line; /* the console's last byte ended no line */
    unsigned address_count;
    bool held_cr; /* the last byte read was a CR, which is passed on unless an LF follows */
    bool output_broken;
    bool reaped;
    int wait_status;
    int signal; /* the one that asked for the end */
    struct makes makes;
    int64_t makes_at_ms; /* of the next look; 0: there are none */
    int64_t timeout_at_ms;
    int64_t linger_at_ms; /* 0: no last record yet */
};

/* Standard output may have become non-blocking: it can be the terminal that QEMU has made so through its input. */
static bool pass_on(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDOUT_FILENO, bytes, len);

        if (put >= 0) {
            bytes += put;
            len -= (size_t)put;
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};

            (void)poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool explain(struct guest *guest, uint64_t address)
{
    struct text lines = {0};
    bool passed;

    if (guest->plan->debug_elf == NULL || guest->address_count == ADDRESS_COUNT_MAX) {
        return true;
    }
    guest->address_count++;
    text_add(&lines, "");
    symbols_describe(guest->plan->debug_elf, address, &lines);
    passed = pass_on(lines.bytes, lines.len);
    text_free(&lines);
    return passed;
}

/* Takes the CRs before LFs out of what was read, and one at the end, which waits for what follows; puts back the one
 * that waited. `bytes` has room for one more. Returns the new length. */
static size_t join_line_ends(struct guest *guest, char *bytes, size_t len)
{
    size_t to = 0;

    if (guest->held_cr && bytes[0] != '\n') {
        memmove(bytes + 1, bytes, len++);
        bytes[0] = '\r';
        to = 1;
    }
    guest->held_cr = bytes[len - 1] == '\r' && len > to;
    len -= guest->held_cr ? 1 : 0;
    for (size_t from = to; from < len; from++) {
        if (bytes[from] != '\r' || from + 1 == len || bytes[from + 1] != '\n') {
            bytes[to++] = bytes[from];
        }
    }
    return to;
}

static int64_t linger_ms(const struct guest_plan *plan)
{
    return plan->linger_ms > 0 ? plan->linger_ms : plan->halts ? LINGER_HALTED_MS : LINGER_MS;
}

/* Passes on what the guest said; a line that names an address is followed by what it names, one that tells of the network
 * by the URL. */
static void show(struct guest *guest, const char *bytes, size_t len)
{
    for (size_t start = 0, at = 0; at < len;) {
        struct text said = {0};
        struct record record;

        if (guest->started && bytes[at] != '\n') {
            guest->input_at_ms = 0;
        }
        at += record_read(&guest->reader, bytes + at, len - at, &record);
        if (record.kind == RECORD_STARTING && !guest->started) {
            guest->started = true;
            guest->input_at_ms = now_ms() + INPUT_HOLD_MS;
        }
        if (record.kind == RECORD_NETWORK) {
            probe_address(&guest->probe, record.network_address, &said);
        }
        if (at == len || record.kind == RECORD_ADDRESS || said.len > 0) {
            if (!pass_on(bytes + start, at - start) || !pass_on(said.bytes, said.len) ||
                (record.kind == RECORD_ADDRESS && !explain(guest, record.address))) {
                guest->output_broken = true;
            }
            start = at;
        }
        text_free(&said);
    }
    guest->in_line = len > 0 ? bytes[len - 1] != '\n' : guest->in_line;
    guest->linger_at_ms = guest->reader.has_exit ? now_ms() + linger_ms(guest->plan) : 0;
}

/* Bytes of Xen's console, none when it is silent. Input is switched to the guest at Xen's first word, before there is a
 * guest: switched in the middle of a line of its, Xen would end the line there. */
static void show_of_xen(struct guest *guest, const char *bytes, size_t len)
{
    struct xen_lines *xen = guest->plan->xen;
    struct text said = {0};
    bool listened;

    if (!guest->switched_input && len > 0) {
        guest->switched_input = true;
        memcpy(guest->typed, XEN_SWITCH_INPUT, sizeof XEN_SWITCH_INPUT - 1);
        guest->typed_count = sizeof XEN_SWITCH_INPUT - 1;
        guest->input_at_ms = 0;
    }
    listened = xen->listens;
    xen_lines_rest(xen, now_ms(), &said);
    xen_lines_take(xen, bytes, len, now_ms(), &said);
    if (!listened && xen->listens) {
        guest->holds_input = true;
        guest->input_at_ms = now_ms() + XEN_INPUT_HOLD_MS;
    }
    if (said.len > 0) {
        guest->input_at_ms = guest->holds_input ? 0 : guest->input_at_ms;
        guest->holds_input = false;
        show(guest, said.bytes, said.len);
    }
    text_free(&said);
}

/* Reads once from the console and passes it on. False: no more now. */
static bool pump(struct guest *guest)
{
    char buffer[16384];
    ssize_t got = read(guest->console, buffer, sizeof buffer - 1);

    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            (void)close(guest->console);
            guest->console = -1;
        }
        return false;
    }
    if (guest->plan->xen != NULL) {
        show_of_xen(guest, buffer, (size_t)got);
        return true;
    }
    show(guest, buffer, guest->plan->console_is_serial ? join_line_ends(guest, buffer, (size_t)got) : (size_t)got);
    return true;
}

static void reap(struct guest *guest)
{
    if (!guest->reaped && waitpid(guest->process, &guest->wait_status, WNOHANG) == guest->process) {
        guest->reaped = true;
    }
}

static void read_signal(struct guest *guest)
{
    struct signalfd_siginfo info;

    if (read(guest->signals, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    if (info.ssi_signo == SIGCHLD) {
        reap(guest);
    } else if (guest->signal == 0) {
        guest->signal = (int)info.ssi_signo;
    }
}

/* Whether standard input may be read: from a terminal only in the foreground, else the tool would be stopped. */
static bool may_read_input(const struct guest *guest)
{
    if (guest->plan->xen != NULL && !guest->plan->xen->listens) {
        return false;
    }
    return guest->input >= 0 && guest->input_at_ms <= now_ms() && !guest->input_ended && guest->typed_count == 0 &&
           (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp());
}

static void read_input(struct guest *guest)
{
    ssize_t got = read(STDIN_FILENO, guest->typed, sizeof guest->typed);

    if (got > 0) {
        guest->typed_count = (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        guest->input_ended = true;
        memcpy(guest->typed, END_OF_INPUT, sizeof END_OF_INPUT - 1);
        guest->typed_count = sizeof END_OF_INPUT - 1;
    }
}

static void pass_input(struct guest *guest)
{
    size_t count = guest->typed_count;
    ssize_t put;
    int unread;

    if (guest->plan->xen != NULL) {
        count = count < XEN_INPUT_BYTES ? count : XEN_INPUT_BYTES;
        guest->input_at_ms = now_ms() + XEN_INPUT_PAUSE_MS;
        if (ioctl(guest->input, FIONREAD, &unread) == 0 && unread > 0) {
            return; /* Xen's own UART is full: the machine stood still, and will take all that waits at once */
        }
    }
    put = write(guest->input, guest->typed, count);

    if (put > 0) {
        guest->typed_count -= (size_t)put;
        memmove(guest->typed, guest->typed + put, guest->typed_count);
    } else if (errno != EAGAIN && errno != EINTR) {
        guest->input_ended = true; /* the machine reads no more */
        guest->typed_count = 0;
    }
}

/* Goes on with asking the ports, and tells the user of those that answered. */
static void probe(struct guest *guest, short revents)
{
    struct text said = {0};

    probe_step(&guest->probe, revents, &said);
    if (said.len > 0) {
        guest->output_broken |= (guest->in_line && !pass_on("\n", 1)) || !pass_on(said.bytes, said.len);
        guest->in_line = false;
    }
    text_free(&said);
}

/* Waits until something happens or `until_ms` (0: for ever), and handles console bytes and signals. */
static void step(struct guest *guest, int64_t until_ms)
{
    struct pollfd wait[] = {
        {.fd = guest->console, .events = POLLIN},
        {.fd = guest->signals, .events = POLLIN},
        {.fd = may_read_input(guest) ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = guest->typed_count > 0 && guest->input_at_ms <= now_ms() ? guest->input : -1, .events = POLLOUT},
        probe_wait(&guest->probe),
    };
    int64_t left_ms = until_ms == 0 ? -1 : until_ms - now_ms();

    left_ms = until_ms != 0 && left_ms < 0 ? 0 : left_ms;
    if (poll(wait, sizeof wait / sizeof wait[0], left_ms > 60000 ? 60000 : (int)left_ms) < 0) {
        return;
    }
    if (wait[0].revents != 0) {
        (void)pump(guest);
    }
    if (wait[1].revents != 0) {
        read_signal(guest);
    }
    if (wait[2].revents != 0) {
        read_input(guest);
    }
    if (wait[3].revents != 0) {
        pass_input(guest);
    }
    if (guest->plan->xen != NULL && guest->plan->xen->due_ms != 0) {
        show_of_xen(guest, "", 0);
    }
    probe(guest, wait[4].revents);
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static enum end wait_for_end(struct guest *guest)
{
    for (;;) {
        int64_t now = now_ms();

        if (guest->makes_at_ms != 0 && now >= guest->makes_at_ms && guest->signal == 0) {
            guest->signal = makes_signal(&guest->makes);
            guest->makes_at_ms = now + MAKES_MS;
        }
        if (guest->output_broken) {
            return END_OUTPUT;
        }
        if (guest->signal != 0) {
            return END_SIGNAL;
        }
        if (guest->reaped) {
            return END_ITSELF;
        }
        if (guest->linger_at_ms != 0 && now >= guest->linger_at_ms) {
            return END_LINGERED;
        }
        if (guest->timeout_at_ms != 0 && now >= guest->timeout_at_ms) {
            return END_TIMEOUT;
        }
        if (guest->plan->xen != NULL && guest->plan->xen->crashed) {
            return END_BY_XEN;
        }
        step(guest, sooner(sooner(sooner(guest->linger_at_ms, guest->plan->xen != NULL ? guest->plan->xen->due_ms : 0),
                                  sooner(guest->timeout_at_ms, guest->makes_at_ms)),
                           sooner(guest->probe.until_ms, guest->input_at_ms > now ? guest->input_at_ms : 0)));
    }
}

/* It may finish what it does, until its time is over or another signal comes. */
static void end_process(struct guest *guest)
{
    int64_t kill_at_ms = now_ms() + (guest->plan->end_ms > 0 ? guest->plan->end_ms : KILL_MS);
    int signal = guest->signal;

    if (!guest->reaped) {
        (void)kill(guest->process, guest->plan->end_signal);
    }
    guest->signal = 0;
    while (!guest->reaped && guest->signal == 0 && now_ms() < kill_at_ms) {
        step(guest, kill_at_ms);
    }
    guest->signal = signal;
    if (!guest->reaped) {
        (void)kill(guest->process, SIGKILL);
        while (waitpid(guest->process, &guest->wait_status, 0) < 0 && errno == EINTR) {
        }
        guest->reaped = true;
    }
}

/* How the guest's process ended, in words. */
static const char *process_end(const struct guest *guest)
{
    if (WIFSIGNALED(guest->wait_status)) {
        return text_format("%s was killed by signal %d (%s)", guest->plan->argv[0], WTERMSIG(guest->wait_status),
                           strsignal(WTERMSIG(guest->wait_status)));
    }
    return text_format("%s ended with status %d", guest->plan->argv[0], WEXITSTATUS(guest->wait_status));
}

/* The record counts; the status of the machine's process only confirms it. */
static void check_status(const struct guest *guest)
{
    int status = process_shell_status(guest->wait_status);
    unsigned exit = guest->reader.exit;
    bool fits = guest->plan->console_is_serial ? status == 0 : status == (int)exit; /* a machine is switched off */

    if (!fits && !(guest->plan->has_debug_exit && status == (int)((exit << 1 | 1) & 0xff))) {
        cli_warn("the guest's last record says %u, but %s", exit, process_end(guest));
    }
}

static bool is_told_why(const struct guest *guest, bool took_too_long)
{
    return guest->plan->tell_why != NULL && guest->plan->tell_why(guest->plan->context, took_too_long);
}

static int ended_itself(const struct guest *guest)
{
    if (!guest->reader.has_exit && is_told_why(guest, false)) {
        return CLI_RUN_FAILED;
    }
    if (!guest->reader.has_exit) {
        cli_warn("the guest ended without its last record, `fata: exit N`: %s", process_end(guest));
        return CLI_RUN_FAILED;
    }
    check_status(guest);
    return (int)guest->reader.exit;
}

/* Those of TCP: of UDP's nobody can tell. */
static void add_silent_ports(const struct probe_plan *plan, struct text *told)
{
    bool is_first = true;

    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->ports[i].is_udp) {
            text_addf(told, "%s%u", is_first ? ", and nothing has answered at its port " : ", ", plan->ports[i].guest);
            is_first = false;
        }
    }
}

/* Says that a guest's time is over, and where it was; no port has answered. */
static void tell_timeout(const struct guest *guest)
{
    struct text told = {0};
    struct monitor_place place;

    if (is_told_why(guest, true)) {
        return;
    }
    text_addf(&told, "the guest was ended: it took longer than %g s (--timeout)", (double)guest->plan->timeout_ms / 1000);
    add_silent_ports(&guest->probe.plan, &told);
    if (guest->plan->monitor >= 0 && monitor_where(guest->plan->monitor, &place)) {
        text_addf(&told, "; it was at 0x%" PRIx64 "%s\n", place.address, place.is_halted ? ", waiting" : "");
        if (guest->plan->debug_elf != NULL) {
            symbols_describe(guest->plan->debug_elf, place.address, &told);
        }
        told.bytes[told.len - 1] = '\0';
    }
    cli_warn("%s", told.bytes);
    text_free(&told);
}

static int outcome_of(const struct guest *guest, enum end end, unsigned lingered_exit)
{
    bool served = guest->probe.answered_count > 0;

    switch (end) {
    case END_ITSELF:
        return ended_itself(guest);
    case END_LINGERED:
        return (int)lingered_exit;
    case END_TIMEOUT:
        if (served) {
            return CLI_OK;
        }
        return CLI_RUN_TIMEOUT;
    case END_BY_XEN:
        cli_warn("Xen has ended the guest, or itself");
        return CLI_RUN_FAILED;
    case END_SIGNAL:
        if (guest->reader.has_exit && guest->reader.exit == CRASH_EXIT) { /* one that finishes its work when it is told to */
            return CRASH_EXIT;
        }
        return served && (guest->signal == SIGINT || guest->signal == SIGTERM) ? CLI_OK : 128 + guest->signal;
    default:
        cli_warn("the guest was ended: its output cannot be written");
        return CLI_RUN_FAILED;
    }
}

/* The same, with what Xen said where it may tell why. */
static int outcome(const struct guest *guest, enum end end, unsigned lingered_exit)
{
    int status = outcome_of(guest, end, lingered_exit);
    const struct xen_lines *xen = guest->plan->xen;

    if (xen != NULL && (status == CLI_RUN_FAILED || status == CLI_RUN_TIMEOUT)) {
        cli_warn("Xen said:\n%s", xen->log.bytes != NULL ? xen->log.bytes : "nothing");
    }
    return status;
}

static void start(struct guest *guest)
{
    int ends[2], typed[2];
    sigset_t heeded;
    struct process_plan plan = {.argv = guest->plan->argv, .error = -1, .death_signal = SIGKILL};

    (void)sigemptyset(&heeded);
    (void)sigaddset(&heeded, SIGINT);
    (void)sigaddset(&heeded, SIGTERM);
    (void)sigaddset(&heeded, SIGHUP);
    (void)sigaddset(&heeded, SIGQUIT);
    (void)sigaddset(&heeded, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &heeded, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    guest->signals = signalfd(-1, &heeded, SFD_CLOEXEC | SFD_NONBLOCK);
    if (guest->signals < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        cli_fail("cannot watch a guest: %s", strerror(errno));
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    plan.output = ends[1];
    plan.error = guest->plan->error_is_console ? ends[1] : -1;
    guest->console = ends[0];
    guest->input = -1;
    if (guest->plan->console_is_serial) {
        if (pipe2(typed, O_CLOEXEC) != 0) {
            cli_fail("cannot watch a guest: %s", strerror(errno));
        }
        (void)fcntl(typed[1], F_SETFL, O_NONBLOCK);
        plan.input = typed[0];
        plan.own_group = true; /* QEMU reports Ctrl-C, which is the ordinary end of what serves */
        guest->input = typed[1];
        guest->input_at_ms = guest->plan->has_loader ? INT64_MAX : now_ms() + INPUT_HOLD_MS;
    }
    guest->process = process_start(&plan);
    (void)close(ends[1]);
    if (guest->input >= 0) {
        (void)close(typed[0]);
    }
}

int guest_run(const struct guest_plan *plan)
{
    struct guest guest = {.plan = plan};
    unsigned lingered_exit;
    enum end end;

    terminal_save();
    start(&guest);
    if (plan->timeout_ms > 0) {
        guest.timeout_at_ms = now_ms() + plan->timeout_ms;
    }
    guest.started = !plan->has_loader;
    makes_find(&guest.makes);
    guest.makes_at_ms = guest.makes.count > 0 ? now_ms() : 0;
    probe_start(&guest.probe, &plan->probe);
    end = wait_for_end(&guest);
    probe_end(&guest.probe);
    if (end == END_TIMEOUT && guest.probe.answered_count == 0) {
        tell_timeout(&guest);
    }
    lingered_exit = guest.reader.exit;
    end_process(&guest);
    for (unsigned i = 0; i < READ_COUNT_MAX && guest.console >= 0 && pump(&guest); i++) {
    }
    terminal_restore();
    if (plan->was_ended_out != NULL) {
        *plan->was_ended_out = end == END_SIGNAL || end == END_TIMEOUT;
    }
    return outcome(&guest, end, lingered_exit);
}
