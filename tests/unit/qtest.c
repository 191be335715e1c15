/* SPDX-License-Identifier: ISC */
/* See qtest.h. Debian's QEMU lacks the accelerator qtest, so the CPUs idle. The protocols are in QEMU's documentation: a line for a line (qtest), JSON (QMP); of a
 * stream that carries frames, four bytes of length before each (-netdev socket). */
#include "qtest.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES 4096u
#define LINES 256u /* of interrupts */
#define PAUSE_US 1000u
#define IDLE_AT 0x8000u
#define IDLE_AT_TEXT "addr=0x8000"
enum { QTEST, QMP, FRAMES, SOCKETS };

uint8_t *qtest_memory;

static struct {
    pid_t pid;
    int sockets[SOCKETS];
    char text[SOCKETS][LINE_BYTES]; /* that has come and was not taken */
    size_t len[SOCKETS];
    bool interrupts[LINES];
} qemu;

static void set_limit(int socket)
{
    const struct timeval limit = {.tv_sec = QTEST_LIMIT_S};
    assert_int_equal(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
}

static void write_all(int socket, const void *bytes, size_t len)
{
    const uint8_t *next = bytes;
    while (len > 0) {
        const ssize_t done = send(socket, next, len, MSG_NOSIGNAL);
        if (done <= 0)
            fail_msg("QEMU takes nothing: %s", strerror(errno));
        next += done;
        len -= (size_t)done;
    }
}

static void read_all(int socket, void *bytes_out, size_t len)
{
    uint8_t *next = bytes_out;
    while (len > 0) {
        const ssize_t done = recv(socket, next, len, 0);
        if (done <= 0)
            fail_msg("QEMU says nothing: %s", done == 0 ? "it has ended" : strerror(errno));
        next += done;
        len -= (size_t)done;
    }
}

/* The next line of a conversation, without its end. */
static void read_line(unsigned which, char line_out[LINE_BYTES])
{
    char *text = qemu.text[which], *end;
    while ((end = memchr(text, '\n', qemu.len[which])) == NULL) {
        assert_true(qemu.len[which] < LINE_BYTES);
        const ssize_t done =
            recv(qemu.sockets[which], text + qemu.len[which], LINE_BYTES - qemu.len[which], 0);
        if (done <= 0)
            fail_msg("QEMU does not answer: %s", done == 0 ? "it has ended" : strerror(errno));
        qemu.len[which] += (size_t)done;
    }
    const size_t len = (size_t)(end - text);
    memcpy(line_out, text, len);
    line_out[len] = '\0';
    qemu.len[which] -= len + 1;
    memmove(text, end + 1, qemu.len[which]);
}

/* Says a line to qtest, and gives what stands behind the OK. Interrupts are told in between. */
static void ask(const char *question, char answer_out[LINE_BYTES])
{
    unsigned line;
    char word[8];
    write_all(qemu.sockets[QTEST], question, strlen(question));
    for (;;) {
        read_line(QTEST, answer_out);
        if (sscanf(answer_out, "IRQ %7s %u", word, &line) == 2 && line < LINES)
            qemu.interrupts[line] = strcmp(word, "raise") == 0;
        else if (strncmp(answer_out, "OK", 2) == 0)
            break;
        else
            fail_msg("qtest: %s", answer_out);
    }
    memmove(answer_out, answer_out + 2, strlen(answer_out + 2) + 1);
}

uint32_t qtest_read(uint32_t address)
{
    char question[64], answer[LINE_BYTES];
    snprintf(question, sizeof question, "readl 0x%x\n", (unsigned)address);
    ask(question, answer);
    return (uint32_t)strtoull(answer, NULL, 0);
}

void qtest_write(uint32_t address, uint32_t value)
{
    char question[64], answer[LINE_BYTES];
    snprintf(question, sizeof question, "writel 0x%x 0x%x\n", (unsigned)address, (unsigned)value);
    ask(question, answer);
}

bool qtest_interrupt(unsigned line)
{
    assert_true(line < LINES);
    return qemu.interrupts[line];
}

void qtest_pause(unsigned tries)
{
    if (tries >= QTEST_LIMIT_S * (1000000 / PAUSE_US))
        fail_msg("nothing happens in %u seconds", QTEST_LIMIT_S);
    usleep(PAUSE_US);
}

void qtest_send_frame(const uint8_t *frame, size_t len)
{
    const uint8_t head[4] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    write_all(qemu.sockets[FRAMES], head, sizeof head);
    write_all(qemu.sockets[FRAMES], frame, len);
}

size_t qtest_take_frame(uint8_t *frame_out, size_t cap)
{
    uint8_t head[4];
    read_all(qemu.sockets[FRAMES], head, sizeof head);
    const size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    assert_true(len <= cap);
    read_all(qemu.sockets[FRAMES], frame_out, len);
    return len;
}

/* Says a command to QMP, and waits until it is done; events are told in between. */
static void command(const char *text)
{
    char line[LINE_BYTES];
    write_all(qemu.sockets[QMP], text, strlen(text));
    do {
        read_line(QMP, line);
        if (strstr(line, "\"error\"") != NULL)
            fail_msg("QMP: %s", line);
    } while (strstr(line, "\"return\"") == NULL);
}

void qtest_set_link(bool is_up)
{
    command(is_up ? "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"n0\",\"up\":true}}\n"
                  : "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"n0\",\"up\":false}}\n");
}

/* The machine's memory: a file without a name, which QEMU opens by its number. */
static int make_memory(void)
{
    const int file = memfd_create("memory", 0);
    if (file < 0 || ftruncate(file, (off_t)QTEST_MEMORY_BYTES) != 0)
        return -1;
    void *start = mmap(NULL, QTEST_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (start == MAP_FAILED)
        return -1;
    qtest_memory = start;
    memcpy(qtest_memory + IDLE_AT, (const uint32_t[]){0xe320f003, 0xeafffffd}, 8); /* wfi, and once more */
    return file;
}

static void run(const char *path, const char *machine, const char *nic, int memory,
                const int sockets[SOCKETS])
{
    char machine_text[128], memory_text[128], qtest_text[64], qmp_text[64], nic_text[128];
    snprintf(machine_text, sizeof machine_text, "%s,memory-backend=ram", machine);
    snprintf(memory_text, sizeof memory_text, "memory-backend-file,id=ram,share=on,size=%zu,mem-path=/proc/self/fd/%d",
             QTEST_MEMORY_BYTES, memory);
    snprintf(qtest_text, sizeof qtest_text, "socket,id=qtest,fd=%d", sockets[QTEST]);
    snprintf(qmp_text, sizeof qmp_text, "socket,id=qmp,fd=%d", sockets[QMP]);
    snprintf(nic_text, sizeof nic_text, "socket,id=n0,model=%s,fd=%d", nic, sockets[FRAMES]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp(path, path, "-device", "loader,cpu-num=0," IDLE_AT_TEXT, "-device", "loader,cpu-num=1," IDLE_AT_TEXT, "-display", "none", "-nodefaults", "-machine", machine_text, "-object",
           memory_text, "-chardev", qtest_text, "-qtest", "chardev:qtest", "-qtest-log", "none", "-chardev", qmp_text,
           "-mon", "chardev=qmp,mode=control", "-nic", nic_text, (char *)NULL);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

bool qtest_start(const char *path, const char *machine, const char *nic)
{
    char line[LINE_BYTES];
    int theirs[SOCKETS];
    const int memory = make_memory();
    for (unsigned i = 0; i < SOCKETS; i++) {
        int pair[2];
        if (memory < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
            perror("a machine's memory and sockets");
            return false;
        }
        qemu.sockets[i] = pair[0];
        theirs[i] = pair[1];
        (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
        set_limit(pair[0]);
    }
    qemu.pid = fork();
    if (qemu.pid == 0)
        run(path, machine, nic, memory, theirs);
    for (unsigned i = 0; i < SOCKETS; i++)
        close(theirs[i]);
    close(memory);
    if (qemu.pid < 0)
        return false;
    read_line(QMP, line); /* its greeting */
    command("{\"execute\":\"qmp_capabilities\"}\n");
    ask("irq_intercept_in /machine/soc/a9mpcore/gic\n", line);
    return true;
}

void qtest_end(void)
{
    kill(qemu.pid, SIGKILL);
    waitpid(qemu.pid, NULL, 0);
}
