/* SPDX-License-Identifier: ISC */
/* The client in the dom0: asks guests of Xen to do things and says what that took. A guest has an HTTP server on port 80 and
 * on port 9 one that works (see work/main.c). Each command prints one line: bytes, seconds, and seconds of the guest's CPU
 * as Xen counts them, which are those of its calls of Xen too.
 *
 *     client first ADDRESS PATH COMMAND...      from the start of COMMAND until PATH was served
 *     client pages DOMAIN ADDRESS PATH COUNT    asks COUNT times on one connection, one after the other
 *     client work DOMAIN ADDRESS WORDS...       has the work in WORDS done; "sink BYTES" sends so many
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HTTP_PORT 80
#define WORK_PORT 9
#define CONNECT_MS 100 /* a guest that comes up does not hear the first */
#define RETRY_US 5000
#define ANSWER_S 120
#define UP_S 300
#define WARM_UP 50
#define HEAD_BYTES 4096
#define CHUNK_BYTES 262144

/* The plugin of QEMU says what guests have run when this runs, once before what is measured and once behind it. */
__attribute__((noinline)) void bench_mark(void);
void bench_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

static void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Xen's domctl "getdomaininfo", as public/domctl.h has it since Xen 4.12; a Xen of another version of that interface refuses
 * ours, so those are tried that have this layout. */
#define HYPERVISOR_DOMCTL 36
#define DOMCTL_GETDOMAININFO 5
#define DOMCTL_VERSION_MIN 0x11u
#define DOMCTL_VERSION_MAX 0x1fu

struct domctl {
    uint32_t command, version;
    uint16_t domain, pad[3];
    union {
        struct {
            uint16_t domain, pad;
            uint32_t flags;
            uint64_t pages[5], shared_info_frame, cpu_ns;
        } info;
        uint8_t room[256];
    } u;
};

struct hypercall {
    uint64_t op, arg[5];
};

/* What the guest's CPU has run, in seconds. */
static double cpu_s(uint16_t domain)
{
    static struct domctl *domctl;
    static int privcmd = -1;
    static uint32_t version = DOMCTL_VERSION_MIN;
    if (privcmd < 0) {
        privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
        domctl = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
        if (privcmd < 0 || domctl == MAP_FAILED)
            die("/dev/xen/privcmd");
    }
    for (; version <= DOMCTL_VERSION_MAX; version++) {
        *domctl = (struct domctl){.command = DOMCTL_GETDOMAININFO, .version = version, .domain = domain};
        struct hypercall call = {.op = HYPERVISOR_DOMCTL, .arg = {(uint64_t)(uintptr_t)domctl}};
        if (ioctl(privcmd, _IOC(_IOC_NONE, 'P', 0, sizeof call), &call) >= 0 && domctl->u.info.domain == domain)
            return (double)domctl->u.info.cpu_ns / 1e9;
    }
    errno = ENOSYS;
    die("Xen does not tell what the guest's CPU has run");
    return 0;
}

static int try_connect(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t size = sizeof error;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || fd < 0)
        die(address);
    if ((connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) &&
        poll(&ready, 1, CONNECT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
        const struct timeval limit = {.tv_sec = ANSWER_S};
        fcntl(fd, F_SETFL, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return fd;
    }
    close(fd);
    return -1;
}

static int must_connect(const char *address, uint16_t port)
{
    const double until = now_s() + UP_S;
    int fd;
    while ((fd = try_connect(address, port)) < 0) {
        if (now_s() > until)
            die("the guest does not answer");
        usleep(RETRY_US);
    }
    return fd;
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            die("cannot send");
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* Asks for a page and takes all of it; its bytes, or -1. What is in the body is not looked at, nor copied (tcp(7)). */
static long long page(int fd, const char *path)
{
    char head[HEAD_BYTES + 1];
    size_t len = 0;
    const char *end = NULL;
    const int asked = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);
    send_all(fd, head, (size_t)asked);
    while (end == NULL && len < HEAD_BYTES) {
        const ssize_t got = recv(fd, head + len, HEAD_BYTES - len, 0);
        if (got <= 0)
            return -1;
        len += (size_t)got;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    const char *field = strcasestr(head, "\r\nContent-Length:");
    if (strncmp(head, "HTTP/1.1 200", 12) != 0 || end == NULL || field == NULL || field > end)
        return -1;
    const long long size = strtoll(field + 17, NULL, 10);
    long long left = size - (long long)(len - (size_t)(end + 4 - head));
    while (left > 0) {
        const ssize_t got = recv(fd, NULL, (size_t)(left < CHUNK_BYTES ? left : CHUNK_BYTES), MSG_TRUNC);
        if (got <= 0)
            return -1;
        left -= got;
    }
    return left == 0 ? size : -1;
}

static void say(long long bytes, double seconds, double cpu)
{
    printf("%lld %.6f %.6f\n", bytes, seconds, cpu);
}

static int first(const char *address, const char *path, char *command[])
{
    const double start = now_s();
    long long got = -1;
    const pid_t child = fork();
    if (child == 0) {
        execvp(command[0], command);
        die(command[0]);
    }
    while (got < 0 && now_s() < start + UP_S) {
        const int fd = try_connect(address, HTTP_PORT);
        if (fd < 0) {
            usleep(RETRY_US);
            continue;
        }
        got = page(fd, path);
        close(fd);
    }
    say(got, now_s() - start, 0);
    int status;
    waitpid(child, &status, 0);
    return got < 0 || status != 0;
}

static int pages(uint16_t domain, const char *address, const char *path, unsigned long count)
{
    const int fd = must_connect(address, HTTP_PORT);
    long long bytes = 0;
    for (unsigned i = 0; i < WARM_UP && i < count; i++)
        if (page(fd, path) < 0)
            die("no page");
    bench_mark();
    const double start = now_s(), cpu = cpu_s(domain);
    for (unsigned long i = 0; i < count; i++) {
        const long long got = page(fd, path);
        if (got < 0)
            die("no page");
        bytes += got;
    }
    const double cpu_end = cpu_s(domain);
    bench_mark();
    say(bytes, now_s() - start, cpu_end - cpu);
    close(fd);
    return 0;
}

/* The worker answers "done BYTES" or says what was wrong. */
static int work(uint16_t domain, const char *address, char *words[])
{
    static char bytes[CHUNK_BYTES];
    char line[256] = "";
    const int fd = must_connect(address, WORK_PORT);
    for (unsigned i = 0; words[i] != NULL; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", i > 0 ? " " : "", words[i]);
    snprintf(line + strlen(line), sizeof line - strlen(line), "\n");
    long long left = strcmp(words[0], "sink") == 0 && words[1] != NULL ? atoll(words[1]) : 0;
    bench_mark();
    const double start = now_s(), cpu = cpu_s(domain);
    send_all(fd, line, strlen(line));
    for (; left > 0; left -= CHUNK_BYTES)
        send_all(fd, bytes, (size_t)(left < CHUNK_BYTES ? left : CHUNK_BYTES));
    size_t len = 0;
    ssize_t got;
    while ((got = recv(fd, line + len, sizeof line - 1 - len, 0)) > 0) {
        len += (size_t)got;
        if (line[len - 1] == '\n')
            break;
    }
    const double end = now_s(), cpu_end = cpu_s(domain);
    bench_mark();
    line[len] = '\0';
    long long done;
    if (sscanf(line, "done %lld", &done) != 1) {
        fprintf(stderr, "client: the guest says: %s\n", line);
        return EXIT_FAILURE;
    }
    say(done, end - start, cpu_end - cpu);
    close(fd);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc >= 5 && strcmp(argv[1], "first") == 0)
        return first(argv[2], argv[3], argv + 4);
    if (argc == 6 && strcmp(argv[1], "pages") == 0)
        return pages((uint16_t)atoi(argv[2]), argv[3], argv[4], strtoul(argv[5], NULL, 10));
    if (argc >= 5 && strcmp(argv[1], "work") == 0)
        return work((uint16_t)atoi(argv[2]), argv[3], argv + 4);
    fprintf(stderr, "client: the words are in client.c\n");
    return 2;
}
